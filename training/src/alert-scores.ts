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

function areaUnderCurve(positives: readonly number[], negatives: readonly number[]): number {
  const sorted = [...negatives].sort((a, b) => a - b)
  let wins = 0
  for (const probability of positives) {
    wins += (countBelow(sorted, probability, false) + countBelow(sorted, probability, true)) / 2
  }
  return wins / (positives.length * negatives.length)
}

/** How many of the sorted values are below a limit, or equal to it too. */
function countBelow(sorted: readonly number[], limit: number, orEqual: boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const value = sorted[middle] as number
    if (value < limit || (orEqual && value === limit)) low = middle + 1
    else high = middle
  }
  return low
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
