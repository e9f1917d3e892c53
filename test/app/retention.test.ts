import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepFor } from '../../src/app/retention.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { until } from '../support/until.ts'

const quiet = createLogger({ level: 'silent' })

test('objects are dropped once their last merge is longer ago than keepDays', async t => {
  const store = new MemoryStore()
  await store.merge([{ objectId: 'A', observations: [], alerts: [] }])
  const prune = t.mock.method(store, 'prune')
  const patient = keepFor(1, store, quiet, { interval: 5 })
  await until(() => prune.mock.callCount() >= 3)
  await patient.stop()
  assert.equal((await store.statistics()).objects, 1)
  const strict = keepFor(1e-9, store, quiet, { interval: 5 })
  await until(async () => (await store.statistics()).objects === 0)
  await strict.stop()

  const calls = prune.mock.callCount()
  let rounds = 0
  const afterwards = async () => void rounds++
  const all = keepFor(null, store, quiet, { interval: 5, afterwards })
  await until(() => rounds >= 3)
  await all.stop()
  assert.equal(prune.mock.callCount(), calls)
})
