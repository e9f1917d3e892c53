import assert from 'node:assert/strict'
import { test } from 'node:test'
import { perBatch, placeOf, windowOf } from '../../src/bench/scale/window.ts'

/** Packets of two partitions, batch by batch: each batch is answered at one time. */
const answeredAt = (...times: number[]) => times.flatMap(time => new Array<number>(perBatch).fill(time))

test('a measurement ends when the first partition runs dry, and counts what was answered in it', () => {
  // The batches of the first partition are answered at 10, 30, 50, those of the second at 20, 40, 90.
  const answered = answeredAt(10, 20, 30, 40, 50, 90)
  assert.deepEqual(windowOf(answered, 2, 0, 45), { from: 0, to: 45, alerts: 4 * perBatch })
  assert.deepEqual(windowOf(answered, 2, 10, 80), { from: 10, to: 50, alerts: 4 * perBatch })
})

test('packets that are never answered do not shorten it', () => {
  const answered = answeredAt(10, Number.POSITIVE_INFINITY, 30, 40)
  assert.deepEqual(windowOf(answered, 2, 0, 100), { from: 0, to: 30, alerts: 2 * perBatch })
  assert.deepEqual(windowOf(answeredAt(10, 20, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY), 2, 0, 100), {
    from: 0,
    to: 100,
    alerts: 2 * perBatch
  })
})

test('each partition has the packets of its batches at consecutive offsets', () => {
  const next = [0, 0, 0]
  for (let index = 0; index < 10 * perBatch; index++) {
    const { partition, offset } = placeOf(index, 3)
    assert.equal(offset, next[partition])
    next[partition] = offset + 1
  }
  assert.deepEqual(next, [4 * perBatch, 3 * perBatch, 3 * perBatch])
})
