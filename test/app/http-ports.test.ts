import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPorts, type PortDeps } from '../../src/app/http-ports.ts'
import type { AlertCutouts } from '../../src/lightcurves/cutouts.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { ClassificationFeed } from '../../src/service/feed.ts'
import { ShadowReport } from '../../src/service/shadow-report.ts'
import { MinuteStatistics } from '../../src/service/statistics.ts'
import { Metrics } from '../../src/telemetry/metrics.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf } from '../support/pipeline.ts'

/** Ports with one object and these images of it. */
async function portsWith(images: ((newest: bigint) => Partial<AlertCutouts>) | null) {
  const store = new MemoryStore()
  const { objectId, observation, record } = alertOf('ZTF', detectionAt(2459000.5))
  await store.merge([{ objectId, observations: [observation], alerts: [{ record, admitted: true }] }])
  const kept = { objectId, candid: record.candid, programId: 1, cutouts: { science: Buffer.from('x') } }
  const deps: PortDeps = {
    store,
    classifiers: [fakeClassifier()],
    admission,
    metrics: new Metrics({ process: false }),
    feed: new ClassificationFeed('avro'),
    shadows: new ShadowReport([]),
    minute: new MinuteStatistics(''),
    cutouts: images && { get: async () => ({ ...kept, ...images(record.candid) }) },
    readiness: () => ({}) as never,
    liveness: () => ({ ok: true, reason: '' })
  }
  return createPorts(deps)
}

describe('images of an object', () => {
  it('are those of its newest alert', async () => {
    const ports = await portsWith(() => ({}))
    assert.deepEqual((await ports.object('ZTF'))?.cutouts, ['science'])
    assert.equal(String((await ports.cutouts('ZTF'))?.cutouts.science), 'x')
    assert.equal(await ports.cutouts('other'), null)
  })

  it('are not shown of an earlier alert, nor of a programme that is not admitted any more', async () => {
    for (const other of [(newest: bigint) => ({ candid: newest - 1n }), () => ({ programId: 2 })]) {
      const ports = await portsWith(other)
      assert.deepEqual((await ports.object('ZTF'))?.cutouts, [])
      assert.equal(await ports.cutouts('ZTF'), null)
    }
  })

  it('are not mentioned where they are off', async () => {
    const ports = await portsWith(null)
    assert.ok(!('cutouts' in ((await ports.object('ZTF')) ?? {})))
    assert.equal(await ports.cutouts('ZTF'), null)
  })
})
