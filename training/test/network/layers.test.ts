import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pool, poolGradient } from '../../src/network/layers.ts'

test('running mean and maximum of known values', () => {
  // Two units: 1, 3, 2 and −1, −2, −1 (equal to the first: the first counts).
  const { mean, maximum, reached } = pool(Float32Array.of(1, -1, 3, -2, 2, -1), 3, 2)
  assert.deepEqual([...mean], [1, -1, 2, -1.5, 2, Math.fround(-4 / 3)])
  assert.deepEqual([...maximum], [1, -1, 3, -1, 3, -1])
  assert.deepEqual([...reached], [0, 0, 1, 0, 1, 0])
})

test('the gradient is that of finite differences', () => {
  const value = fc.float({ min: -2, max: 2, noNaN: true })
  const six = fc.array(value, { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: -100, max: 100 }), { minLength: 6, maxLength: 6 }),
      six,
      six,
      (v, a, b) => {
        const values = Float32Array.from(v, each => each / 16)
        const dot = (of: Float32Array): number => {
          const { mean, maximum } = pool(of, 3, 2)
          return mean.reduce(
            (sum, m, at) => sum + m * (a[at] as number) + (maximum[at] as number) * (b[at] as number),
            0
          )
        }
        const gradient = poolGradient(Float32Array.from(a), Float32Array.from(b), pool(values, 3, 2), 3, 2)
        for (let at = 0; at < 6; at++) {
          const step = 1 / 64
          const difference =
            (dot(values.with(at, (values[at] as number) + step)) -
              dot(values.with(at, (values[at] as number) - step))) /
            (2 * step)
          assert.ok(Math.abs((gradient[at] as number) - difference) < 1e-4)
        }
      }
    )
  )
})
