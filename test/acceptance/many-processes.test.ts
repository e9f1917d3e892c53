import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { decodeRecord, encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import { openStore } from '../../src/lightcurves/stores/open.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { currentIds } from '../support/answers.ts'
import { kafka } from '../support/brokers.ts'
import { aroundTopic, ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { shared } from '../support/shared.ts'
import { until } from '../support/until.ts'
import { valkey } from '../support/valkey.ts'
import { type RealPacket, realPackets } from './packets.ts'

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

/** One in so many of the real objects with a single packet takes part. */
const oneIn = 8

/**
 * Simulated packets and, if available, real ones: all those of objects with several packets, because only these are merged by several
 * processes, and some of the others.
 */
async function somePackets(): Promise<Buffer[]> {
  const curves = []
  for await (const curve of readLightCurves()) curves.push(curve)
  const simulated = [...new Simulation(curves, { objects: 60, seed: 7, cutoutBytes: 0 })].map(({ bytes }) => bytes)
  const real = fs.existsSync(shared) ? realPackets().filter(({ alerts }) => alerts.length > 0) : []
  const objectOf = ({ alerts }: RealPacket): string | undefined => alerts[0]?.split('/')[0]
  const counts = new Map<string | undefined, number>()
  for (const packet of real) counts.set(objectOf(packet), (counts.get(objectOf(packet)) ?? 0) + 1)
  const some = real.filter((packet, index) => (counts.get(objectOf(packet)) ?? 0) > 1 || index % oneIn === 0)
  return [...simulated, ...some.map(({ bytes }) => bytes)]
}

const newTopic = (run: string): Promise<string> =>
  tools.topic(tools.name(run), { partitions, config: { 'max.message.bytes': '20000000' } })

/** Publishes packets to a topic of 8 partitions. The packets of an object are on several partitions. */
async function produce(topic: string, packets: readonly Buffer[]): Promise<void> {
  for (let at = 0; at < packets.length; at += 100) {
    const some = packets.slice(at, at + 100)
    await tools.produce(
      topic,
      some.map((value, index) => ({ partition: (7 * (at + index)) % partitions, value }))
    )
  }
}

/** Waits until the group has read everything and nothing more is published. */
async function atRest(topic: string): Promise<void> {
  let before = -1
  await until(async () => {
    // A new coordinator or leader may not be ready yet.
    const messages = await restingAt(topic).catch(() => null)
    if (messages !== null && messages === before) return true
    before = messages ?? -1
    await sleep(300)
    return false
  })
}

/** Number of published messages; null while there is unread input. */
async function restingAt(topic: string): Promise<number | null> {
  const read = await tools.isRead(topic, topic)
  return read ? (await tools.offsets(`${topic}.out`)).total : null
}

async function outcomeOf(topic: string, store: string): Promise<Outcome> {
  const bytes = new Map<string, string>()
  const bodies: Classification[] = []
  for (const { value } of await tools.read(`${topic}.out`)) {
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
    const packets = await somePackets()
    const topic = await newTopic('calm')
    await produce(topic, packets)
    const store = `lmdb:${path.join(folder, 'calm')}`
    const service = await ServiceProcess.start(aroundTopic(running.brokers, topic, store))
    after(() => service.end('SIGKILL'))
    await atRest(topic)
    assert.equal(await service.end(), 0)
    return { packets, calm: await outcomeOf(topic, store) }
  })()
  made.catch(() => {})

  test('four on a Valkey give the same light curves and answers as one on LMDB', async t => {
    const { packets, calm } = await made
    const topic = await newTopic('four')
    const store = `${server.url}/1`
    const settings = aroundTopic(running.brokers, topic, store)
    const services = await Promise.all([1, 2, 3, 4].map(() => ServiceProcess.start(settings)))
    t.after(() => Promise.all(services.map(service => service.end('SIGKILL'))))
    await until(async () => (await membersOf(topic)) === 4)
    await produce(topic, packets)
    await atRest(topic)
    const shares = await Promise.all(
      services.map(async service => total(await service.metrics(), 'hierax_alerts_consumed_total'))
    )
    assert.ok(shares.filter(share => share > 0).length >= 2, `alerts of each: ${shares}`)
    const exits = await Promise.all(services.map(service => service.end()))
    assert.deepEqual(exits, [0, 0, 0, 0])
    assertSame(await outcomeOf(topic, store), calm)
  })

  test('three workers over one LMDB, one of them killed under load, give the same result', async t => {
    const { packets, calm } = await made
    const topic = await newTopic('workers')
    const store = `lmdb:${path.join(folder, 'workers')}`
    const service = await ServiceProcess.start({
      ...aroundTopic(running.brokers, topic, store),
      HIERAX_WORKERS: '3',
      // A slow worker must not count as stuck.
      HIERAX_WORKER_TIMEOUT: '600'
    })
    t.after(() => service.end('SIGKILL'))
    await until(async () => (await membersOf(topic)) === 3)
    const half = Math.ceil(packets.length / 2)
    await produce(topic, packets.slice(0, half))
    const underLoad = async () => total(await service.metrics(), 'hierax_alerts_consumed_total') > 50
    await service.until('the first alerts', underLoad)
    const [victim] = workersOf(service)
    process.kill(victim as number, 'SIGKILL')
    await produce(topic, packets.slice(half))
    const isBack = () => workersOf(service).length === 3 && !workersOf(service).includes(victim as number)
    await service.until('the worker to be back', isBack)
    await atRest(topic)
    let metrics = new Map<string, number>()
    const lags = () => [...metrics].filter(([name]) => name.startsWith('hierax_consumer_lag')).map(([, lag]) => lag)
    // The workers report their metrics with a delay.
    await service.until('readiness and no lag', async () => {
      metrics = await service.metrics()
      const status = (await service.get('/health/ready')).status
      const ready = status === 200 && total(metrics, 'hierax_ready') === 4
      return ready && lags().length === partitions && lags().every(lag => lag === 0)
    })
    assert.equal(metrics.get('hierax_worker_restarts_total'), 1)
    assert.ok(total(metrics, 'hierax_alerts_consumed_total') > packets.length / 2)
    assert.equal(total(metrics, 'hierax_alerts_consumed_total'), total(metrics, 'hierax_outcomes_total'))
    assert.equal(metrics.get('hierax_store_objects'), calm.records.size, 'the store is counted once')
    const recent = JSON.parse((await service.get('/api/v1/recent?limit=20')).text)
    assert.equal(recent.length, 20)
    const object = JSON.parse((await service.get(`/api/v1/objects/${recent[0].objectId}`)).text)
    assert.equal(object.classification.id, calm.answers.get(recent[0].objectId))
    assert.match(service.log, /"worker":3/)
    const workers = workersOf(service)
    assert.equal(await service.end(), 0)
    for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    assertSame(await outcomeOf(topic, store), calm)
  })
})

/** Number of members of a group; 0 while it is rebalancing. */
async function membersOf(group: string): Promise<number> {
  const { groups } = await (await tools.admin()).describeGroups([group])
  const [found] = groups
  return found?.state === 'Stable' ? found.members.length : 0
}

/** Process ids of the running workers. */
function workersOf({ child }: ServiceProcess): number[] {
  const children = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}
