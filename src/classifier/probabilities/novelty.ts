import { z } from 'zod'
import { parseJson, type Refuse, refuserOf } from '../model/model-file.ts'
import type { Taxonomy } from '../model/taxonomy.ts'
import { logSumExp } from './probabilities.ts'

/** File of a model folder with its novelty parameters; a model without it publishes no novelty. */
export const noveltyFile = 'novelty.json'

/** The input of novelty. */
export interface NoveltyFeatures {
  /** Mean of the hidden vector over the detections. */
  readonly mean: Float32Array
  /** Energy of the logits: −Σ ln Σ exp(logit), the inner sum over siblings, the outer one over groups of siblings. */
  readonly energy: number
  readonly detections: number
}

const numbers = z.array(z.number())
const ascending = numbers.min(2).refine(values => values.every((value, at) => at === 0 || value >= values[at - 1]!), {
  error: 'must ascend'
})
const spread = z.strictObject({ mean: z.number(), deviation: z.number().positive() })
/** Schema of a novelty file. */
export const noveltyShape = z.strictObject({
  format: z.literal('hierax-novelty'),
  formatVersion: z.literal(1),
  /** Number of objects behind centre, whitening and spreads, and a description of the objects behind the scale. */
  objects: z.number().int(),
  scaledOn: z.string(),
  /** Mean and standard deviation of the log distance and of the energy over the training set. */
  distance: spread,
  energy: spread,
  /** Quantile levels of the scores in `scale`, over objects of known classes. */
  levels: ascending.refine(values => values[0] === 0 && values.at(-1) === 1, { error: 'must run from 0 to 1' }),
  /** Scores by the number of detections: the first entry whose `untilDetections` is not exceeded. */
  scale: z.array(z.strictObject({ untilDetections: z.number().int().positive().nullable(), scores: ascending })).min(1),
  /** Minimum and maximum of each input in the training set, with a margin. Outside this range novelty is 1. */
  range: z.strictObject({ low: numbers, high: numbers }).optional(),
  /** Mean of the training set [hidden]. */
  centre: numbers.min(1),
  /** Rows of the lower-triangular matrix that whitens the training set: row i has i + 1 numbers. */
  whitening: z.array(numbers)
})

/** Content of a novelty file. */
export type NoveltyFile = Omit<z.infer<typeof noveltyShape>, 'format' | 'formatVersion'>

/** Novelty features of an object, from its mean hidden vector and the logits of the taxonomy's nodes. */
export function noveltyFeatures(
  taxonomy: Taxonomy,
  mean: Float32Array,
  logits: Float32Array,
  detections: number
): NoveltyFeatures {
  let energy = 0
  for (const group of taxonomy.siblings) energy -= logSumExp(logits, group)
  return { mean, energy, detections }
}

/**
 * How much an object differs from the training set of the model. The score is the sum of two standardised terms: the log Mahalanobis
 * distance of the mean hidden vector from that of the training set, and the energy of the logits (Liu et al. 2020,
 * arXiv:2010.03759). It is mapped to 0–1 by the quantiles of objects of known classes with as many detections. Plain loops, one
 * object at a time, so the result is bit-identical in any batch.
 */
export class NoveltyProbe {
  readonly #file: Omit<NoveltyFile, 'objects' | 'scaledOn'>
  readonly #whitening: Float64Array
  readonly #centred: Float64Array

  constructor(file: Omit<NoveltyFile, 'objects' | 'scaledOn'>) {
    this.#file = file
    this.#whitening = Float64Array.from(file.whitening.flat())
    this.#centred = new Float64Array(file.centre.length)
  }

  /** Whether any of the inputs at an offset is outside the range of the training set. */
  isOutside(inputs: Float32Array, offset: number): boolean {
    const { range } = this.#file
    if (range === undefined) return false
    const { low, high } = range
    for (let at = 0; at < low.length; at++) {
      const value = inputs[offset + at] as number
      if (value < (low[at] as number) || value > (high[at] as number)) return true
    }
    return false
  }

