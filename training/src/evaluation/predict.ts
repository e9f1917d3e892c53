import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { SteppedCurve, SteppedQuestion } from 'hierax/classifier/network/sequence-rows.ts'
import { pointsOf } from 'hierax/classifier/points.ts'
import type { NodeProbabilities, Reply } from 'hierax/classifier/types.ts'
import { chunks } from '../collections.ts'
import type { LabelledObject } from '../data/labelled.ts'

/** Where a light curve is cut: a number of days after its first detection, or not at all. */
export type Cut = number | 'full'

/** The prediction of a model for an object at a cut. */
export interface Prediction<T extends LabelledObject = LabelledObject> extends NodeProbabilities {
  readonly object: T
  readonly cut: Cut
  /** Days from the first to the latest detection that was seen. */
  readonly age: number
  /** As the message has it. */
  readonly novelty: number | null
}

/** Objects that go through the network side by side. */
const group = 1024

/**
 * Classifies objects at every cut, cuts ascending: all cuts of an object one after another. Every detection is stepped through
 * once, as the state of one cut serves the next.
 */
export async function* predictAll<T extends LabelledObject>(
  classifier: Pick<RecurrentClassifier, 'classify'>,
  objects: readonly T[],
  cuts: readonly Cut[]
): AsyncGenerator<Prediction<T>> {
  for (const some of chunks(objects, group)) {
    const curves = some.map(curveOf)
    const byCut: Prediction<T>[][] = []
    let states: (Uint8Array | null)[] = some.map(() => null)
    for (const cut of ascendingCuts(cuts)) {
      const questions = some.map(({ points }, at): SteppedQuestion => {
        const first = points.find(point => point.detection)?.jd ?? Number.NEGATIVE_INFINITY
        return { curve: curves[at] as SteppedCurve, jd: first + daysOf(cut), state: states[at] ?? null }
      })
      const replies = await classifier.classify(questions)
      states = replies.map(({ state }) => (state.length > 0 ? state : null))
      byCut.push(
        some.map((object, at) => {
          const { conditional, probability, novelty } = (replies[at] as Reply).answer
          return { object, cut, age: ageAt(object, questions[at]?.jd ?? 0), conditional, probability, novelty }
        })
      )
    }
    for (const at of some.keys()) for (const predictions of byCut) yield predictions[at] as Prediction<T>
  }
}

/** Days of a cut; infinite for the whole curve. */
export function daysOf(cut: Cut): number {
  return cut === 'full' ? Number.POSITIVE_INFINITY : cut
}

/** Each cut once, in ascending order. */
export function ascendingCuts(cuts: readonly Cut[]): Cut[] {
  return [...new Set(cuts)].sort((a, b) => daysOf(a) - daysOf(b))
}

function ageAt({ points }: LabelledObject, jd: number): number {
  const seen = points.filter(point => point.detection && point.jd <= jd)
  return seen.length === 0 ? 0 : (seen.at(-1)?.jd ?? 0) - (seen[0]?.jd ?? 0)
}

/** An object's points as a classifier reads them. They never change, so their number is their hash. */
export function curveOf({ points }: LabelledObject): SteppedCurve {
  return { ...pointsOf(points), hashOf: length => BigInt(length) }
}
