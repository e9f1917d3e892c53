import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Health } from '../../src/app/health.ts'
import { partState } from '../../src/app/streams.ts'
import { HieraxError } from '../../src/errors.ts'

const minute = 60_000

/** A service's health; checks run when the test says so, 5 s apart as in a running service. */
function service() {
  const parts = {
    consumer: { ready: true, reason: 'running' },
    output: null as string | null,
    store: null as string | null,
    lost: false
  }
  const health = new Health({
    streams: { health: () => ({ consumer: parts.consumer, producer: partState(parts.output) }) },
    store: { trouble: () => parts.store, lost: () => parts.lost }
  })
  const pass = (ms: number, then: () => void = () => {}) => {
    for (let time = 0; time < ms; time += 5000) {
      health.check()
      then()
    }
  }
  return { health, parts, pass, live: () => health.liveness() }
}

const never = () => new Promise<void>(() => {})

test('messages that wait while none is taken are a stall after two minutes', () => {
  const { health, pass, live } = service()
  const lag = () => health.lag('alerts', 0, 7)
  lag()
  pass(1.9 * minute, lag)
  assert.deepEqual(live(), { ok: true, reason: 'waiting' })
  pass(0.2 * minute, lag)
  assert.deepEqual(live(), { ok: false, reason: 'messages wait unread' })
  health.progressed()
  assert.equal(live().ok, true)
})

test('a batch that never ends is a stall', () => {
  const { health, pass, live } = service()
  void health.track(never)
  pass(1.9 * minute)
  assert.equal(live().reason, 'working')
  pass(0.2 * minute)
  assert.deepEqual(live(), { ok: false, reason: 'a batch is stuck' })
})

test('a stream without alerts is no stall, nor is what follows it at once', () => {
  const { health, pass, live } = service()
  pass(600 * minute, () => health.lag('alerts', 0, 0))
  assert.deepEqual(live(), { ok: true, reason: 'waiting' })
  health.lag('alerts', 0, 100)
  assert.equal(live().ok, true)
  void health.track(never)
  pass(1 * minute)
  assert.equal(live().ok, true)
})

test('nights that wait for older ones, which others read, are no stall', () => {
  const { health, pass, live } = service()
  pass(30 * minute, () => health.lag('newer', 0, 1000, true))
  assert.equal(live().ok, true)
})

test('while the output is down it waits, which readiness tells; after that it has two minutes', async () => {
  const { health, parts, pass, live } = service()
  parts.output = 'output cluster unreachable'
  void health.track(never)
  pass(30 * minute, () => health.lag('alerts', 0, 1000))
  assert.deepEqual(live(), { ok: true, reason: 'waiting: output cluster unreachable' })
  assert.equal(health.readiness().producer.ready, false)
  parts.output = null
  pass(1.9 * minute)
  assert.equal(live().ok, true)
  pass(0.2 * minute)
  assert.equal(live().ok, false)
})

test('while writes to the store fail it waits', async () => {
  const { health, pass, live } = service()
  await assert.rejects(health.track(() => Promise.reject(new HieraxError('STORE_FAILED', 'No space left'))))
  pass(30 * minute, () => health.lag('alerts', 0, 1000))
  assert.deepEqual(live(), { ok: true, reason: 'waiting: writes fail' })
})

test('the reason of a failed write is that of the disk, and is forgotten when none follows', async t => {
  t.mock.timers.enable({ apis: ['Date'] })
  const { health } = service()
  const reasons: [object, string][] = [
    [{ code: 28 }, 'writes fail: no space left'],
    [{ code: 'ENOSPC' }, 'writes fail: no space left'],
    [{ code: 122 }, 'writes fail: disk quota exceeded'],
    [{ code: 'EROFS' }, 'writes fail: read-only file system'],
    [{ code: 'EACCES' }, 'writes fail: permission denied'],
    [{ code: -30784 }, 'writes fail'],
    [{}, 'writes fail']
  ]
  for (const [code, reason] of reasons) {
    const cause = Object.assign(new Error('what the disk said'), code)
    await assert.rejects(health.track(() => Promise.reject(new HieraxError('STORE_FAILED', 'failed', { cause }))))
    assert.deepEqual(health.readiness().store, { ready: false, reason })
  }
  t.mock.timers.tick(0.9 * minute)
  assert.equal(health.readiness().store.ready, false)
  t.mock.timers.tick(0.2 * minute)
  assert.equal(health.readiness().store.ready, true)
})

test('a store that only a new process can open is no reason to wait', () => {
  const { parts, live } = service()
  parts.store = 'writes have no answer'
  assert.equal(live().ok, true)
  parts.lost = true
  assert.deepEqual(live(), { ok: false, reason: 'the store must be opened anew' })
})

test('errors of its own that never end are a stall', async () => {
  const { health, pass, live } = service()
  const fail = () => void health.track(() => Promise.reject(new HieraxError('INTERNAL', 'a defect'))).catch(() => {})
  pass(3 * minute, () => {
    health.lag('alerts', 0, 9)
    fail()
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(live().ok, false)
})

test('a broker out of reach is waited for; one that answers while nothing is fetched is not', () => {
  const away = service()
  away.health.lag('alerts', 0, 9)
  away.parts.consumer = { ready: false, reason: 'connecting' }
  away.pass(30 * minute)
  assert.equal(away.live().ok, true)
  const hung = service()
  hung.parts.consumer = { ready: false, reason: 'connecting' }
  hung.pass(3 * minute, () => hung.health.lag('alerts', 0, 9))
  assert.deepEqual(hung.live(), { ok: false, reason: 'messages wait unread' })
})

test('the time for which the process itself was suspended does not count', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { health, live } = service()
  health.lag('alerts', 0, 9)
  t.mock.timers.tick(1 * minute)
  // However long it was suspended, its timer fires once when it continues.
  t.mock.timers.tick(5000)
  assert.equal(live().ok, true)
  t.mock.timers.tick(1.1 * minute)
  assert.deepEqual(live(), { ok: false, reason: 'messages wait unread' })
  health.stop()
})

test('a long batch makes progress with each of its portions', () => {
  const { health, pass, live } = service()
  void health.track(never)
  for (let portion = 0; portion < 10; portion++) {
    pass(1.9 * minute)
    assert.deepEqual(live(), { ok: true, reason: 'working' })
    health.progressed()
  }
  pass(2.1 * minute)
  assert.equal(live().ok, false)
})
