import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { describe, test } from 'node:test'
import { readClassification } from '../../src/messages/reading.ts'
import { kafka } from '../support/brokers.ts'
import { fileIn } from '../support/fences.ts'
import { testPython } from '../support/python.ts'
import { schemaRegistry } from '../support/registry.ts'
import { runHierax, ServiceProcess, total } from '../support/service.ts'
import { Trial } from './trial/trial.ts'

const running = await kafka()
const { tools } = running
const registry = await schemaRegistry()
const python = testPython()

/** The program of the page that reads topics with Confluent's own client and deserializer. */
const reader = fileIn('docs/subscribe.md', 'registry.py')

describe('the encoding confluent', { skip: running.skip || registry.skip || python.skip }, () => {
  test('waits for the registry, is read by its client, and survives its outage', { timeout: 900_000 }, async t => {
    const trial = await Trial.create({ input: running, parts: 2, partSize: 40 })
    t.after(() => trial.close())
    const route = `${trial.wild}.route`
    const settings = {
      ...trial.settings(trial.wild),
      HIERAX_OUTPUT_ENCODING: 'confluent',
      HIERAX_OUTPUT_REGISTRY_URL: registry.url,
      HIERAX_OUTPUT_ROUTES: `${route}=Transient>=0`
    }
    await trial.load.next()
    const service = await ServiceProcess.start(settings)
    await service.until('the reason', async () => {
      const { status, text } = await service.get('/health/ready')
      return status === 503 && text.includes('schema registry unreachable')
    })
    await service.until('the metric', async () => total(await service.metrics(), 'hierax_registry_failures_total') > 0)
    assert.equal(total(await service.metrics(), 'hierax_alerts_consumed_total'), 0)
    await registry.start()
    await trial.finished()
    assert.equal((await service.get('/health/ready')).status, 200)

    for (const topic of [`${trial.wild}.out`, route, `${trial.wild}.current`]) {
      const messages = await tools.read(topic)
      assert.ok(messages.length > 0)
      const args = ['-c', reader, running.brokers.join(','), registry.url, topic]
      const stdout = execFileSync(path.join(python.folder, 'python'), args, { encoding: 'utf8', maxBuffer: 1 << 28 })
      const decoded = stdout
        .trim()
        .split('\n')
        .map(line => line.split('\t') as [string, string])
        .map(([key, record]) => ({ key, ...JSON.parse(record) }))
      const ours = messages.map(({ key, value }) => ({ key, ...readClassification(value) }))
      const byId = (some: { id: string }, other: { id: string }) => (some.id < other.id ? -1 : 1)
      assert.deepEqual(decoded.sort(byId), JSON.parse(JSON.stringify(ours)).sort(byId))
    }
    const tail = ['tail', '--from', 'earliest', '--end', '--json', '--limit', '1']
    const { stdout, stderr } = await runHierax(tail, { settings })
    assert.ok(JSON.parse(stdout).id, stderr)
    const { code } = await runHierax(['reclassify', '--dry-run'], { settings })
    assert.equal(code, 0)

    await registry.stop()
    await trial.load.next()
    await trial.finished()
    assert.equal((await service.get('/health/ready')).status, 200)
    assert.equal(await service.end(), 0)
  })
})
