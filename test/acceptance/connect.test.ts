import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { type PacketFormName, Simulation } from '@hierax/tools/simulator/simulate.ts'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { bundledLightCurves, readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import kafkajs from 'kafkajs'
import { bandOf } from '../../src/lightcurves/points/observation.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import type { ObjectView } from '../../src/service/schema/schemas.ts'
import { kafka } from '../support/brokers.ts'
import { ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { root, shared, sharedFiles } from '../support/shared.ts'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, CompressionTypes, ResourcePatternTypes } = kafkajs

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const username = 'babamul-1a2b3c'
const password = 'wonderland'
const broker = await kafka({
  security: { protocol: 'sasl_plaintext', users: { [username]: password } },
  properties: {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // The plaintext listener, by which the tests write, and which poses as the brokers without credentials.
    'super.users': 'User:ANONYMOUS'
  }
})
const { tools } = broker
const open = broker.cluster?.internalBrokers ?? []

/** What an account of the public stream may do, and nothing else. */
async function allow(operation: 'READ' | 'DESCRIBE', kind: 'TOPIC' | 'GROUP', prefix: string): Promise<void> {
  const resource = { resourceType: AclResourceTypes[kind], resourceName: prefix }
  const rule = { ...resource, resourcePatternType: ResourcePatternTypes.PREFIXED, principal: `User:${username}` }
  const entry = {
    ...rule,
    host: '*',
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW
  }
  await (await tools.admin()).createAcls({ acl: [entry] })
}

/** A message as a source sends it. */
type Message = { readonly value: Buffer; readonly key?: Buffer | null }

/** Containers of the simulator, and one that the public stream sent, where it is beside the project. */
async function babamulMessages(): Promise<Message[]> {
  const curves = []
  for await (const curve of readLightCurves(bundledLightCurves)) curves.push(curve)
  const simulated = [...new Simulation(curves, { objects: 2, seed: 3, cutoutBytes: 0 })].slice(0, 20)
  const real = fs.existsSync(shared) ? sharedFiles('sources/babamul').map(file => fs.readFileSync(file)) : []
  return [...simulated.map(({ bytes }) => Buffer.from(bytes)), ...real].map(value => ({ value }))
}

/** A few objects, whose alerts come in three forms by turns. */
async function mixedForms() {
  const curves: SimulatedLightCurve[] = []
  for await (const curve of readLightCurves(bundledLightCurves)) curves.push(curve)
  const simulated = (form: PacketFormName) => new Simulation(curves, { objects: 5, seed: 3, cutoutBytes: 0, form })
  const topics = (['survey', 'babamul', 'fink'] as const).map((form, turn) => ({
    topic: `mixed.${form}`,
    alerts: [...simulated(form)].filter((_, index) => index % 3 === turn)
  }))
  return { topics, alerts: [...simulated('survey')], objects: [...simulated('survey').sources()] }
}

/** Publishes messages on a topic as the public streams do. */
async function publish(topic: string, messages: readonly Message[]): Promise<void> {
  await tools.topic(topic, { partitions: 3 })
  const spread = messages.map((message, index) => ({ partition: index % 3, ...message }))
  await tools.produce(topic, spread, CompressionTypes.ZSTD)
}

/** Runs the service with a settings file of `examples/sources`, but for what an account has of its own, until it has read so many alerts. */
async function served(source: string, alerts: number, settings: Record<string, string>): Promise<ServiceProcess> {
  const service = await ServiceProcess.start({
    HIERAX_CONFIG: path.join(root, `examples/sources/${source}.yaml`),
    HIERAX_STORE_URL: `lmdb:${path.join(folder, source)}`,
    ...settings
  })
  await service.untilConsumed(alerts)
  await service.until('readiness', async () => total(await service.metrics(), 'hierax_ready') === 4)
  const recent = JSON.parse((await service.get('/api/v1/recent')).text)
  assert.ok(recent.some(({ status }: { status: string }) => status === 'CLASSIFIED'))
  assert.equal(total(await service.metrics(), 'hierax_kafka_refusals_total'), 0)
  assert.equal(total(await service.metrics(), 'hierax_dead_letters_total'), 0)
  return service
}

describe('a newcomer without a cluster', { skip: broker.skip }, () => {
  test('reads Babamul with the rights of its accounts, zstd, and a pattern of topics', async () => {
    await allow('READ', 'TOPIC', 'babamul.')
    await allow('DESCRIBE', 'TOPIC', 'babamul.')
    await allow('READ', 'GROUP', 'babamul-')
    const topic = 'babamul.ztf.no-lsst-match.hosted'
    const messages = await babamulMessages()
    await publish(topic, messages)
    await tools.topic('babamul.lsst.no-ztf-match.hosted')
    await tools.topic('private')
    const service = await served('babamul', messages.length, {
      HIERAX_INPUT_BROKERS: broker.brokers.join(),
      HIERAX_INPUT_SASL_USERNAME: username,
      HIERAX_INPUT_SASL_PASSWORD: password
    })
    assert.match(service.log, /"topics":\["babamul\.ztf\.no-lsst-match\.hosted"\]/)
    assert.equal(await service.end(), 0)
    assert.ok(!/"level":"(warn|error)"/.test(service.log), service.log)
    assert.ok(await tools.isRead(topic, 'babamul-your-name'))
    assert.ok(!(await tools.topics()).some(name => name.startsWith('hierax.')), 'nothing is written')
  })

  test('reads Fink without credentials, with other forms of the same objects beside it', async () => {
    const { topics, alerts, objects } = await mixedForms()
    for (const { topic, alerts } of topics)
      await publish(
        topic,
        alerts.map(({ bytes, key }) => ({ value: Buffer.from(bytes), key }))
      )
    const service = await served('fink', alerts.length, {
      HIERAX_INPUT_BROKERS: open.join(),
      HIERAX_INPUT_TOPICS: 'mixed.*',
      HIERAX_OUTPUT_BROKERS: open.join(),
      HIERAX_OUTPUT_CLASSIFICATIONS: 'classified'
    })
    for (const { objectId, visible } of objects) {
      const { lightCurve }: ObjectView = JSON.parse((await service.get(`/api/v1/objects/${objectId}`)).text)
      const points = lightCurve.map(({ jd, band, type }) => `${jd} ${band} ${type}`)
      assert.deepEqual(
        points,
        visible.map(({ jd, fid, detection }) => `${jd} ${bandOf(fid)} ${detection ? 'detection' : 'upperLimit'}`)
      )
    }
    const repeated = total(await service.metrics(), 'hierax_repeated_answers_total')
    assert.equal(await service.end(), 0)
    const bodies = (await tools.read('classified')).map(({ value }) => decodeClassification(value!, 'avro'))
    const named = ({ objectId, candid }: { objectId: string; candid: bigint }) => `${objectId} ${candid}`
    assert.deepEqual(new Set(bodies.map(named)), new Set(alerts.map(named)))
    assert.equal(bodies.length, alerts.length + repeated)
  })
})
