import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Health } from '../../src/app/health.ts'
import { Progress } from '../../src/app/progress.ts'
import { HieraxError } from '../../src/errors.ts'

const minute = 60_000

/** A service's health with a clock of its own; every look is 5 s after the last, as in a running service. */
function service() {
  let now = 0
  const world = {
    consumer: { ready: true, reason: null as string | null },
    output: null as string | null,
    store: null as string | null,
    lost: false
  }
  const health = new Health(() => now)
  health.outputTopics(null)
  health.streams({ health: () => world.consumer }, { reason: () => world.output })
  health.opened({ trouble: () => world.store, lost: () => world.lost })
  const sleep = (ms: number) => {
    now += ms
  }
  const pass = (ms: number, then: () => void = () => {}) => {
    for (const end = now + ms; now < end; then()) {
      now += 5000
      health.liveness()
    }
  }
  return { health, world, pass, live: () => health.liveness(), sleep }
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
  void health.follow(never)
  pass(1.9 * minute)
  assert.equal(live().reason, 'working')
  pass(9 * minute)
  assert.deepEqual(live(), { ok: false, reason: 'a batch is stuck' })
})

test('a stream without alerts is no stall, nor is what follows it at once', () => {
  const { health, pass, live } = service()
  pass(600 * minute, () => health.lag('alerts', 0, 0))
  assert.deepEqual(live(), { ok: true, reason: 'waiting' })
  health.lag('alerts', 0, 100)
  assert.equal(live().ok, true)
  void health.follow(never)
  pass(1 * minute)
  assert.equal(live().ok, true)
})

test('nights that wait for older ones, which others read, are no stall', () => {
  const { health, pass, live } = service()
  pass(30 * minute, () => health.lag('newer', 0, 1000, true))
  assert.equal(live().ok, true)
})

test('while the output is down it waits, which readiness tells; after that it has two minutes', async () => {
  const { health, world, pass, live } = service()
  world.output = 'output cluster unreachable'
  void health.follow(never)
  pass(30 * minute, () => health.lag('alerts', 0, 1000))
  assert.deepEqual(live(), { ok: true, reason: 'waiting: output cluster unreachable' })
  assert.equal(health.readiness().producer.ready, false)
  world.output = null
  pass(1 * minute)
  assert.equal(live().ok, true)
  pass(10 * minute)
  assert.equal(live().ok, false)
})

test('while writes to the store fail it waits', async () => {
  const { health, pass, live } = service()
  await assert.rejects(health.follow(() => Promise.reject(new HieraxError('STORE_FAILED', 'No space left'))))
  pass(30 * minute, () => health.lag('alerts', 0, 1000))
  assert.deepEqual(live(), { ok: true, reason: 'waiting: writes fail' })
})

test('a store that only a new process can open is no reason to wait', () => {
  const { world, live } = service()
  world.store = 'writes have no answer'
  assert.equal(live().ok, true)
  world.lost = true
  assert.deepEqual(live(), { ok: false, reason: 'the store must be opened anew' })
})

test('errors of its own that never end are a stall', async () => {
  const { health, pass, live } = service()
  const fail = () => void health.follow(() => Promise.reject(new HieraxError('INTERNAL', 'a defect'))).catch(() => {})
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
  away.world.consumer = { ready: false, reason: 'connecting' }
  away.pass(30 * minute)
  assert.equal(away.live().ok, true)
  const hung = service()
  hung.world.consumer = { ready: false, reason: 'connecting' }
  hung.pass(3 * minute, () => hung.health.lag('alerts', 0, 9))
  assert.deepEqual(hung.live(), { ok: false, reason: 'messages wait unread' })
})

test('the time for which the process itself was stopped does not count', () => {
  const { health, pass, live, sleep } = service()
  health.lag('alerts', 0, 9)
  pass(1 * minute)
  sleep(30 * minute)
  assert.equal(live().ok, true)
})

test('a batch that computes all the time is granted five times as much, and not more', () => {
  let now = 0
  const working = { working: true, unread: false, waits: false }
  const progress = new Progress(
    () => working,
    () => now,
    () => now
  )
  const stuckAt = () => {
    while (!progress.stuck()) now += 5000
    return now / minute
  }
  const minutes = stuckAt()
  assert.ok(minutes > 9 && minutes < 11, `${minutes} minutes`)
  progress.close()
})
