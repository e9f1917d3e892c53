import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import type { InputSet } from 'hierax/classifier/inputs/input-sets.ts'
import type { SteppedCurve } from 'hierax/classifier/network/sequence-rows.ts'
import {
  type NoveltyFeatures,
  type NoveltyFile,
  NoveltyProbe,
  noveltyShape
} from 'hierax/classifier/probabilities/novelty.ts'
import { CholeskyDecomposition, inverse, Matrix } from 'ml-matrix'
import { chunks, mean } from '../collections.ts'
import type { KnownObject, LabelledObject } from '../data/labelled.ts'
import { sequenceOf } from '../network/batches.ts'
import { curveOf } from './predict.ts'

/** How novel an object is, before it is put on a scale. */
export interface NoveltyScore {
  readonly detections: number
  readonly score: number
}

/** The scale from scores to novelties of 0 to 1, by the number of detections, and the objects that it comes from. */
export type NoveltyScale = Pick<NoveltyFile, 'levels' | 'scale' | 'scaledOn'>

export const noveltyScaleShape = noveltyShape.pick({ levels: true, scale: true, scaledOn: true })

/** A probe that has no scale yet. */
export type UnscaledNovelty = Omit<NoveltyFile, keyof NoveltyScale>

/** Objects that go through the network side by side. */
const group = 1024
/** Share of the covariance that is replaced by a sphere of the same size: rare directions are not trusted wholly. */
const shrinkage = 0.01
/** The scale changes after this number of detections, if each part has enough scores. */
const steps = [1, 2, 5, 11, 23, 47]
const fewest = 200
const levels: readonly number[] = [
  ...Array.from({ length: 18 }, (_, at) => at / 20),
  ...Array.from({ length: 10 }, (_, at) => (90 + at) / 100),
  0.995,
  1
]

/** The novelty features of objects after 1, 2, 4, 8, … detections and after the last. Objects must have a detection. */
export async function collectNoveltyFeatures(
  classifier: Pick<RecurrentClassifier, 'classify'>,
  objects: readonly LabelledObject[]
): Promise<NoveltyFeatures[]> {
  const found: NoveltyFeatures[] = []
  for (const some of chunks(objects, group)) {
    const curves = some.map(curveOf)
    let under = some.map((_, at) => ({ at, state: null as Uint8Array | null }))
    for (let count = 1; under.length > 0; count *= 2) {
      const questions = under.map(({ at, state }) => {
        const { points, detections } = some[at] as LabelledObject
        const last = points.filter(point => point.detection)[Math.min(count, detections) - 1]
        return { curve: curves[at] as SteppedCurve, jd: last?.jd ?? 0, state }
      })
      const replies = await classifier.classify(questions)
      for (const { noveltyFeatures } of replies) if (noveltyFeatures !== null) found.push(noveltyFeatures)
      under = under
        .map(({ at }, which) => ({ at, state: replies[which]?.state ?? null }))
        .filter(({ at }) => (some[at] as LabelledObject).detections > count)
    }
  }
  return found
}

/** The range may be exceeded by this part of its width. */
const rangeMargin = 0.1

/** Least and greatest value of every input over all detections of objects, with a margin. */
export function rangeOf(objects: readonly KnownObject[], inputs: InputSet): NonNullable<NoveltyFile['range']> {
  const low = new Array<number>(inputs.count).fill(Number.POSITIVE_INFINITY)
  const high = new Array<number>(inputs.count).fill(Number.NEGATIVE_INFINITY)
  for (const { points, node } of objects) {
    const { inputs: values } = sequenceOf(points, node, 0, inputs)
    for (const [at, value] of values.entries()) {
      const input = at % inputs.count
      if (value < (low[input] as number)) low[input] = value
      if (value > (high[input] as number)) high[input] = value
    }
  }
  const margin = low.map((least, at) => rangeMargin * Math.max((high[at] as number) - least, 1e-3))
  return {
    low: low.map((least, at) => rounded(least - (margin[at] as number))),
    high: high.map((most, at) => rounded(most + (margin[at] as number)))
  }
}

