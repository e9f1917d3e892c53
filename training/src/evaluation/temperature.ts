import type { CardDraft } from 'hierax/classifier/model/card.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import { sum } from '../collections.ts'
import type { KnownObject } from '../data/labelled.ts'
import { unweightedWhxe } from '../network/whxe.ts'
import type { Prediction } from './predict.ts'

/** Temperatures by the age of a light curve, as a card has them. */
export type Temperature = NonNullable<CardDraft['temperature']>

/** Ages at which the temperature changes, days. */
const untilDays: readonly (number | null)[] = [15, null]
const lowest = 0.5
const highest = 3
/** Too few to fit a temperature from. */
const fewest = 50

/**
 * Temperatures for light curves up to 15 days old and for older ones: those under which the hierarchical cross-entropy of
 * predictions (made without any temperature, on objects that were not trained on) is lowest. 1 where there are too few.
 */
export function fitTemperature(taxonomy: Taxonomy, predictions: readonly Prediction<KnownObject>[]): Temperature {
  let from = Number.NEGATIVE_INFINITY
  return untilDays.map(until => {
    const some = predictions.filter(({ age }) => age > from && age <= (until ?? Number.POSITIVE_INFINITY))
    from = until ?? from
    return { untilDays: until, value: some.length < fewest ? 1 : Number(coolest(taxonomy, some).toFixed(3)) }
  })
}

/** The predictions after division of the logits by temperatures. */
export function atTemperature<T extends KnownObject>(
  taxonomy: Taxonomy,
  predictions: readonly Prediction<T>[],
  temperature: Temperature
): Prediction<T>[] {
  return predictions.map(prediction => {
    const entry = temperature.find(({ untilDays }) => untilDays === null || prediction.age <= untilDays)
    return { ...prediction, ...nodeProbabilities(taxonomy, logits(prediction), entry?.value ?? 1) }
  })
}

/** Logits are conditionals' logarithms, but for what cancels within siblings. */
function logits({ conditional }: Pick<Prediction, 'conditional'>): Float64Array {
  return conditional.map(p => Math.log(Math.max(p, 1e-30)))
}

/** Golden-section search in the temperature's logarithm. */
function coolest(taxonomy: Taxonomy, predictions: readonly Prediction<KnownObject>[]): number {
  const whxe = unweightedWhxe(taxonomy)
  const cases = predictions.map(prediction => ({ logits: logits(prediction), node: prediction.object.node }))
  const lossAt = (logarithm: number): number => {
    const scale = 1 / Math.exp(logarithm)
    const losses = cases.map(({ logits, node }) =>
      whxe.loss(
        logits.map(logit => logit * scale),
        node
      )
    )
    return sum(losses)
  }
  const ratio = (Math.sqrt(5) - 1) / 2
  let [low, high] = [Math.log(lowest), Math.log(highest)]
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)]
  let [ofLeft, ofRight] = [lossAt(left), lossAt(right)]
  while (high - low > 2e-3) {
    if (ofLeft < ofRight) {
      ;[high, right, ofRight] = [right, left, ofLeft]
      left = high - ratio * (high - low)
      ofLeft = lossAt(left)
    } else {
      ;[low, left, ofLeft] = [left, right, ofRight]
      right = low + ratio * (high - low)
      ofRight = lossAt(right)
    }
  }
  return Math.exp((low + high) / 2)
}
