import { classification } from '../../src/service/schema/examples.ts'
import { table } from './markdown.ts'

const { evidence } = classification
const sums = evidence.map(({ lightCurve, context, prior }) => lightCurve + context + prior)
const total = sums.reduce((sum, one) => sum + Math.exp(one), 0)

/** The text below the reference table: the meaning of the numbers. */
export function messageText(): string {
  return `## What a probability means

\`nodes[].probability\` is P(node) for one alert among the alerts of the \`population\`. \`stream\` is a ZTF night after admission: mostly
stars, active nuclei and variables, few transients. Of 100 alerts of such a night with P(SN Ia) near 0.3, about 30 should be SNe Ia. For any other
selection the numbers are off by as much as its class mix differs: among alerts from which you have already removed stars, transients are more
frequent than the probabilities say. The [model card](../models) has the shares, their origin, and the calibration on objects that
the model was not trained on.

\`population\` is null for a model whose card has none. Its probabilities apply to the class mix of its training set, which for labelled light curves
is mostly supernovae: use them to rank objects, not as frequencies in the stream.

\`conditional\` is P(node | parent). \`novelty\` is not a probability: it measures how much the object differs from the training set. If it is
near 1, the probabilities mean little.

## Evidence

For the children of the root, three terms are added, each a natural logarithm:

${table(
  ['Term', 'Computed from'],
  [
    ['`lightCurve`', 'the admitted points of the light curve, by the network'],
    [
      '`context`',
      'the other fields of the alert’s packet: catalogued sources near the position, earlier detections there; 0 if the packet has none of these fields, and for a model without a context term'
    ],
    ['`prior`', 'ln(share in the population / share in the training set); 0 without a population']
  ]
)}

The softmax of the sums over the children of the root gives their \`conditional\`. For two children, the difference of the sums is the log odds. An
example:

${table(
  ['Node', 'lightCurve', 'context', 'prior', 'Sum', 'conditional'],
  evidence.map(({ node, lightCurve, context, prior }, index) => [
    node,
    String(lightCurve),
    String(context),
    String(prior),
    (sums[index] as number).toFixed(3),
    (Math.exp(sums[index] as number) / total).toFixed(3)
  ])
)}

Only differences between nodes matter: a number added to a term of all nodes changes nothing. A difference of 1 multiplies the odds by
2.7, a difference of 3 by 20. You can recombine the terms:

- **Another class mix**: add ln(your share / the share in \`population.shares\`) to each sum, then take the softmax. For deeper nodes, multiply
  \`probability\` by (new conditional / old conditional) of the ancestor below the root.
- **The light curve alone**: leave \`context\` out of the sums.
- **Disagreement** between the two is worth a look: a supernova in front of a star, a star that fades for the first time, a wrong
  catalogue match.

Context is strong at the position of a catalogued star. It is weak where no catalogue has a source, and in the core of a galaxy, where supernovae
and active nuclei have similar context: there the light curve decides. \`evidence\` covers only the first split. If a model's context term applies to
deeper nodes, it is contained in their conditionals, without an entry of its own.

## In words

\`hierax tail\` and the page print the evidence in words. With two children of the root they compare the first with the second, whichever is likelier;
with more, the likeliest with the next. \`Transient: light curve +3.1, context −5.0 (0.2″ from a star of score .99), prior −3.5\` means: the light curve
is 22 times (e^3.1) likelier for a transient than for a persistent source, the star at the position makes a transient 150 times less likely, and transients
are 33 times rarer in the stream than among labelled light curves. For the context, the first of these facts that applies is printed (the page shows two):

1. a PS1 source with a star–galaxy score above 0.76 within 1.5″;
2. otherwise, a Gaia source within 1″;
3. at least 10 detections over more than 90 days (\`ndethist\`, \`jdstarthist\`);
4. the nearest PS1 source of any kind (score up to 0.24: galaxy), or that there is none within 30″;
5. a shorter history.

These facts describe the packet. The context term itself is learned from all fields of \`context\` together.

## Counts of the light curve

\`lightCurve.detections\`, \`upperLimits\` and the dates count the points that the classification is computed from: those that pass \`admit.*\`. \`revision\`
counts all stored points. \`lightCurve.ndethist\` and \`jdstarthist\` are the packet's statements about the position since the survey began. The packet's history
has only 30 days, so they go back further than the points. They include bogus detections, and only detections in the same field and quadrant.

\`firstJd\` and \`lastJd\` count upper limits: in real packets the first point is a month before the first detection, in the median. The age of an object is
\`jd - lightCurve.firstDetectionJd\`. If the history of the position matters too, use the earlier one of \`firstDetectionJd\` and \`jdstarthist\`.

\`lightCurve.peak\` has the brightest detection of each band up to the alert's time: \`{"g": {"jd": 2459000.5, "magnitude": 17.5}}\`. Detections with a negative difference
(fainter than the reference image) do not count, so a band may be missing. It does not depend on the order in which the points came. A band whose peak is its
latest detection may still be rising. The magnitudes, distances and scores of the host or the nearest star are in \`context\`.

Some points of a packet's history are not photometry: magnitudes outside -2 to 30, errors that are not above 0 or exceed 1.2 mag, upper limits brighter
than 5 mag (values such as -999 and 99 stand for "none"), and a date, filter or programme that does not exist. They are left out of the light curve.
\`lightCurve.droppedPoints\` is their number in the alert's own packet; a classification with many of them rests on part of the history only. An alert
whose own point is not photometry is a dead letter (\`INVALID_VALUE\`).

## Messages of earlier releases

Those of the first release have no \`evidence\`, \`context\` and \`population\`, and fewer fields in \`lightCurve\`. Avro readers that use the current schema get the defaults: empty
arrays and maps, nulls, and 0 for \`droppedPoints\`. In JSON these fields are absent.`
}
