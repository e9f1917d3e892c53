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

/** How one class fares. */
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

/** Bins of calibration errors. */
export const calibrationBins = 15
const smallestProbability = 1e-15
const thresholds = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]

/** Scores of objects; null where there are none. */
export function scores(objects: readonly Judged[], classes: number): Scores | null {
  if (objects.length === 0) return null
  let right = 0
  let top2 = 0
  let logLoss = 0
  let brier = 0
  const bins = new Reliability()
  for (const { probabilities, truth, named, second } of objects) {
    if (named === truth) right += 1
    if (named === truth || second === truth) top2 += 1
    logLoss -= Math.log(Math.max(probabilities[truth] as number, smallestProbability))
    for (let each = 0; each < classes; each++)
      brier += ((probabilities[each] as number) - (each === truth ? 1 : 0)) ** 2
    addLargest(bins, probabilities, truth)
  }
  const n = objects.length
  const f1s = classCounts(objects, classes)
    .filter(({ objects }) => objects > 0)
    .map(f1Of)
  return {
    accuracy: right / n,
    macroF1: f1s.reduce((sum, each) => sum + each, 0) / f1s.length,
    logLoss: logLoss / n,
    calibrationError: bins.error(),
    brier: brier / n,
    top2: top2 / n
  }
}

/** Reliability of the largest probability: its bins. */
export function reliabilityOf(objects: readonly Judged[]): ReliabilityBin[] {
  const bins = new Reliability()
  for (const { probabilities, truth } of objects) addLargest(bins, probabilities, truth)
  return bins.bins()
}

function addLargest(bins: Reliability, probabilities: Float64Array, truth: number): void {
  let likeliest = 0
  for (let each = 1; each < probabilities.length; each++) {
    if ((probabilities[each] as number) > (probabilities[likeliest] as number)) likeliest = each
  }
  bins.add(probabilities[likeliest] as number, likeliest === truth)
}

/** Standard deviations of the scores over so many samples of the objects, drawn with replacement. */
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
  const deviation = (name: keyof Scores): number => {
    const mean = drawn.reduce((sum, each) => sum + each[name], 0) / samples
    return Math.sqrt(drawn.reduce((sum, each) => sum + (each[name] - mean) ** 2, 0) / Math.max(1, samples - 1))
  }
  return Object.fromEntries(scoreNames.map(name => [name, deviation(name)])) as Record<keyof Scores, number>
}

/** Chance that the first kind has the larger value of the two, of one of each; ties count half. 0.5 where there are none. */
export function areaUnderCurve(of: readonly number[], against: readonly number[]): number {
  if (of.length === 0 || against.length === 0) return 0.5
  const sorted = [...against].sort((a, b) => a - b)
  const countBelow = (value: number, orEqual: boolean): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = sorted[middle] as number
      if (at < value || (orEqual && at === value)) low = middle + 1
      else high = middle
    }
    return low
  }
  const wins = of.reduce((sum, value) => sum + (countBelow(value, false) + countBelow(value, true)) / 2, 0)
  return wins / (of.length * sorted.length)
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

/** Predicted probabilities against outcomes, in bins of equal width. */
export class Reliability {
  readonly #objects = new Float64Array(calibrationBins)
  readonly #predicted = new Float64Array(calibrationBins)
  readonly #observed = new Float64Array(calibrationBins)

  add(probability: number, outcome: boolean): void {
    const bin = Math.min(calibrationBins - 1, Math.floor(probability * calibrationBins))
    this.#objects[bin]! += 1
    this.#predicted[bin]! += probability
    if (outcome) this.#observed[bin]! += 1
  }

  /** Mean distance between predicted and observed, bins weighted by their objects; 0 without any. */
  error(): number {
    let total = 0
    let distance = 0
    for (let bin = 0; bin < calibrationBins; bin++) {
      total += this.#objects[bin] as number
      distance += Math.abs((this.#predicted[bin] as number) - (this.#observed[bin] as number))
    }
    return total > 0 ? distance / total : 0
  }

  /** Bins that hold objects. */
  bins(): ReliabilityBin[] {
    const found: ReliabilityBin[] = []
    for (let bin = 0; bin < calibrationBins; bin++) {
      const objects = this.#objects[bin] as number
      if (objects === 0) continue
      const [from, to] = [bin / calibrationBins, (bin + 1) / calibrationBins]
      const predicted = (this.#predicted[bin] as number) / objects
      found.push({ from, to, objects, predicted, observed: (this.#observed[bin] as number) / objects })
    }
    return found
  }
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

/** An answer to the question whether an object is of a class, and the truth. */
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

const smallest = 1e-9

/** Scores of probabilities, by the definitions of the score of the stream's data (last alert of each object, threshold ½). */
export function alertScores(scored: readonly Scored[]): AlertScores {
  const positives = scored.filter(({ truth }) => truth).map(({ probability }) => probability)
  const negatives = scored.filter(({ truth }) => !truth).map(({ probability }) => probability)
  const both = positives.length > 0 && negatives.length > 0
  const reached = [...positives].sort((a, b) => a - b)[Math.max(0, Math.ceil(0.05 * positives.length) - 1)] ?? 0
  return {
    positives: positives.length,
    negatives: negatives.length,
    auc: both ? areaUnderCurve(positives, negatives) : null,
    falseAt95: both ? shareOf(negatives, probability => probability >= reached) : null,
    logLoss: scored.length > 0 ? logLossOf(positives, negatives) : null,
    calibrationError: scored.length > 0 ? calibrationErrorOf(scored) : null,
    negativesAbove: shareOf(negatives, probability => probability > 0.5),
    positivesAbove: shareOf(positives, probability => probability > 0.5)
  }
}

/** Share of the values for which a condition holds; null without values. */
export function shareOf(values: readonly number[], holds: (value: number) => boolean): number | null {
  return values.length === 0 ? null : values.filter(holds).length / values.length
}

function logLossOf(positives: readonly number[], negatives: readonly number[]): number {
  const loss = (total: number, probability: number): number => total - Math.log(Math.max(smallest, probability))
  const sum = positives.reduce(loss, 0) + negatives.map(probability => 1 - probability).reduce(loss, 0)
  return sum / (positives.length + negatives.length)
}

function calibrationErrorOf(scored: readonly Scored[]): number {
  const gaps = new Float64Array(10)
  for (const { probability, truth } of scored) {
    const bin = Math.min(9, Math.floor(10 * probability))
    gaps[bin] = (gaps[bin] as number) + Number(truth) - probability
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / scored.length
}
