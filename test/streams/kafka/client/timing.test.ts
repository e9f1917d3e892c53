import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoff, pause, withTimeout } from '../../../../src/streams/kafka/client/timing.ts'

test('a pause ends when its signal is aborted, and does not begin after that', async () => {
  const controller = new AbortController()
  // Longer than any test may take.
  const ms = 24 * 3_600_000
  const paused = pause(ms, controller.signal)
  controller.abort()
  await paused
  await pause(ms, controller.signal)
})

test('the back-off doubles from its first to its longest pause, however many failures there are', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 5000].map(failures => backoff(failures)),
    [100, 200, 400, 800, 1600, 2000, 2000]
  )
  assert.deepEqual(
    [1, 2, 3].map(failures => backoff(failures, 5, 15)),
    [5, 10, 15]
  )
})

test('a time limit passes the result on, or rejects with RequestTimeout', async () => {
  assert.equal(await withTimeout(Promise.resolve(3), 60_000), 3)
  await assert.rejects(withTimeout(Promise.reject(new TypeError('no')), 60_000), TypeError)
  await assert.rejects(withTimeout(new Promise(() => undefined), 1), { name: 'RequestTimeout' })
})
