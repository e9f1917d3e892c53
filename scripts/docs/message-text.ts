import { classification } from '../../src/service/examples.ts'
import { table } from './markdown.ts'

const { evidence } = classification
const sums = evidence.map(({ lightCurve, context, prior }) => lightCurve + context + prior)
const total = sums.reduce((sum, one) => sum + Math.exp(one), 0)

/** What stands below the reference table: what the numbers mean. */
export function messageText(): string {
  return `## What a probability means

\`nodes[].probability\` is P(node) for one alert among the alerts of the \`population\`. \`stream\` is what a ZTF night brings after the admission gates: mostly
stars, active nuclei and variables, few transients. Of 100 alerts of such a night with P(SN Ia) near 0.3, about 30 should be SNe Ia. For any other
selection the numbers are off by as much as its class mix differs: among alerts that you have already freed of stars, transients are more
frequent than the probabilities say. The [model's card](../models) has the shares, where they come from, and how well the probabilities hold on objects that
the model has not seen.

\`population\` is null for a model whose card has none. Its probabilities hold for the class mix of its training set, which for labelled light curves
is mostly supernovae: rank by them, but do not read them as frequencies of the stream.

\`conditional\` is P(node | parent). \`novelty\` is no probability: it says how far the object is from all that the model was trained on. Where it is
near 1, the probabilities mean little.

## Evidence: why

Below the root the answer is a sum of three terms, each a natural logarithm:

${table(
  ['Term', 'What it rests on'],
  [
    ['`lightCurve`', 'the points of the light curve that pass the gates, as the network reads them'],
    [
      '`context`',
      'the other fields of the alert’s packet: catalogued sources near it, the history of detections at its place; 0 where the packet has none of them, and for a model without a context term'
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

Only differences between nodes count: a number that is added to a term of all nodes changes nothing. A difference of 1 multiplies the odds by
2.7, one of 3 by 20. The terms can be taken apart again:

- **Another class mix**: add ln(your share / the share in \`population.shares\`) to each sum, then take the softmax. Below the root multiply
  \`probability\` by (new conditional / old conditional) of the ancestor below the root.
- **What the light curve says by itself**: leave \`context\` out of the sums.
- **Where the two disagree** there is something to look at: a supernova in front of a star, a star that fades for the first time, a wrong
  match of the catalogue.

Context is strong where a catalogued star is at the place, and weak where no catalogue has a source, and in the core of a galaxy, where supernovae
and active nuclei look alike to it: there the light curve decides. \`evidence\` tells of the first split only. Where a model's context term reaches further down, it is
in the conditionals there, without an entry of its own.

## In words

\`hierax tail\` and the page say the same in words. Of two children of the root they show the first against the second, whichever wins; of more, the
likeliest against the next. \`Transient: light curve +3.1, context −5.0 (0.2″ from a star of score .99), prior −3.5\` is to be read as: the light curve
looks 22 times (e^3.1) more like a transient than like anything persistent, the star at its place makes it 150 times less likely, and transients are 33 times rarer in
the stream than among labelled light curves. For the context, the first of these facts is given (two on the page):

1. a PS1 source with a star–galaxy score above 0.76 within 1.5″;
2. where there is none, a Gaia source within 1″;
3. at least 10 detections over more than 90 days (\`ndethist\`, \`jdstarthist\`);
4. the nearest PS1 source, whatever it is (score up to 0.24: galaxy), or that none is within 30″;
5. a shorter history.

They describe the packet. What the term makes of them is learned from all fields of \`context\` together.

## The light curve's counts

\`lightCurve.detections\`, \`upperLimits\` and the dates count the points that the answer rests on: those that pass the gates of \`admit\`. \`revision\` counts all that are stored.
\`lightCurve.ndethist\` and \`jdstarthist\` are what the packet says of this place since the survey began: its history holds 30 days at most, so that
they reach further back than the points. They count bogus detections too, and only those of one field and quadrant.

## Messages of the first release

have no \`evidence\`, \`context\`, \`population\`, and four fields fewer in \`lightCurve\`. Avro readers that use today's schema get the defaults: an empty
array and nulls. In JSON these fields are absent.`
}
