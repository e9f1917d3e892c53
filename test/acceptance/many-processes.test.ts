import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { decodeRecord, encodeRecord } from '../../src/lightcurves/object-record.ts'
import { openStore } from '../../src/lightcurves/stores/open.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { currentIds } from '../support/answers.ts'
import { kafka } from '../support/brokers.ts'
import { ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { shared } from '../support/shared.ts'
import { valkey } from '../support/valkey.ts'
import { realPackets } from './packets.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const running = await kafka()
const server = await valkey(true)
const skip = running.skip || server.skip
const { tools } = running
const partitions = 8

/** The results of a run, to be compared with those of another. */
interface Outcome {
  readonly records: Map<string, string>
  readonly bytes: Map<string, string>
  readonly answers: Map<string, string>
  readonly alerts: Set<string>
}

/** A topic of 8 partitions with simulated packets and, if available, real ones. The packets of an object are on several partitions. */
const input = async (): Promise<{ topic: string; messages: number }> => {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  const simulated = [...new Simulation(curves, { objects: 60, seed: 7, cutoutBytes: 0 })].map(({ bytes }) => bytes)
  const real = fs.existsSync(shared) ? realPackets().filter(({ alerts }) => alerts.length > 0) : []
  const packets = [...simulated, ...real.map(({ bytes }) => bytes)]
  const topic = await tools.topic(tools.name('alerts'), { partitions, config: { 'max.message.bytes': '20000000' } })
  for (let at = 0; at < packets.length; at += 100) {
    const some = packets.slice(at, at + 100)
    await tools.produce(
      topic,
      some.map((value, index) => ({ partition: (7 * (at + index)) % partitions, value }))
    )
  }
  return { topic, messages: packets.length }
}

const settingsOf = (topic: string, run: string, store: string): Record<string, string> => ({
  HIERAX_INPUT_BROKERS: running.brokers.join(','),
  HIERAX_INPUT_TOPICS: topic,
  HIERAX_INPUT_GROUP: `${topic}.${run}`,
  HIERAX_OUTPUT_CLASSIFICATIONS: `${topic}.${run}`,
  HIERAX_OUTPUT_DEAD_LETTERS: `${topic}.${run}.dead`,
  HIERAX_STORE_URL: store
})

/** Waits until the group has read everything and nothing more is published. */
async function atRest(topic: string, run: string, limitMs = 150_000): Promise<void> {
  const began = Date.now()
  for (let before = -1; ; await sleep(300)) {
    // A new coordinator or leader may not be ready yet.
    const messages = await restingAt(topic, run).catch(() => null)
    if (messages !== null && messages === before) return
    before = messages ?? -1
    if (Date.now() - began > limitMs) throw new Error(`${run} is not at rest after ${limitMs / 1000} s`)
  }
}

/** Number of published messages; null while there is unread input. */
async function restingAt(topic: string, run: string): Promise<number | null> {
  const read = await tools.isRead(topic, `${topic}.${run}`)
  return read ? (await tools.offsets(`${topic}.${run}`)).total : null
}

async function outcomeOf(topic: string, run: string, store: string): Promise<Outcome> {
  const bytes = new Map<string, string>()
  const bodies: Classification[] = []
  for (const { value } of await tools.read(`${topic}.${run}`)) {
    const body = decodeClassification(value as Buffer, 'avro')
    const text = (value as Buffer).toString('base64')
    assert.equal(bytes.get(body.id) ?? text, text, 'equal ids have equal bytes')
    bytes.set(body.id, text)
    bodies.push(body)
  }
  const records = new Map<string, string>()
  const opened = await openStore(store, { programs: [1], readOnly: true })
  for await (const object of opened.records()) {
    assert.ok('record' in object)
    records.set(object.objectId, encodeRecord(decodeRecord(object.objectId, object.record), 0).toString('base64'))
  }
  await opened.close()
  const alerts = new Set(bodies.map(body => `${body.objectId}/${body.candid}`))
  return { records, bytes, answers: currentIds(bodies), alerts }
}

function assertSame(outcome: Outcome, calm: Outcome): void {
  assert.deepEqual(outcome.alerts, calm.alerts, 'every alert has its outcome')
  assert.deepEqual(outcome.answers, calm.answers, 'the answer of every object is the same')
  assert.deepEqual([...outcome.records].sort(), [...calm.records].sort(), 'every light curve has the same bytes')
  for (const [id, text] of outcome.bytes) assert.equal(calm.bytes.get(id) ?? text, text, 'equal ids have equal bytes')
}

describe('many processes over 8 partitions', { skip }, () => {
  const made = (async () => {
    if (skip) throw new Error('not needed')
    const { topic, messages } = await input()
    const store = `lmdb:${path.join(folder, 'calm')}`
    const service = await ServiceProcess.start(settingsOf(topic, 'calm', store))
    after(() => service.end('SIGKILL'))
    await atRest(topic, 'calm')
    assert.equal(await service.end(), 0)
    return { topic, messages, calm: await outcomeOf(topic, 'calm', store) }
  })()
  made.catch(() => {})

  test('four on a Valkey give the same light curves and answers as one on LMDB', async () => {
    const { topic, calm } = await made
    const store = `${server.url}/1`
    const settings = settingsOf(topic, 'four', store)
    const services = await Promise.all([1, 2, 3, 4].map(() => ServiceProcess.start(settings)))
    after(() => Promise.all(services.map(service => service.end('SIGKILL'))))
    await atRest(topic, 'four')
    const shares = await Promise.all(
      services.map(async service => total(await service.metrics(), 'hierax_alerts_consumed_total'))
    )
    assert.ok(shares.filter(share => share > 0).length >= 2, `alerts of each: ${shares}`)
    const exits = await Promise.all(services.map(service => service.end()))
    assert.deepEqual(exits, [0, 0, 0, 0])
    assertSame(await outcomeOf(topic, 'four', store), calm)
  })

  test('three workers over one LMDB, one of them killed under load, give the same result', async () => {
    const { topic, messages, calm } = await made
    const store = `lmdb:${path.join(folder, 'workers')}`
    const service = await ServiceProcess.start({ ...settingsOf(topic, 'workers', store), HIERAX_WORKERS: '3' })
    after(() => service.end('SIGKILL'))
    const underLoad = async () => total(await service.metrics(), 'hierax_alerts_consumed_total') > 50
    await service.until('the first alerts', underLoad, 120_000)
    const [victim] = workersOf(service)
    process.kill(victim as number, 'SIGKILL')
    const isBack = () => workersOf(service).length === 3 && !workersOf(service).includes(victim as number)
    await service.until('the worker to be back', isBack)
    await atRest(topic, 'workers')
    let metrics = new Map<string, number>()
    const lags = () => [...metrics].filter(([name]) => name.startsWith('hierax_consumer_lag')).map(([, lag]) => lag)
    // The workers report their metrics with a delay.
    await service.until(
      'readiness and no lag',
      async () => {
        metrics = await service.metrics()
        const ready = (await service.get('/health/ready')).status === 200
        return ready && lags().length === partitions && lags().every(lag => lag === 0)
      },
      60_000
    )
    assert.equal(metrics.get('hierax_worker_restarts_total'), 1)
    assert.ok(total(metrics, 'hierax_alerts_consumed_total') > messages / 2)
    assert.equal(total(metrics, 'hierax_alerts_consumed_total'), total(metrics, 'hierax_outcomes_total'))
    assert.equal(metrics.get('hierax_store_objects'), calm.records.size, 'the store is counted once')
    assert.equal(total(metrics, 'hierax_ready'), 4)
    const recent = JSON.parse((await service.get('/api/v1/recent?limit=20')).text)
    assert.equal(recent.length, 20)
    const object = JSON.parse((await service.get(`/api/v1/objects/${recent[0].objectId}`)).text)
    assert.equal(object.classification.id, calm.answers.get(recent[0].objectId))
    assert.match(service.log, /"worker":3/)
    const workers = workersOf(service)
    assert.equal(await service.end(), 0)
    for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    assertSame(await outcomeOf(topic, 'workers', store), calm)
  })
})

/** Process ids of the running workers. */
function workersOf({ child }: ServiceProcess): number[] {
  const children = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}
