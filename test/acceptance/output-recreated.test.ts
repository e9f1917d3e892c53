import assert from 'node:assert/strict'
import fs from 'node:fs'
import { describe, test } from 'node:test'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { kafka } from '../support/brokers.ts'
import { aroundTopic, ServiceProcess, temporaryFolder, total } from '../support/service.ts'
import { until } from '../support/until.ts'

const running = await kafka()
const { tools } = running

describe('output topics that are deleted and created again under a running service', { skip: running.skip }, () => {
  test('get all messages from then on: of routes with and without retract, current answers and announcements', async t => {
    const folder = temporaryFolder()
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const curves = []
    for await (const curve of readLightCurves()) curves.push(curve)
    const packets = [...new Simulation(curves, { seed: 9, objects: 40, cutoutBytes: 0 })].slice(0, 40)
    const topic = await tools.topic(tools.name('recreated'))
    const [models, current] = [`${topic}.models`, `${topic}.current`]
    const routes = [`${topic}.route`, `${topic}.retracting`]
    const service = await ServiceProcess.start({
      ...aroundTopic(running.brokers, topic, `lmdb:${folder}/store`),
      HIERAX_OUTPUT_ROUTES: `${routes[0]}=Transient>=0; ${routes[1]}=Transient>=0 & retract`,
      HIERAX_OUTPUT_CURRENT: current,
      HIERAX_OUTPUT_MODELS: models
    })
    t.after(() => service.end('SIGKILL'))
    const send = (some: typeof packets) =>
      tools.produce(
        topic,
        some.map(({ bytes }) => ({ partition: 0, value: bytes }))
      )
    await send(packets.slice(0, 20))
    await service.untilConsumed(20)
    const outputs = [`${topic}.out`, ...routes, current, models]
    for (const output of outputs) await tools.waitFor(output, 1)

    const admin = await tools.admin()
    await admin.deleteTopics({ topics: outputs })
    await until(async () => !(await tools.topics()).some(name => outputs.includes(name)))
    for (const output of outputs) {
      const config = output === current || output === models ? { 'cleanup.policy': 'compact' } : {}
      await tools.topic(output, { partitions: 2, config })
    }
    await send(packets.slice(20))
    const metrics = await service.untilConsumed(packets.length)
    assert.equal(total(metrics, 'hierax_outcomes_total'), packets.length)

    const bodiesOn = async (name: string) =>
      (await tools.read(name)).map(({ value }) => decodeClassification(value as Buffer, 'avro'))
    const bodies = await bodiesOn(`${topic}.out`)
    const ids = new Set(bodies.map(({ id }) => id))
    assert.ok(bodies.length >= 20)
    const classified = bodies.filter(({ status }) => status === 'CLASSIFIED')
    assert.ok(classified.length > 0)
    const onRoute = new Set((await bodiesOn(routes[0] as string)).map(({ id }) => id))
    assert.deepEqual(onRoute, new Set(classified.map(({ id }) => id)))
    const retracting = await bodiesOn(routes[1] as string)
    assert.deepEqual(
      new Set(retracting.map(({ objectId }) => objectId)),
      new Set(classified.map(({ objectId }) => objectId))
    )
    const objects = new Set((await bodiesOn(current)).map(({ objectId }) => objectId))
    for (const { objectId } of bodies) assert.ok(objects.has(objectId), `${objectId} is current`)
    assert.ok(retracting.every(({ id }) => ids.has(id)))
    await tools.waitFor(models, 1)
    assert.equal(await service.end(), 0)
  })
})
