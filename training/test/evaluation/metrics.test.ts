import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  alertScores,
  bootstrapErrors,
  classScores,
  confusionMatrix,
  type Judged,
  purityCurve,
  reliability,
  scores
} from '../../src/evaluation/metrics.ts'

function judged(truth: number, ...p: number[]): Judged {
  const order = [...p.keys()].sort((a, b) => (p[b] as number) - (p[a] as number))
  return { probabilities: Float64Array.from(p), truth, named: order[0] as number, second: order[1] as number }
}

/** Three of class 0 (two right), one of class 1 (wrong), none of class 2. */
const four = [judged(0, 0.7, 0.2, 0.1), judged(0, 0.9, 0.1, 0), judged(0, 0.2, 0.6, 0.2), judged(1, 0.5, 0.3, 0.2)]

function close(actual: number | undefined, wanted: number, tolerance = 1e-12): void {
  assert.ok(actual !== undefined && Math.abs(actual - wanted) < tolerance, `${actual} is not ${wanted}`)
}

test('scores by hand', () => {
  const found = scores(four, 3)
  close(found?.accuracy, 0.5)
  // F1 of class 0: 2 · 2 / (3 objects + 3 named); of class 1: 0; class 2 has no objects.
  close(found?.macroF1, (4 / 6 + 0) / 2)
  close(found?.logLoss, -(Math.log(0.7) + Math.log(0.9) + Math.log(0.2) + Math.log(0.3)) / 4)
  close(found?.brier, (0.09 + 0.04 + 0.01 + 0.01 + 0.01 + 0.64 + 0.36 + 0.04 + 0.25 + 0.49 + 0.04) / 4)
  close(found?.top2, 1)
  // Largest probabilities 0.7, 0.9, 0.6, 0.5 in bins of their own (but 0.7 and 0.6667…): right, right, wrong, wrong.
  close(found?.calibrationError, (0.3 + 0.1 + 0.6 + 0.5) / 4)
  assert.equal(scores([], 3), null)
})

test('classes, confusion, purity against completeness', () => {
  const [first, second, third] = classScores(four, ['a', 'b', 'c'])
  assert.deepEqual(first, { name: 'a', objects: 3, precision: 2 / 3, recall: 2 / 3, f1: 2 / 3 })
  assert.deepEqual(second, { name: 'b', objects: 1, precision: 0, recall: 0, f1: 0 })
  assert.deepEqual(third, { name: 'c', objects: 0, precision: 0, recall: 0, f1: 0 })
  assert.deepEqual(confusionMatrix(four, 3), [
    [2, 1, 0],
    [1, 0, 0],
    [0, 0, 0]
  ])
  const curve = purityCurve(four, 0)
  assert.deepEqual(
    curve.find(point => point.threshold === 0.5),
    { threshold: 0.5, purity: 2 / 3, completeness: 2 / 3 }
  )
  assert.deepEqual(
    curve.find(point => point.threshold === 0.99),
    { threshold: 0.99, purity: null, completeness: 0 }
  )
})

test('reliability: bins of equal width, 1 in the last; a calibrated one has no error', () => {
  const exact = reliability(Array.from({ length: 100 }, (_, at) => ({ probability: 0.25, truth: at % 4 === 0 })))
  close(exact.error, 0)
  const wrong = reliability([1, 0].map(probability => ({ probability, truth: false })))
  close(wrong.error, 0.5)
  assert.deepEqual(
    wrong.bins.map(({ objects, predicted, observed }) => [objects, predicted, observed]),
    [
      [1, 0, 0],
      [1, 1, 0]
    ]
  )
  assert.equal(reliability([]).error, 0)
})

test('bootstrap: the error of an accuracy is that of a share, and the same each time', () => {
  const many = Array.from({ length: 400 }, (_, at) => (at % 4 === 0 ? judged(1, 0.8, 0.2) : judged(0, 0.8, 0.2)))
  const errors = bootstrapErrors(many, 2, 300)
  close(errors?.accuracy, Math.sqrt((0.75 * 0.25) / 400), 0.003)
  assert.deepEqual(bootstrapErrors(many, 2, 300), errors)
  assert.equal(bootstrapErrors([], 2, 10), null)
})

test('ties count half, and thresholds are strict', () => {
  const scores = alertScores([
    { probability: 0.9, truth: true },
    { probability: 0.5, truth: true },
    { probability: 0.5, truth: false },
    { probability: 0.1, truth: false }
  ])
  assert.equal(scores.auc, 3.5 / 4)
  assert.equal(scores.positivesAbove, 0.5)
  assert.equal(scores.negativesAbove, 0)
  assert.equal(scores.falseAt95, 0.5)
  // Bins .9 (off by .1), .5 (one of two where 1 was said in sum) and .1 (off by .1).
  assert.ok(Math.abs((scores.calibrationError as number) - 0.2 / 4) < 1e-12)
  const logLoss = -(Math.log(0.9) + Math.log(0.5) + Math.log(0.5) + Math.log(0.9)) / 4
  assert.ok(Math.abs((scores.logLoss as number) - logLoss) < 1e-12)
})

test('without objects of one kind there is nothing to judge by', () => {
  const scores = alertScores([{ probability: 1, truth: true }])
  assert.equal(scores.auc, null)
  assert.equal(scores.negativesAbove, null)
  assert.equal(scores.positivesAbove, 1)
  assert.equal(alertScores([]).logLoss, null)
})
