import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertScores } from '../src/alert-scores.ts'

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
