import type { Card } from 'hierax/classifier/card.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { LabelledObject } from './labelled.ts'
import type { Prediction } from './predict.ts'

/** Until which ages, days, classes are named for the best F1 to be expected, and by which power of the prior. Ascending. */
export type NamingAges = readonly { readonly untilDays: number; readonly value: number }[]

/** The rule for these ages as a card has it: with the attainable F1 of every node. */
export type Naming = NonNullable<Card['decision']['naming']>

/** Too few objects of an age to tell what F1 is attainable. */
const fewest = 50

/**
 * The highest F1 that is to be expected when some objects are said to be of a class and the others are not: the greatest of
 * 2 Σ p / (m + Σ all p) over the m with the highest probabilities. A rule that reaches it says so where p exceeds half of it (Lipton,
 * Elkan & Naryanaswamy 2014, arXiv:1402.1892). It needs calibrated probabilities, and no labels.
 */
export function attainableF1(probabilities: Float64Array): number {
  const descending = probabilities.slice().sort().reverse()
  const all = descending.reduce((sum, p) => sum + p, 0)
  let said = 0
  let best = 0
  for (const [index, p] of descending.entries()) {
    said += p
    best = Math.max(best, (2 * said) / (index + 1 + all))
  }
  return all > 0 ? Math.min(1, best) : 0
}

/**
 * What F1 is attainable at each node and age, from predictions of objects that were not trained on: of each object the latest answer
 * within an age. Ages of fewer than 50 objects are left out.
 */
export function fitNaming(
  taxonomy: Taxonomy,
  predictions: readonly Prediction<LabelledObject>[],
  ages: NamingAges
): Naming {
  let from = Number.NEGATIVE_INFINITY
  return ages.flatMap(({ untilDays, value }) => {
    const latest = new Map<string, Prediction<LabelledObject>>()
    for (const prediction of predictions) {
      const { id } = prediction.object
      if (prediction.age <= from || prediction.age > untilDays) continue
      if (prediction.age >= (latest.get(id)?.age ?? 0)) latest.set(id, prediction)
    }
    from = untilDays
    if (latest.size < fewest) return []
    const some = [...latest.values()]
    const f1 = taxonomy.nodes.map(({ name }, node): [string, number] => {
      const attainable = attainableF1(Float64Array.from(some, ({ probability }) => probability[node] as number))
      return [name, Number(attainable.toFixed(4))]
    })
    return [{ untilDays, priorPower: value, f1: Object.fromEntries(f1) }]
  })
}
