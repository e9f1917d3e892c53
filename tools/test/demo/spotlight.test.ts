import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { loadModels } from 'hierax/app/models.ts'
import type { Classifier } from 'hierax/classifier/types.ts'
import { fakeClassifier } from '../../../test/support/fake-classifier.ts'
import { findSpotlight, playSpotlight, type Spotlight } from '../../src/demo/spotlight.ts'

describe('spotlight', () => {
  const curves: SimulatedLightCurve[] = []
  let classifier: Classifier
  before(async () => {
    for await (const curve of readLightCurves()) curves.push(curve)
    const [first] = await loadModels({ model: [], runtime: 'wasm' })
    classifier = first as Classifier
  })
  after(() => classifier.dispose())

  it('is a supernova whose class becomes confident with the bundled model', async () => {
    const found = await findSpotlight(curves, classifier)
    assert.ok(found)
    assert.ok(found.label.startsWith(found.node))
    const alerts = found.packets.flatMap(packet => createDecoder().decode(packet))
    assert.ok(alerts.length >= 8)
    assert.ok(alerts.every(({ objectId }) => objectId === found.objectId))
    const times = alerts.map(({ record }) => record.jd)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b)
    )
  })

  it('is null for a model without such a class', async () => {
    assert.equal(await findSpotlight(curves, fakeClassifier()), null)
  })

  it('publishes packet by packet, and stops on abort', async () => {
    const published: Uint8Array[] = []
    const stop = new AbortController()
    const publisher = {
      partitions: 1,
      publish: async (packet: Uint8Array) => {
        published.push(packet)
        if (published.length === 2) stop.abort()
      },
      flush: async () => {},
      close: async () => {}
    }
    const packets = [1, 2, 3].map(byte => Uint8Array.of(byte))
    await playSpotlight({ packets } as unknown as Spotlight, publisher, { delay: 0, signal: stop.signal })
    assert.deepEqual(published, packets.slice(0, 2))
  })
})
