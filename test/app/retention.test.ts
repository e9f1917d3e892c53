import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepFor } from '../../src/app/retention.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { createLogger } from '../../src/telemetry/logger.ts'

const quiet = createLogger({ level: 'silent' })

test('objects are dropped once their last merge is longer ago than keepDays', async () => {
  const store = new MemoryStore()
  await store.merge([{ objectId: 'A', observations: [], alerts: [] }])
  const patient = keepFor(1, store, quiet, 5)
  await sleep(30)
  await patient?.stop()
  assert.equal((await store.statistics()).objects, 1)
  const strict = keepFor(1e-9, store, quiet, 5)
  for (let tries = 0; tries < 100 && (await store.statistics()).objects > 0; tries++) await sleep(10)
  await strict?.stop()
  assert.equal((await store.statistics()).objects, 0)
  assert.equal(keepFor(null, store, quiet), null)
})
