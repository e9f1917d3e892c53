import assert from 'node:assert/strict'
import { test } from 'node:test'
import { minimise } from '../../src/context/minimise.ts'

test('a narrow curved valley is followed to its end', () => {
  const found = minimise(
    (point, gradient) => {
      const [x, y] = point as unknown as [number, number]
      gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x)
      gradient[1] = 200 * (y - x * x)
      return (1 - x) ** 2 + 100 * (y - x * x) ** 2
    },
    new Float64Array([-1.2, 1])
  )
  for (const value of found) assert.ok(Math.abs(value - 1) < 1e-5, `${found}`)
})

test('a point that is the best already stays', () => {
  const start = new Float64Array([3])
  const found = minimise((_, gradient) => {
    gradient[0] = 0
    return 1
  }, start)
  assert.deepEqual(found, start)
})
