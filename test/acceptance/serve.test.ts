import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import avro from 'avsc'
import { type Classification, type ClassificationJson, schemaName } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { currentAnswers, currentIds } from '../support/answers.ts'
import { kafka } from '../support/brokers.ts'
import { readDesc, sumOf } from '../support/desc.ts'
import type { ReadMessage } from '../support/kafka-tools.ts'
import { ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { needsShared } from '../support/shared.ts'
import { type RealPacket, realPackets } from './packets.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const running = await kafka()
const skip = running.skip || needsShared().skip
const { tools } = running
const partitions = 4
const large = { config: { 'max.message.bytes': '20000000' } }

/** Produces packets to the partitions of a new topic; returns the settings of a service that reads it. */
async function prepare(packets: readonly RealPacket[], name = tools.name('alerts')): Promise<Record<string, string>> {
  await tools.topic(name, { partitions, ...large })
  for (let at = 0; at < packets.length; at += 8) {
    const some = packets.slice(at, at + 8)
    await tools.produce(
      name,
      some.map((packet, i) => ({ partition: (at + i) % partitions, value: packet.bytes }))
    )
  }
  return {
    HIERAX_INPUT_BROKERS: running.brokers.join(','),
    HIERAX_INPUT_TOPICS: name,
    HIERAX_INPUT_GROUP: name,
    HIERAX_OUTPUT_CLASSIFICATIONS: `${name}.classifications`,
    HIERAX_OUTPUT_DEAD_LETTERS: `${name}.dead`,
    HIERAX_STORE_URL: `lmdb:${path.join(folder, name)}`
  }
}

describe('hierax serve on real packets', { skip }, () => {
  test('every alert has exactly one outcome, and the metrics agree', async () => {
    const packets = realPackets()
    const settings = await prepare(packets)
    const service = await ServiceProcess.start(settings)
    const alerts = packets.flatMap(packet => packet.alerts)
    const refused = packets.filter(packet => packet.alerts.length === 0)
    const metrics = await service.untilConsumed(alerts.length + refused.length)
    await service.until('readiness', async () => total(await service.metrics(), 'hierax_ready') === 4)
    assert.equal(await service.end(), 0)

    const out = await tools.read(settings.HIERAX_OUTPUT_CLASSIFICATIONS as string)
    const dead = await tools.read(settings.HIERAX_OUTPUT_DEAD_LETTERS as string)
    const bodies = out.map(message => decodeClassification(message.value as Buffer, 'avro'))
    assert.deepEqual(
      new Set(bodies.map(body => `${body.objectId}/${body.candid}`)),
      new Set(alerts),
      'every alert has a message'
    )
    assert.equal(dead.length, refused.length)
    const originals = new Set(refused.map(packet => packet.bytes.toString('base64')))
    for (const { value, key, headers } of dead) {
      assert.ok(originals.has((value as Buffer).toString('base64')), 'the original bytes')
      assert.equal(key, null)
      assert.match(headers['error.code'] ?? '', /^[A-Z_]+$/)
      assert.match(headers.source ?? '', /^alerts-.*\/\d\/\d+$/)
    }
    assert.equal(total(metrics, 'hierax_alerts_consumed_total'), alerts.length + refused.length)
    assert.equal(total(metrics, 'hierax_outcomes_total'), alerts.length + refused.length)
    assert.equal(metrics.get('hierax_outcomes_total{outcome="dead_letter"}'), refused.length)
    assert.equal(total(metrics, 'hierax_published_total'), out.length + dead.length)
    assert.equal(total(metrics, 'hierax_repeated_answers_total'), out.length - alerts.length)
    checkMessages(out, bodies)
  })

  test('a service that is stopped and started again resumes where it stopped', async () => {
    const packets = realPackets().filter(packet => packet.alerts.length > 0)
    const settings = await prepare(packets)
    const first = await ServiceProcess.start(settings)
    await first.untilConsumed(1)
    assert.equal(await first.end('SIGINT'), 0)
    const second = await ServiceProcess.start(settings)
    const alerts = new Set(packets.flatMap(packet => packet.alerts))
    const topic = settings.HIERAX_OUTPUT_CLASSIFICATIONS as string
    await second.until('the rest', () =>
      tools.isRead(settings.HIERAX_INPUT_TOPICS as string, settings.HIERAX_INPUT_GROUP as string).catch(() => false)
    )
    const bodies = (await tools.read(topic)).map(message => decodeClassification(message.value as Buffer, 'avro'))
    assert.deepEqual(new Set(bodies.map(body => `${body.objectId}/${body.candid}`)), alerts)
    assert.equal(await second.end(), 0)

    const calm = await prepare(packets)
    const undisturbed = await ServiceProcess.start(calm)
    await undisturbed.untilConsumed(packets.flatMap(packet => packet.alerts).length)
    await undisturbed.end()
    const expected = (await tools.read(calm.HIERAX_OUTPUT_CLASSIFICATIONS as string)).map(message =>
      decodeClassification(message.value as Buffer, 'avro')
    )
    assert.deepEqual(currentIds(bodies), currentIds(expected), 'the current classification of every object is the same')
  })

  test('JSON encoding, routes, DESC’s form and another output cluster', async () => {
    const other = await kafka({ own: true })
    const packets = realPackets().filter(packet => packet.name.includes('lc_correction_v3.3_object'))
    const settings = await prepare(packets)
    const route = tools.name('ia')
    const desc = tools.name('desc')
    const service = await ServiceProcess.start({
      ...settings,
      HIERAX_OUTPUT_BROKERS: other.brokers.join(','),
      HIERAX_OUTPUT_ENCODING: 'json',
      HIERAX_OUTPUT_ROUTES: `${route}=SN Ia>=0.9`,
      HIERAX_OUTPUT_DESC_TOPIC: desc
    })
    await service.untilConsumed(packets.length)
    const all = (await other.tools.read(settings.HIERAX_OUTPUT_CLASSIFICATIONS as string)).map(m =>
      JSON.parse(String(m.value))
    )
    const routed = (await other.tools.read(route)).map(m => JSON.parse(String(m.value)))
    const sure = all.filter(body =>
      body.nodes.some((n: { name: string; probability: number }) => n.name === 'SN Ia' && n.probability >= 0.9)
    )
    assert.ok(sure.length > 0 && sure.length < all.length)
    assert.deepEqual(new Set(routed.map(body => body.id)), new Set(sure.map(body => body.id)))
    assert.equal(typeof all[0].candid, 'string')
    const object = JSON.parse((await service.get('/api/v1/objects/ZTF19aazzpje')).text)
    const ia = object.classification.nodes.find((n: { name: string }) => n.name === 'SN Ia')
    assert.ok(ia.probability > 0.95, `ZTF19aazzpje is an SN Ia, P ${ia.probability}`)
    const current = currentAnswers(all).get('ZTF19aazzpje')
    assert.equal(object.classification.id, current?.id)
    assert.deepEqual(object.classification.nodes, current?.nodes)
    assert.equal(object.lightCurve.filter((p: { type: string }) => p.type === 'detection').length, 19)
    checkDesc(await other.tools.read(desc), all)
    assert.equal(await service.end(), 0)
  })
})

/** Checks that every classification has its message in DESC's form, in the same order for each object. */
function checkDesc(messages: readonly ReadMessage[], classifications: readonly ClassificationJson[]): void {
  const idsByObject = (some: readonly { readonly id: string | undefined; readonly objectId: string | null }[]) => {
    const ids = new Map<string | null, unknown[]>()
    for (const { id, objectId } of some) ids.set(objectId, [...(ids.get(objectId) ?? []), id])
    return ids
  }
  const bodies = new Map(classifications.map(body => [body.id, body]))
  const found = messages.map(({ key, value, headers }) => {
    const { candid, status, nodes } = bodies.get(headers.id ?? '') as ClassificationJson
    const message = readDesc(value)
    assert.equal(String(message.alertId), candid)
    assert.ok([headers.ingested, 'null'].includes(String(message.brokerIngestTimestamp)))
    assert.ok(Math.abs(sumOf(message) - 1) < 1e-6)
    const agn = nodes.find(({ name }) => name === 'AGN')?.probability
    const [inDesc] = message.classifications.filter(({ classId }) => classId === 2332)
    assert.equal(inDesc?.probability, agn === undefined ? undefined : Math.fround(agn))
    assert.equal(status === 'NOT_CLASSIFIED', message.classifications[0]?.classId === 300)
    return { id: headers.id, objectId: key }
  })
  assert.deepEqual(idsByObject(found), idsByObject(classifications))
}

/** Checks what the contract guarantees for every message. */
function checkMessages(
  messages: readonly { key: string | null; value: Buffer | null; headers: Readonly<Record<string, string>> }[],
  bodies: readonly Classification[]
): void {
  const schema = avro.Type.forSchema(
    JSON.parse(fs.readFileSync(new URL('../../schemas/classification.avsc', import.meta.url), 'utf8'))
  )
  assert.equal(schema.name, 'hierax.Classification')
  const bytesOf = new Map<string, Buffer>()
  for (const [index, { key, value, headers }] of messages.entries()) {
    const body = bodies[index] as Classification
    assert.equal(key, body.objectId)
    assert.equal(headers.id, body.id)
    assert.equal(headers.schema, schemaName)
    assert.ok(Number(headers.published) >= Number(headers.ingested))
    assert.ok((bytesOf.get(body.id) ?? (value as Buffer)).equals(value as Buffer), 'equal ids have equal bytes')
    bytesOf.set(body.id, value as Buffer)
    assert.equal(body.status === 'CLASSIFIED', body.nodes.length > 0)
    assert.equal(body.status === 'CLASSIFIED', body.reason === null)
    const sums = new Map<string | null, number>()
    for (const node of body.nodes) sums.set(node.parent, (sums.get(node.parent) ?? 0) + node.conditional)
    for (const sum of sums.values()) assert.ok(Math.abs(sum - 1) < 1e-6)
  }
}
