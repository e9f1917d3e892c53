import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sample } from '../../src/bench/soak/sample.ts'
import { verdictOf } from '../../src/bench/soak/verdict.ts'

/** Samples at intervals of ten seconds, at 100 alerts/s. */
const samples = (minutes: number, changes: (minute: number) => Partial<Sample> = () => ({})): Sample[] =>
  Array.from({ length: minutes * 6 }, (_, index) => {
    const at = (index + 1) / 6
    const flat = { rss: 500, anonymous: 250, heap: 50, external: 60, tensors: 14, handles: 8, requests: 0 }
    const store = { storeMegabytes: 10, storeObjects: 100 }
    const loop = { loopMean: 10, loopLongest: 30 }
    return { minutes: at, alerts: at * 6000, rate: 100, lag: 5, ...flat, ...loop, ...store, ...changes(at) }
  })

const targetRate = 100

test('an interrupted run is judged on its samples', () => {
  const verdict = verdictOf(samples(3), { targetRate, interrupted: true })
  assert.equal(verdict.verdict, 'flat')
  assert.equal(verdict.interrupted, true)
  assert.deepEqual([verdict.minutes, verdict.warmUp, verdict.rate], [3, 1, 100])
})

test('a run that ended during warm-up is too short to tell', () => {
  for (const few of [[], samples(1)])
    assert.equal(verdictOf(few, { targetRate, interrupted: true }).verdict, 'too short to tell')
})

test('growth is reported, and a load that was not reached', () => {
  const growing = verdictOf(
    samples(10, minute => ({ tensors: 14 + Math.round(minute) })),
    { targetRate, interrupted: false }
  )
  assert.equal(growing.verdict, 'grows')
  assert.equal(
    verdictOf(samples(10), { targetRate: 200, interrupted: false }).verdict,
    'flat, but the load was not reached'
  )
})
