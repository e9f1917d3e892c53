import { HieraxError } from '../errors.ts'
import type { Card } from './model/card.ts'
import type { SteppedQuestion } from './network/sequence-rows.ts'
import { pointsOf } from './points.ts'
import type { Classifier, Reply } from './types.ts'

/** Maximum difference of a probability between backends. */
const tolerance = 1e-4
/** Maximum difference of novelty, which can be steep between two levels of its scale. */
const noveltyTolerance = 2e-3

/** A classifier that accepts a light curve without a hash. */
interface Probed extends Pick<Classifier, 'nodes'> {
  classify(questions: readonly SteppedQuestion[]): Promise<Reply[]>
}

/** Runs the probe of a card. Throws MODEL_INVALID if a probability or the novelty differs from the card. */
export async function checkProbe(classifier: Probed, card: Pick<Card, 'probe'>, origin: string): Promise<void> {
  const got = await runProbe(classifier, card.probe.points, card.probe.withContext)
  compare(got.probabilities, card.probe.probabilities, `${origin}: the probe`)
  if (card.probe.withContext !== undefined) {
    compare(
      got.withContext?.probabilities ?? {},
      card.probe.withContext.probabilities,
      `${origin}: the probe with context`
    )
  }
  const want = card.probe.novelty ?? null
  const { novelty } = got
  if (novelty === want || Math.abs((novelty ?? Number.NaN) - (want ?? Number.NaN)) <= noveltyTolerance) return
  throw new HieraxError(
    'MODEL_INVALID',
    `${origin}: the probe has novelty ${novelty}, the card has ${want} (tolerance ${noveltyTolerance})`
  )
}

function compare(got: Probabilities, wanted: Probabilities, what: string): void {
  for (const name of new Set([...Object.keys(got), ...Object.keys(wanted)])) {
    const [is, should] = [got, wanted].map(each => (Object.hasOwn(each, name) ? each[name] : undefined))
    const difference = Math.abs((is ?? Number.NaN) - (should ?? Number.NaN))
    if (difference <= tolerance) continue
    throw new HieraxError(
      'MODEL_INVALID',
      `${what} has P(${name}) = ${is}, the card has ${should} (tolerance ${tolerance})`
    )
  }
}

/** A probe for a card: its light curve, the marginal probability of every node with and without an alert's context, and the novelty. */
export async function runProbe(
  classifier: Probed,
  points: Card['probe']['points'],
  alert?: Pick<NonNullable<Card['probe']['withContext']>, 'magnitude' | 'context'>
): Promise<Card['probe'] & { readonly novelty: number | null }> {
  const jd = points.at(-1)?.jd ?? 0
  // It is never cached, so it needs no hash.
  const curve = { ...pointsOf(points), hashOf: () => 0n }
  const question = { curve, jd, state: null }
  const [plain, full] = await classifier.classify([question, { ...question, alert: alert ? { jd, ...alert } : null }])
  const byName = (reply: Reply | undefined): Probabilities =>
    Object.fromEntries(classifier.nodes.map(({ name }, node) => [name, reply?.answer.probability[node] as number]))
  const withContext = alert ? { withContext: { ...alert, probabilities: byName(full) } } : {}
  return { points, probabilities: byName(plain), novelty: plain?.answer.novelty ?? null, ...withContext }
}

type Probabilities = Readonly<Record<string, number>>