/** Centre, whitening and spreads of the novelty features of a training set. Requires at least one entry. */
export function fitNovelty(
  features: readonly NoveltyFeatures[],
  objects: number,
  range?: NoveltyFile['range']
): UnscaledNovelty {
  const width = features[0]?.mean.length ?? 0
  const centre = Array.from({ length: width }, (_, at) => rounded(mean(features.map(each => each.mean[at] as number))))
  const lower = whiteningOf(features, centre)
  const whitening = lower.map((row, at) => row.slice(0, at + 1).map(rounded))
  const spread = (of: 'distance' | 'energy'): NoveltyFile['distance'] => {
    const [flat, off] = [
      { mean: 0, deviation: 1 },
      { mean: 0, deviation: Number.MAX_VALUE }
    ]
    const alone = { distance: of === 'distance' ? flat : off, energy: of === 'energy' ? flat : off }
    const found = noveltyScores({ objects, centre, whitening, ...alone }, features)
    return spreadOf(found.map(({ score }) => score).filter(Number.isFinite))
  }
  const known = { objects, distance: spread('distance'), energy: spread('energy'), centre, whitening }
  return range === undefined ? known : { ...known, range }
}

/** Scores of novelty features. */
export function noveltyScores(fitted: UnscaledNovelty, features: readonly NoveltyFeatures[]): NoveltyScore[] {
  const probe = new NoveltyProbe({ ...fitted, levels: [0, 1], scale: [{ untilDetections: null, scores: [0, 1] }] })
  return features.map(each => ({ detections: each.detections, score: probe.score(each) }))
}

/** The scale on which a share p of the objects that the scores come from have a novelty of at most p. */
export function noveltyScale(scores: readonly NoveltyScore[], scaledOn: string): NoveltyScale {
  const scale: NoveltyFile['scale'] = []
  let from = 0
  for (const until of steps) {
    const some = scores.filter(({ detections }) => detections > from && detections <= until)
    const left = scores.filter(({ detections }) => detections > until)
    if (some.length < fewest || left.length < fewest) continue
    scale.push({ untilDetections: until, scores: quantiles(some) })
    from = until
  }
  scale.push({ untilDetections: null, scores: quantiles(scores.filter(({ detections }) => detections > from)) })
  return { levels: [...levels], scale, scaledOn }
}

function quantiles(scores: readonly NoveltyScore[]): number[] {
  const sorted = scores.map(({ score }) => Math.max(score, -1e9)).sort((a, b) => a - b)
  return levels.map(level => {
    const at = level * (sorted.length - 1)
    const below = sorted[Math.floor(at)] ?? 0
    return rounded(below + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? 0) - below))
  })
}

/** Inverse of the lower Cholesky factor of the covariance: whitened vectors have the unit matrix as theirs. */
function whiteningOf(features: readonly NoveltyFeatures[], centre: readonly number[]): number[][] {
  const width = centre.length
  const covariance = Matrix.zeros(width, width)
  for (const { mean } of features) {
    for (let row = 0; row < width; row++) {
      const ofRow = ((mean[row] as number) - (centre[row] as number)) / features.length
      for (let column = 0; column <= row; column++) {
        const product = ofRow * ((mean[column] as number) - (centre[column] as number))
        covariance.set(row, column, covariance.get(row, column) + product)
      }
    }
  }
  const sphere = shrinkage * Math.max(covariance.trace() / width, 1e-12)
  for (let row = 0; row < width; row++) {
    for (let column = 0; column <= row; column++) {
      const value = (1 - shrinkage) * covariance.get(row, column) + (row === column ? sphere : 0)
      covariance.set(row, column, value)
      covariance.set(column, row, value)
    }
  }
  return inverse(new CholeskyDecomposition(covariance).lowerTriangularMatrix).to2DArray()
}

function spreadOf(values: readonly number[]): NoveltyFile['distance'] {
  const middle = values.length > 0 ? mean(values) : 0
  const variance = values.length > 0 ? mean(values.map(value => (value - middle) ** 2)) : 0
  return { mean: rounded(middle), deviation: variance > 0 ? rounded(Math.sqrt(variance)) : 1 }
}

/** To seven digits: as exact as what it is computed from. */
function rounded(value: number): number {
  return Number(value.toPrecision(7))
}
