import { HieraxError } from '../errors.ts'
import type { Observation } from '../lightcurves/observation.ts'
import type { Card } from './card.ts'
import type { SteppedCurve, SteppedQuestion } from './lanes.ts'
import type { Classifier, Reply } from './types.ts'

/** A probe's probabilities may differ by so much between backends, … */
const tolerance = 1e-4
/** … and its novelty by so much: between two levels of its scale it can be steep. */
const noveltyTolerance = 2e-3

/** A classifier that asks no more of a light curve than the network does. */
interface Probed extends Pick<Classifier, 'nodes'> {
  classify(questions: readonly SteppedQuestion[]): Promise<Reply[]>
}

/** Runs a card's probe light curve. Throws MODEL_INVALID where a node's probability or the novelty is not the card's. */
export async function checkProbe(classifier: Probed, card: Pick<Card, 'probe'>, origin: string): Promise<void> {
  const { probabilities: got, novelty } = await runProbe(classifier, card.probe.points)
  const wanted = card.probe.probabilities
  for (const name of new Set([...Object.keys(got), ...Object.keys(wanted)])) {
    const difference = Math.abs((got[name] ?? Number.NaN) - (wanted[name] ?? Number.NaN))
    if (difference <= tolerance) continue
    throw new HieraxError(
      'MODEL_INVALID',
      `${origin}: the probe gives P(${name}) = ${got[name]}, the card wants ${wanted[name]} to ${tolerance}`
    )
  }
  const want = card.probe.novelty ?? null
  if (novelty === want || Math.abs((novelty ?? Number.NaN) - (want ?? Number.NaN)) <= noveltyTolerance) return
  throw new HieraxError(
    'MODEL_INVALID',
    `${origin}: the probe gives the novelty ${novelty}, the card wants ${want} to ${noveltyTolerance}`
  )
}

/** A probe for a card: its light curve, the marginal probability of every node, and the novelty. */
export async function runProbe(
  classifier: Probed,
  points: Card['probe']['points']
): Promise<Card['probe'] & { readonly novelty: number | null }> {
  const jd = points.at(-1)?.jd ?? 0
  const [reply] = await classifier.classify([{ curve: probeCurve(points), jd, state: null }])
  const probabilities = classifier.nodes.map(({ name }, node) => [name, reply?.answer.probability[node] as number])
  return { points, probabilities: Object.fromEntries(probabilities), novelty: reply?.answer.novelty ?? null }
}

/** The points of a probe as a light curve that is cached nowhere, and so needs no hash. */
function probeCurve(points: Card['probe']['points']): SteppedCurve {
  const at = (index: number): Observation => ({
    ...points[index]!,
    ...{ own: true, candid: null, realBogus: null, solarSystemDistance: null }
  })
  return { length: points.length, at, jd: index => points[index]!.jd, hashOf: () => 0n }
}
