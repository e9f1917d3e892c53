import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { type Encoding, encodeClassification, formats } from '../../src/messages/encoding.ts'
import { kafka } from '../support/brokers.ts'
import { testPython } from '../support/python.ts'
import { sampleClassification } from '../support/sample-classification.ts'
import { runHierax, ServiceProcess, temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { patienceMs } from '../support/until.ts'

const python = testPython()
// A broker of its own: the pages of the client use the default names of the topics.
const broker = await kafka({ own: true })
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Runs a module of the test environment in the package's folder; returns what it printed. */
async function runModule(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(path.join(python.folder, 'python'), ['-m', ...args], {
    cwd: path.join(root, 'clients/python'),
    env: { ...process.env, PYTHONPATH: 'src', PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...settings }
  })
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.deepEqual(await ended, [0, null], `${args.join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}

/** Starts a service, and simulates alerts for it: real light curves, and one value that is no packet. */
async function startService(): Promise<ServiceProcess> {
  const brokers = broker.brokers.join(',')
  await broker.tools.topic('alerts', { partitions: 2 })
  const simulated = await runHierax([
    ...['simulate', '--brokers', brokers, '--topic', 'alerts', '--objects', '12'],
    ...['--mix', 'stream', '--seed', '3', '--cutout-bytes', '0']
  ])
  assert.equal(simulated.code, 0, simulated.stderr)
  await broker.tools.produce('alerts', [{ partition: 0, value: 'no packet' }])
  const service = await ServiceProcess.start({
    HIERAX_INPUT_BROKERS: brokers,
    HIERAX_INPUT_TOPICS: 'alerts',
    HIERAX_OUTPUT_CURRENT: 'hierax.current',
    HIERAX_OUTPUT_ROUTES: 'transients=Transient@purity>=0.9',
    HIERAX_STORE_URL: `lmdb:${path.join(folder, 'store')}`
  })
  const { total } = await broker.tools.offsets('alerts')
  await broker.tools.waitFor('hierax.classifications', total - 1)
  await broker.tools.waitFor('hierax.dead-letters', 1)
  await broker.tools.waitFor('hierax.models', 1)
  await broker.tools.waitFor('hierax.current', 1)
  return service
}

describe('the Python client', { skip: python.skip }, () => {
  test('is well-formed and typed', async () => {
    const cache = path.join(folder, 'cache')
    await runModule(['ruff', 'check', '--cache-dir', cache, '.'])
    await runModule(['ruff', 'format', '--check', '--cache-dir', cache, '.'])
    await runModule(['mypy', '--cache-dir', cache])
  })

  test('reads Kafka and a running service; its pages and its notebook run', { skip: broker.skip }, async () => {
    const samples = path.join(folder, 'samples')
    fs.mkdirSync(samples)
    for (const encoding of Object.keys(formats) as Encoding[])
      fs.writeFileSync(path.join(samples, `sample.${encoding}`), encodeClassification(sampleClassification, encoding))
    const service = await startService()
    try {
      const printed = await runModule(['pytest', '-q', '-rs', '--durations=10'], {
        KAFKA_BROKERS: broker.brokers.join(','),
        HIERAX_URL: service.url as string,
        HIERAX_TOPIC: 'hierax.classifications',
        HIERAX_SAMPLES: samples,
        TEST_PATIENCE: String(patienceMs / 1000)
      })
      assert.doesNotMatch(printed, /SKIPPED/)
    } finally {
      await service.end()
    }
  })
})
