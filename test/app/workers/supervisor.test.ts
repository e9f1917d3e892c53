import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WorkerSupervisor } from '../../../src/app/workers/supervisor.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import { until } from '../../support/until.ts'

test('a worker that ends at once again and again is said to, is started later and later, and costs the group nothing else', async () => {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({ stream: { write: line => void lines.push(JSON.parse(line)) } })
  let restarts = 0
  const config = loadConfig({ env: {}, overrides: { model: ['/no/model'], 'store.url': 'memory:' } })
  const supervisor = new WorkerSupervisor({
    config: { ...config, log: { level: 'silent' } },
    logger,
    store: { trouble: () => null },
    onClassifications: () => {},
    onShadow: () => {},
    onRestart: () => void restarts++,
    firstPause: 10,
    longLife: 600_000
  })
  assert.deepEqual(supervisor.readiness().consumer, { ready: false, reason: 'starting workers' })
  const running = supervisor.run()
  await until(() => lines.some(line => line.level === 'error'))
  assert.deepEqual(supervisor.readiness().consumer, { ready: false, reason: 'worker 1 keeps ending: MODEL_INVALID' })
  assert.equal(supervisor.liveness().ok, true, 'the parent is no reason to start everything again')
  const told = lines.find(line => line.level === 'error')
  assert.deepEqual([told?.worker, told?.code, told?.times], [1, 'MODEL_INVALID', 3])
  assert.match(String(told?.reason), /exit code 1.*\/no\/model/)
  assert.deepEqual(
    lines.slice(0, 3).map(line => line.pause),
    [10, 20, 40]
  )
  assert.ok(restarts >= 2)
  await supervisor.stop()
  await running
})
