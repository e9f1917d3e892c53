import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adamStep, gradientNorm, noMoments, oneCycle } from '../../src/network/optimiser.ts'

test('one cycle begins at a 25th, peaks after 15 %, ends at almost nothing', () => {
  const rates = Array.from({ length: 1000 }, (_, step) => oneCycle(step, 1000))
  assert.ok(Math.abs((rates[0] as number) - 1 / 25) < 1e-12)
  assert.equal(rates[150], 1)
  assert.ok(
    rates.every((rate, step) => step === 0 || (step <= 150 ? rate >= rates[step - 1]! : rate <= rates[step - 1]!))
  )
  assert.ok((rates[999] as number) < 1e-5)
})

test('the first step of AdamW is the learning rate against the sign of the gradient, after decay', () => {
  const weights = { w: { shape: [2], values: Float32Array.of(1, -2) } }
  const options = { learningRate: 0.1, weightDecay: 0.5 }
  adamStep(weights, noMoments(weights), { w: Float32Array.of(3, -4) }, options, 0.5, 100)
  const decayed = 1 - 0.05 * 0.5
  for (const [at, wanted] of [decayed - 0.05, -2 * decayed + 0.05].entries()) {
    assert.ok(Math.abs((weights.w.values[at] as number) - wanted) < 1e-6)
  }
})

test('gradients are clipped by their norm over all arrays', () => {
  assert.equal(gradientNorm({ a: Float32Array.of(3), b: Float32Array.of(4) }), 5)
  const weights = { a: { shape: [1], values: Float32Array.of(0) }, b: { shape: [1], values: Float32Array.of(0) } }
  const moments = noMoments(weights)
  const options = { learningRate: 0.01, weightDecay: 1e-4 }
  adamStep(weights, moments, { a: Float32Array.of(3), b: Float32Array.of(4) }, options, 1)
  assert.ok(Math.abs((moments.first.a?.[0] as number) - 0.06) < 1e-6)
})

test('AdamW finds the minimum of a bowl', () => {
  const weights = { w: { shape: [2], values: Float32Array.of(5, -3) } }
  const moments = noMoments(weights)
  for (let step = 0; step < 2000; step++) {
    const [x, y] = weights.w.values as unknown as [number, number]
    const options = { learningRate: 0.1, weightDecay: 0 }
    adamStep(weights, moments, { w: Float32Array.of(2 * (x - 1), 20 * (y - 2)) }, options, oneCycle(step, 2000))
  }
  assert.ok(
    Math.abs((weights.w.values[0] as number) - 1) < 1e-3 && Math.abs((weights.w.values[1] as number) - 2) < 1e-3
  )
})
