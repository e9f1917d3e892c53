import assert from 'node:assert/strict'
import { once } from 'node:events'
import path from 'node:path'
import { describe, test } from 'node:test'
import { readModelFolder } from '../../src/classifier/model-folder.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification, toJson } from '../../src/messages/encoding.ts'
import { kafka } from '../support/brokers.ts'
import { aroundTopic, runHierax, ServiceProcess, startHierax } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { until } from '../support/until.ts'
import { valkey } from '../support/valkey.ts'

const running = await kafka()
const { skip, url, client } = await valkey(true)
const { tools } = running

const objects = 60
const model = (name: string) => path.join(root, 'models', name)

describe('hierax reclassify on Valkey', { skip: running.skip || skip }, () => {
  test('killed twice, it resumes from its progress: each object is published by the new model, and nothing is contradicted', async t => {
    const topic = await tools.topic(tools.name('reclassified'), { partitions: 2 })
    const simulated = await runHierax([
      ...['simulate', '--brokers', running.brokers.join(','), '--topic', topic],
      ...['--objects', String(objects), '--cutout-bytes', '0']
    ])
    assert.equal(simulated.code, 0, simulated.stderr)
    const settings = aroundTopic(running.brokers, topic, `${url}/0`)
    const old = { ...settings, HIERAX_MODEL: model('ztf-hawk') }
    const present = { ...settings, HIERAX_MODEL: model('ztf-hawk-2') }
    const { sha256 } = await readModelFolder(model('ztf-hawk-2'))

    const service = await ServiceProcess.start(old)
    t.after(() => service.end('SIGKILL'))
    await service.untilConsumed((await tools.offsets(topic)).total)
    const published = await tools.read(`${topic}.out`)
    const ids = [...new Set(published.map(({ key }) => String(key)))].sort()
    assert.equal(ids.length, objects)

    /** What was published again so far, in the order of each partition. */
    const again = async (): Promise<Classification[]> =>
      (await tools.read(`${topic}.out`))
        .filter(({ headers }) => String(headers?.source) === 'reclassify')
        .map(({ value }) => decodeClassification(value as Buffer, 'avro'))
    const done = async (): Promise<{ after: string; objects: number; finished: boolean }> =>
      JSON.parse((await client(0).get('hierax:j:reclassify')) ?? '{"after":"","objects":0}')

    for (let kills = 0; kills < 2; kills++) {
      const { objects: before } = await done()
      const child = startHierax(['reclassify', '--rate', '12'], present)
      t.after(() => child.kill('SIGKILL'))
      const closed = once(child, 'close')
      await until(async () => (await done()).objects > before)
      child.kill('SIGKILL')
      await closed
    }
    const { after, finished, objects: soFar } = await done()
    assert.ok(!finished && soFar < objects, `it was killed too late: ${soFar}`)
    const interrupted = await again()
    const reached = new Set(interrupted.map(({ objectId }) => objectId))
    assert.ok(
      ids.filter(id => id <= after).every(id => reached.has(id)),
      'its progress is not ahead of its messages'
    )

    const last = await runHierax(['reclassify', '--rate', '0'], { settings: present })
    assert.equal(last.code, 0, last.stderr)
    assert.ok(last.stderr.includes(`resuming after ${after} `), last.stderr)
    assert.match(last.stdout, new RegExp(`: ${objects} of ${objects} objects reclassified`))
    const all = await again()
    assert.deepEqual(new Set(all.map(({ objectId }) => objectId)), new Set(ids), 'no object is lost')
    assert.ok(all.every(({ classifier }) => classifier.sha256 === sha256))
    const repeats = (bodies: readonly Classification[]) => bodies.filter(({ objectId }) => objectId <= after).length
    assert.equal(repeats(all), repeats(interrupted), 'what was done is not repeated')

    // A run without interruption says the same, and so did the service by the newest alert.
    const whole = await runHierax(['reclassify', '--rate', '0', '--restart'], { settings: present })
    assert.equal(whole.code, 0, whole.stderr)
    const bodies = await again()
    const textOf = (body: Classification) => JSON.stringify(toJson(body))
    const uninterrupted = bodies.length - all.length
    assert.equal(new Set(all.map(textOf)).size, uninterrupted)
    assert.equal(new Set(bodies.map(textOf)).size, uninterrupted)
    assert.equal(new Set(bodies.map(({ id }) => id)).size, uninterrupted)
    const candids = new Set(published.map(({ value }) => decodeClassification(value as Buffer, 'avro').candid))
    assert.ok(bodies.every(({ candid }) => candids.has(candid)))
    assert.equal(await service.end(), 0)
  })
})
