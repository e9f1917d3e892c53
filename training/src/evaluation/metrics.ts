import { lowerBound } from 'hierax/lightcurves/points/ordering.ts'
import { deviation, mean, sum } from '../collections.ts'
import { random } from '../random.ts'

/** One object as the metrics see it: probabilities of the classes, its class, the class that was named, and the next one. */
export interface Judged {
  readonly probabilities: Float64Array
  readonly truth: number
  readonly named: number
  readonly second: number
}

/** Figures of a set of objects; `null` where they have none. */
export interface Scores {
  /** Share of objects whose class was named. */
  readonly accuracy: number
  /** Mean F1 over the classes that have objects. */
  readonly macroF1: number
  /** Mean −ln P of the true class. */
  readonly logLoss: number
  /** Expected calibration error: of the largest probability, in 15 bins of equal width. */
  readonly calibrationError: number
  /** Mean squared distance of the probabilities from the truth, summed over classes. */
  readonly brier: number
  /** Share of objects whose class was named first or second. */
  readonly top2: number
}

/** Names of the scores, in the order of tables. */
export const scoreNames = ['accuracy', 'macroF1', 'logLoss', 'calibrationError', 'brier', 'top2'] as const

/** The scores of one class. */
export interface ClassScores {
  readonly name: string
  readonly objects: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/** A bin of a reliability diagram. */
export interface ReliabilityBin {
  readonly from: number
  readonly to: number
  readonly objects: number
  /** Mean probability that was given, and the share for which it was true. */
  readonly predicted: number
  readonly observed: number
}

/** Purity and completeness of the objects of a class whose probability is at least a threshold. */
export interface PurityPoint {
  readonly threshold: number
  readonly purity: number | null
  readonly completeness: number
}

const calibrationBins = 15
const smallestProbability = 1e-15
const thresholds = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]

/** Scores of objects; null where there are none. */
export function scores(objects: readonly Judged[], classes: number): Scores | null {
  if (objects.length === 0) return null
  let right = 0
  let top2 = 0
  let logLoss = 0
  let brier = 0
  for (const { probabilities, truth, named, second } of objects) {
    if (named === truth) right += 1
    if (named === truth || second === truth) top2 += 1
    logLoss -= Math.log(Math.max(probabilities[truth] as number, smallestProbability))
    for (let each = 0; each < classes; each++)
      brier += ((probabilities[each] as number) - (each === truth ? 1 : 0)) ** 2
  }
  const n = objects.length
  const withObjects = classCounts(objects, classes).filter(({ objects }) => objects > 0)
  return {
    accuracy: right / n,
    macroF1: mean(withObjects.map(f1Of)),
    logLoss: logLoss / n,
    calibrationError: reliability(objects.map(largest)).error,
    brier: brier / n,
    top2: top2 / n
  }
}

/** The largest probability of an object, and whether it is that of its class. */
export function largest({ probabilities, truth }: Pick<Judged, 'probabilities' | 'truth'>): Scored {
  const probability = Math.max(...probabilities)
  return { probability, truth: probabilities.indexOf(probability) === truth }
}

/** Standard deviations of the scores over this many samples of the objects, drawn with replacement. */
export function bootstrapErrors(
  objects: readonly Judged[],
  classes: number,
  samples: number,
  seed = 0
): Record<keyof Scores, number> | null {
  if (objects.length === 0) return null
  const draw = random(seed, 404)
  const drawn = Array.from({ length: samples }, () => {
    const sample = objects.map(() => objects[draw.integer(0, objects.length - 1)] as Judged)
    return scores(sample, classes) as Scores
  })
  const errors = scoreNames.map(name => [name, deviation(drawn.map(each => each[name]))])
  return Object.fromEntries(errors) as Record<keyof Scores, number>
}

/** Chance that the first kind has the larger value of the two, of one of each; ties count half. 0.5 where there are none. */
export function areaUnderCurve(of: readonly number[], against: readonly number[]): number {
  if (of.length === 0 || against.length === 0) return 0.5
  const sorted = [...against].sort((a, b) => a - b)
  const wins = of.map(value => {
    const below = lowerBound(sorted.length, at => (sorted[at] as number) < value)
    return (below + lowerBound(sorted.length, at => (sorted[at] as number) <= value, below)) / 2
  })
  return sum(wins) / (of.length * sorted.length)
}

/** Precision, recall and F1 of every class. */
export function classScores(objects: readonly Judged[], names: readonly string[]): ClassScores[] {
  return classCounts(objects, names.length).map((counts, which) => ({
    name: names[which] as string,
    objects: counts.objects,
    precision: counts.named > 0 ? counts.right / counts.named : 0,
    recall: counts.objects > 0 ? counts.right / counts.objects : 0,
    f1: f1Of(counts)
  }))
}

