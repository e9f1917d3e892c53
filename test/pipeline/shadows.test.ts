import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alerts/alert.ts'
import type { Classifier } from '../../src/classifier/types.ts'
import { encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import type { ObjectState } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { type ShadowResult, Shadows } from '../../src/pipeline/shadows.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { type FakeClassifier, fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf, bench, messages } from '../support/pipeline.ts'
import { until } from '../support/until.ts'
import { alertStreams } from './streams.ts'

const live = fakeClassifier('live')

/** A classifier that predicts the likelier of its two leaves. */
function decided(name: string): FakeClassifier {
  const fake = fakeClassifier(name)
  return {
    ...fake,
    classify: async questions =>
      (await fake.classify(questions)).map(reply => {
        const [, a = 0, b = 0] = reply.answer.probability
        const node = a >= b ? 'A' : 'B'
        return {
          ...reply,
          answer: { ...reply.answer, prediction: { node, probability: Math.max(a, b), path: ['Any', node] } }
        }
      })
  }
}

function shadowsOf(classifiers: readonly Classifier[], store = new MemoryStore(), published: Classifier = live) {
  const results: ShadowResult[] = []
  const failures: string[] = []
  const shadows = new Shadows({
    store,
    classifiers,
    live: published,
    admission,
    onResult: result => void results.push(result),
    onFailure: (_, error) => void failures.push(error.message)
  })
  return { shadows, results, failures }
}

const nights = (count: number): Map<string, Alert> =>
  new Map(
    Array.from({ length: count }, (_, day) => {
      const objectId = `ZTF${day}`
      return [objectId, alertOf(objectId, detectionAt(2459000.5 + day, { candid: BigInt(day) + 1n }))]
    })
  )

async function contents(store: MemoryStore): Promise<string[]> {
  const found: string[] = []
  for await (const id of store.objectIds())
    found.push(encodeRecord((await store.get(id)) as ObjectState, 0).toString('hex'))
  return found
}

describe('shadow models', () => {
  test('change no published message and no stored object, whether they work or fail', async () => {
    const broken = { ...fakeClassifier('broken'), classify: () => Promise.reject(new Error('broken')) }
    await fc.assert(
      fc.asyncProperty(alertStreams, async alerts => {
        const batch = messages([...alerts.keys()])
        const [alone, beside] = [new MemoryStore(), new MemoryStore()]
        const plain = bench({ alerts, store: alone, classifiers: [live] })
        await plain.pipeline.process(batch)
        const { shadows } = shadowsOf([decided('shadow'), broken], beside)
        const shadowed = bench({ alerts, store: beside, classifiers: [live], shadows })
        await shadowed.pipeline.process(batch)
        await shadows.stop()
        const values = (sent: typeof plain.sent) =>
          sent.map(({ topic, value }) => [topic, Buffer.from(value).toString('hex')])
        assert.deepEqual(values(shadowed.sent), values(plain.sent))
        assert.deepEqual(await contents(beside), await contents(alone))
      }),
      { numRuns: 30 }
    )
  })

  test('every classified alert is compared once, and counted by both nodes', async () => {
    const store = new MemoryStore()
    const [published, other] = [decided('published'), decided('shadow')]
    const { shadows, results } = shadowsOf([other, live], store, published)
    const alerts = nights(20)
    const { pipeline } = bench({ alerts, store, classifiers: [published], shadows })
    await pipeline.process(messages([...alerts.keys()]))
    await until(() => results.length === 2)
    await shadows.stop()
    assert.deepEqual(
      results.map(({ sha256 }) => sha256),
      [other.sha256, live.sha256]
    )
    for (const { pairs, skipped } of results) {
      assert.equal(
        pairs.reduce((sum, [, , , count]) => sum + count, 0),
        20
      )
      assert.deepEqual(skipped, { busy: 0, failed: 0 })
    }
    assert.ok(results[0]?.pairs.every(([node, shadow, agreement]) => node === shadow && agreement === 'same'))
    assert.deepEqual(results[0]?.disagreements, [])
    assert.ok(
      results[1]?.pairs.every(
        ([node, shadow, agreement]) => node !== 'Any' && shadow === 'Any' && agreement === 'ancestor'
      )
    )
    assert.equal(results[1]?.disagreements.length, 20)
    const [first] = results[1]?.disagreements ?? []
    assert.deepEqual([first?.objectId, first?.candid, first?.jd, first?.shadow.node], ['ZTF0', '1', 2459000.5, 'Any'])
  })

  test('its hidden states are kept, so that it starts warm when it is promoted', async () => {
    const store = new MemoryStore()
    const shadow = fakeClassifier('shadow')
    const { shadows, results } = shadowsOf([shadow], store)
    const alerts = nights(1)
    await bench({ alerts, store, classifiers: [live], shadows }).pipeline.process(messages(['ZTF0']))
    await until(() => results.length === 1)
    const promoted = fakeClassifier('shadow')
    await bench({ alerts, store, classifiers: [promoted] }).pipeline.process(messages(['ZTF0']))
    assert.deepEqual(
      promoted.asked.map(({ warm }) => warm),
      [true]
    )
  })

  test('alerts are skipped and counted if it fails, or if they arrive faster than it classifies', async () => {
    const store = new MemoryStore()
    const gates: (() => void)[] = []
    const slow = fakeClassifier('slow')
    const held: Classifier = {
      ...slow,
      async classify(questions) {
        await new Promise<void>(resolve => gates.push(resolve))
        return slow.classify(questions)
      }
    }
    const { shadows, results } = shadowsOf([held], store)
    const alerts = nights(900)
    const { pipeline, bodies } = bench({ alerts, store, classifiers: [live], shadows })
    for (let time = 0; time < 4; time++) await pipeline.process(messages([...alerts.keys()]))
    assert.equal(bodies().length, 3600, 'publication does not wait')
    assert.deepEqual(
      results.map(({ skipped }) => skipped.busy),
      [900, 900]
    )
    const stopped = shadows.stop()
    gates.forEach(open => void open())
    await stopped

    const failing = { ...fakeClassifier('failing'), classify: () => Promise.reject(new Error('no luck')) }
    const second = shadowsOf([failing, fakeClassifier('other')], store)
    await bench({ alerts, store, classifiers: [live], shadows: second.shadows }).pipeline.process(messages(['ZTF1']))
    await until(() => second.results.length === 2)
    assert.deepEqual(second.failures, ['no luck'])
    assert.deepEqual(second.results[0]?.skipped, { busy: 0, failed: 1 })
  })
})