  /** Fraction of the objects of known classes with as many detections that have a lower score, 0–1. */
  novelty(features: NoveltyFeatures): number {
    const { scale, levels } = this.#file
    const score = this.score(features)
    const entry = scale.find(({ untilDetections: until }) => until === null || features.detections <= until)
    const scores = (entry ?? (scale.at(-1) as NoveltyFile['scale'][number])).scores
    const last = scores.length - 1
    if (score <= (scores[0] as number)) return 0
    if (score >= (scores[last] as number)) return 1
    let upper = 1
    while ((scores[upper] as number) < score) upper++
    const [low, high] = [scores[upper - 1] as number, scores[upper] as number]
    const [from, to] = [levels[upper - 1] as number, levels[upper] as number]
    return from + ((to - from) * (score - low)) / (high - low)
  }

  /** The sum of the two terms: about 0 ± 1.5 for objects of the training set. */
  score({ mean, energy }: NoveltyFeatures): number {
    const { distance, energy: ofEnergy } = this.#file
    const far = (Math.log(this.#distance(mean)) - distance.mean) / distance.deviation
    return far + (energy - ofEnergy.mean) / ofEnergy.deviation
  }

  /** Squared Mahalanobis distance from the training set. */
  #distance(mean: Float32Array): number {
    const centred = this.#centred
    const { centre } = this.#file
    for (let row = 0; row < centred.length; row++) centred[row] = (mean[row] as number) - (centre[row] as number)
    const whole = centred.length - (centred.length % 4)
    let squares = 0
    for (let row = 0; row < whole; row += 4) squares = this.#addFourRows(squares, row)
    for (let row = whole; row < centred.length; row++) {
      const sum = this.#rest(0, row, 0)
      squares += sum * sum
    }
    return squares
  }

  /**
   * Adds the squares of four rows of the product. Side by side, as the sum of a single row waits for each addition; every sum has the order
   * of its own row.
   */
  #addFourRows(squares: number, row: number): number {
    const whitening = this.#whitening
    const centred = this.#centred
    const [a, b, c, d] = [startOf(row), startOf(row + 1), startOf(row + 2), startOf(row + 3)]
    let [ofA, ofB, ofC, ofD] = [0, 0, 0, 0]
    for (let column = 0; column <= row; column++) {
      const value = centred[column] as number
      ofA += (whitening[a + column] as number) * value
      ofB += (whitening[b + column] as number) * value
      ofC += (whitening[c + column] as number) * value
      ofD += (whitening[d + column] as number) * value
    }
    ofB = this.#rest(ofB, row + 1, row + 1)
    ofC = this.#rest(ofC, row + 2, row + 1)
    ofD = this.#rest(ofD, row + 3, row + 1)
    return squares + ofA * ofA + ofB * ofB + ofC * ofC + ofD * ofD
  }

  /** The sum of a row that has come to a column. */
  #rest(sum: number, row: number, from: number): number {
    const start = startOf(row)
    for (let column = from; column <= row; column++) {
      sum += (this.#whitening[start + column] as number) * (this.#centred[column] as number)
    }
    return sum
  }
}

/** Where a row of a lower-triangular matrix begins. */
function startOf(row: number): number {
  return (row * (row + 1)) / 2
}

/** Reads a novelty file for a network with a hidden vector of `width` that sees `inputs` numbers a detection. Throws MODEL_INVALID; `origin` names the file. */
export function parseNovelty(text: string, width: number, inputs: number, origin: string): NoveltyProbe {
  const refuse: Refuse = refuserOf(origin)
  const file = parseJson(text, noveltyShape, refuse)
  const { centre, whitening, scale, levels, range } = file
  if (range !== undefined && (range.low.length !== inputs || range.high.length !== inputs))
    refuse(`the range has ${range.low.length} and ${range.high.length} numbers, a detection has ${inputs}`)
  if (centre.length !== width) refuse(`the centre has ${centre.length} numbers, the hidden vector has ${width}`)
  if (whitening.length !== width)
    refuse(`whitening has ${whitening.length} rows, the hidden vector has ${width} numbers`)
  const short = whitening.findIndex((row, at) => row.length !== at + 1)
  if (short >= 0) refuse(`whitening[${short}] has ${whitening[short]?.length} numbers, expected ${short + 1}`)
  if (scale.some(({ scores }) => scores.length !== levels.length))
    refuse('`scores` and `levels` must have the same length')
  if (scale.at(-1)?.untilDetections !== null) refuse('the last entry of `scale` must have `untilDetections` null')
  return new NoveltyProbe(file)
}
