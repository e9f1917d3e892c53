import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { bundledModel, readModelFolder } from '../../src/classifier/model-folder.ts'
import { additionOf, decodeRecord, encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import { openStore } from '../../src/lightcurves/stores/open.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { currentKey, currentMessage } from '../../src/messages/current.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { cleanupPolicy } from '../../src/streams/kafka/producer/compaction.ts'
import { KafkaSink } from '../../src/streams/kafka/producer/sink.ts'
import { compareAnswers, currentAnswers } from '../support/answers.ts'
import { kafka } from '../support/brokers.ts'
import { silent } from '../support/loggers.ts'
import { aroundTopic, runHierax, ServiceProcess, temporaryFolder, total } from '../support/service.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const { tools, connection } = running
const { sha256 } = await readModelFolder(bundledModel)
const objects = 5

/** A topic of alerts of a few objects, and the settings of a service that reads it. */
async function simulated() {
  const topic = tools.name('alerts')
  const where = ['--brokers', running.brokers.join(','), '--topic', topic, '--partitions', '2']
  const { code, stderr } = await runHierax([
    ...['simulate', ...where],
    ...['--objects', String(objects), '--cutout-bytes', '0']
  ])
  assert.equal(code, 0, stderr)
  const current = `${topic}.current`
  const url = `lmdb:${path.join(folder, topic)}`
  const settings = {
    ...aroundTopic(running.brokers, topic, url),
    HIERAX_OUTPUT_CURRENT: current,
    HIERAX_OUTPUT_MODELS: `${topic}.models`
  }
  return { topic, current, url, settings, alerts: (await tools.read(topic)).length }
}

/** Starts a service and waits until it has classified every alert and checked every record. */
async function served({ settings, current, alerts }: Awaited<ReturnType<typeof simulated>>): Promise<ServiceProcess> {
  const service = await ServiceProcess.start(settings)
  await service.untilConsumed(alerts)
  await isChecked(service, current)
  return service
}

/** Waits until every record was checked, corrections too. */
function isChecked(service: ServiceProcess, current: string): Promise<void> {
  return service.until('the check', () => tools.isRead(current, current).catch(() => false))
}

/** The last record of each key, as compaction leaves it; null for a tombstone. */
async function lastRecords(current: string): Promise<Map<string, Buffer | null>> {
  const messages = await tools.read(current)
  return new Map(messages.map(({ key, value }) => [key as string, value]))
}

async function classifications(topic: string): Promise<Classification[]> {
  return (await tools.read(`${topic}.out`)).map(({ value }) => decodeClassification(value as Buffer, 'avro'))
}

const keyOf = (objectId: string): string => currentKey({ objectId, sha256 })

describe('the topic of current classifications', { skip: running.skip }, () => {
  test('of two writers, the one that comes late is corrected and counted', async () => {
    const made = await simulated()
    const { topic, current } = made
    const service = await served(made)
    assert.equal(await cleanupPolicy(await tools.admin(), current), 'compact')
    const bodies = await classifications(topic)
    const [answer] = currentAnswers(bodies).values()
    assert.ok(answer)
    const { objectId } = answer
    const stale = bodies.find(body => body.objectId === objectId && compareAnswers(body, answer) < 0)
    assert.ok(stale)
    const corrections = async () => total(await service.metrics(), 'hierax_current_corrections_total')
    const before = await corrections()

    const late = new KafkaSink({ connection, logger: silent })
    const origin = { topic, source: `${topic}/0/0`, ingested: 0 }
    await late.send([currentMessage(stale, origin, { encoding: 'avro' }, { topic: current, group: topic })])
    await late.close()
    await service.until('the correction', async () => (await corrections()) > before)
    await isChecked(service, current)

    const ofObject = (await tools.read(current)).filter(({ key }) => key === keyOf(objectId))
    assert.equal(ofObject.at(-1)?.headers.source, 'correction')
    const last = decodeClassification(ofObject.at(-1)?.value as Buffer, 'avro')
    for (const body of bodies.filter(body => body.objectId === objectId)) assert.ok(compareAnswers(last, body) >= 0)
    assert.equal(last.id, answer.id)
    assert.equal((await corrections()) - before, 1)
    assert.equal(await service.end(), 0)
  })

  test('one that exists and is not compacted is used, with a warning and a hint in readiness', async () => {
    const topic = await tools.topic()
    const current = await tools.topic(`${topic}.current`, { config: { 'cleanup.policy': 'delete' } })
    const settings = aroundTopic(running.brokers, topic, `lmdb:${path.join(folder, topic)}`)
    const service = await ServiceProcess.start({ ...settings, HIERAX_OUTPUT_CURRENT: current })
    await service.until('the hint', async () => {
      const { status, text } = await service.get('/health/ready')
      return status === 200 && text.includes(`${current} is not compacted`)
    })
    assert.equal(service.log.match(/"code":"TOPIC_NOT_COMPACTED"/g)?.length, 1)
    assert.equal(await service.end(), 0)
  })

  test('nothing is left of objects that store.keepDays and store delete remove, nor of a retired model', async () => {
    const made = await simulated()
    const { topic, current, url, settings } = made
    const service = await served(made)
    const answers = currentAnswers(await classifications(topic))
    const names = [...answers.keys()]
    assert.equal(names.length, objects)
    assert.deepEqual([...(await lastRecords(current)).keys()].sort(), names.map(keyOf).sort())
    // What two models left, of which one was replaced just now.
    const [retired, replaced] = ['a'.repeat(64), 'b'.repeat(64)] as const
    await leaveModel(topic, retired, '2025-01-01T00:00:00.000Z', answers.values())
    await leaveModel(topic, replaced, new Date().toISOString(), answers.values())

    const [deleted, old, ...kept] = names as [string, string, ...string[]]
    const keysOf = (objectId: string) => [sha256, retired, replaced].map(sha256 => currentKey({ objectId, sha256 }))
    const { code, stderr } = await runHierax(['store', 'delete', deleted], { settings })
    assert.equal(code, 0, stderr)
    await isChecked(service, current)
    const afterDelete = await lastRecords(current)
    for (const key of keysOf(deleted)) assert.equal(afterDelete.get(key), null, key)
    for (const key of keysOf(old)) assert.ok(afterDelete.get(key), key)
    assert.equal(await service.end(), 0)

    await makeOld(url, old)
    const pruning = await ServiceProcess.start({ ...settings, HIERAX_STORE_KEEP_DAYS: '1' })
    await pruning.until('the removal', () => pruning.log.includes('old records removed from the topic'))
    await isChecked(pruning, current)
    const last = await lastRecords(current)
    const left = [...last].filter(([, value]) => value !== null).map(([key]) => key)
    const wanted = kept.flatMap(objectId => [sha256, replaced].map(sha256 => currentKey({ objectId, sha256 })))
    assert.deepEqual(left.sort(), wanted.sort())
    assert.deepEqual([...last.keys()].sort(), names.flatMap(keysOf).sort())
    assert.equal(await pruning.end(), 0)
  })
})

/** Writes what a model leaves that was retired at a time: its records and its last announcement. */
async function leaveModel(topic: string, sha256: string, since: string, bodies: Iterable<Classification>) {
  const sink = new KafkaSink({ connection, logger: silent })
  const origin = { topic, source: `${topic}/0/0`, ingested: 0 }
  const left = [...bodies].map(body => ({ ...body, classifier: { ...body.classifier, sha256 } }))
  const [{ classifier }] = left as [Classification]
  const topics = [`${topic}.out`]
  const announcement = {
    ...classifier,
    status: 'retired',
    since,
    announced: since,
    successor: null,
    topics,
    process: 'x'
  }
  const of = { topic: `${topic}.current`, group: topic }
  await sink.send([
    ...left.map(body => currentMessage(body, origin, { encoding: 'avro' }, of)),
    {
      topic: `${topic}.models`,
      key: `${topic}.out/${sha256}`,
      value: Buffer.from(JSON.stringify(announcement)),
      headers: {}
    }
  ])
  await sink.close()
}

/** Makes the last merge of an object that of 1970. */
async function makeOld(url: string, objectId: string): Promise<void> {
  const store = await openStore(url, { programs: [1] })
  for await (const object of store.records()) {
    if (object.objectId !== objectId) continue
    assert.ok('record' in object)
    await store.remove([objectId])
    await store.merge([additionOf(objectId, encodeRecord(decodeRecord(objectId, object.record), 0))])
  }
  await store.close()
}