/** Numbers of objects by true class (row) and named class (column). */
export function confusionMatrix(objects: readonly Judged[], classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (const { truth, named } of objects) (matrix[truth] as number[])[named]! += 1
  return matrix
}

/** Purity against completeness of a class by a threshold on its probability. */
export function purityCurve(objects: readonly Judged[], which: number): PurityPoint[] {
  const all = objects.filter(({ truth }) => truth === which).length
  return thresholds.map(threshold => {
    const above = objects.filter(({ probabilities }) => (probabilities[which] as number) >= threshold)
    const right = above.filter(({ truth }) => truth === which).length
    return {
      threshold,
      purity: above.length > 0 ? right / above.length : null,
      completeness: all > 0 ? right / all : 0
    }
  })
}

/**
 * Predicted probabilities against outcomes, in bins of equal width: the bins that hold objects, and the mean distance between
 * predicted and observed, weighted by the objects of a bin (0 without any).
 */
export function reliability(
  scored: readonly Scored[],
  count = calibrationBins
): { readonly error: number; readonly bins: ReliabilityBin[] } {
  const sums = Array.from({ length: count }, () => ({ objects: 0, predicted: 0, observed: 0 }))
  for (const { probability, truth } of scored) {
    const bin = sums[Math.min(count - 1, Math.floor(probability * count))]!
    bin.objects += 1
    bin.predicted += probability
    if (truth) bin.observed += 1
  }
  const distance = sum(sums.map(({ predicted, observed }) => Math.abs(predicted - observed)))
  const bins = sums.flatMap(({ objects, predicted, observed }, bin): ReliabilityBin[] => {
    if (objects === 0) return []
    const [from, to] = [bin / count, (bin + 1) / count]
    return [{ from, to, objects, predicted: predicted / objects, observed: observed / objects }]
  })
  return { error: scored.length > 0 ? distance / scored.length : 0, bins }
}

interface ClassCounts {
  objects: number
  named: number
  right: number
}

function classCounts(objects: readonly Judged[], classes: number): ClassCounts[] {
  const counts = Array.from({ length: classes }, (): ClassCounts => ({ objects: 0, named: 0, right: 0 }))
  for (const { truth, named } of objects) {
    ;(counts[truth] as ClassCounts).objects += 1
    ;(counts[named] as ClassCounts).named += 1
    if (named === truth) (counts[truth] as ClassCounts).right += 1
  }
  return counts
}

function f1Of({ objects, named, right }: ClassCounts): number {
  return right === 0 ? 0 : (2 * right) / (objects + named)
}

/** The probability of a class, and whether the object is of it. */
export interface Scored {
  readonly probability: number
  readonly truth: boolean
}

/** How well probabilities of one class against the rest hold; null where there is nothing to judge by. */
export interface AlertScores {
  readonly positives: number
  readonly negatives: number
  /** Area under the receiver operating characteristic: ties count half. */
  readonly auc: number | null
  /** Share of negatives at or above the probability that 95 % of the positives reach. */
  readonly falseAt95: number | null
  readonly logLoss: number | null
  /** In ten bins of equal width: Σ |positives − sum of probabilities| over all. */
  readonly calibrationError: number | null
  readonly negativesAbove: number | null
  readonly positivesAbove: number | null
}

/** Scores of probabilities, by the definitions of the score of the stream's data (last alert of each object, threshold ½). */
export function alertScores(scored: readonly Scored[]): AlertScores {
  const positives = scored.filter(({ truth }) => truth).map(({ probability }) => probability)
  const negatives = scored.filter(({ truth }) => !truth).map(({ probability }) => probability)
  const both = positives.length > 0 && negatives.length > 0
  const reached = [...positives].sort((a, b) => a - b)[Math.max(0, Math.ceil(0.05 * positives.length) - 1)] ?? 0
  const losses = [...positives, ...negatives.map(probability => 1 - probability)].map(
    probability => -Math.log(Math.max(1e-9, probability))
  )
  return {
    positives: positives.length,
    negatives: negatives.length,
    auc: both ? areaUnderCurve(positives, negatives) : null,
    falseAt95: both ? shareOf(negatives, probability => probability >= reached) : null,
    logLoss: scored.length > 0 ? mean(losses) : null,
    calibrationError: scored.length > 0 ? reliability(scored, 10).error : null,
    negativesAbove: shareOf(negatives, probability => probability > 0.5),
    positivesAbove: shareOf(positives, probability => probability > 0.5)
  }
}

/** Share of the values for which a condition holds; null without values. */
export function shareOf(values: readonly number[], holds: (value: number) => boolean): number | null {
  return values.length === 0 ? null : values.filter(holds).length / values.length
}
