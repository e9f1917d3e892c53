import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alerts/alert.ts'
import type { RecurrentClassifier } from '../../src/classifier/classifier.ts'
import { maxPoints } from '../../src/lightcurves/curve/merge.ts'
import type { FilterId } from '../../src/lightcurves/points/observation.ts'
import { encodeRecord } from '../../src/lightcurves/records/object-record.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { countingClassifier } from '../support/counting-classifier.ts'
import { alertOf, type Bench, bench, messages } from '../support/pipeline.ts'
import { detection } from '../support/stepped-curve.ts'

const objectId = 'ZTF18aaaaaaa'
/** Maximum distance of a checkpoint, detections. */
const spacing = 512
const cadence = 0.7

/** The alert at a place of the history. Places that are not integers are between two of the detections that are known from the start. */
function alertAt(place: number): Alert {
  const fid = ((Math.floor(place) % 3) + 1) as FilterId
  const magnitude = 18 + Math.sin(place * 0.7)
  return alertOf(objectId, detection(2458000.5 + place * cadence, fid, magnitude, Math.fround(0.07)))
}

/** A stored object with detections at the places 0, 1, …, whose newest alert was classified. */
async function objectOf(
  detections: number,
  classifier: RecurrentClassifier
): Promise<{ store: MemoryStore; deliver: (batch: readonly number[]) => Promise<void>; output: Bench }> {
  const store = new MemoryStore()
  const observations = Array.from({ length: detections - 1 }, (_, place) => alertAt(place).observation)
  await store.merge([{ objectId, observations, alerts: [] }])
  const alerts = new Map<string, Alert>()
  const output = bench({ alerts, store, classifiers: [classifier] })
  const deliver = (batch: readonly number[]): Promise<void> => {
    for (const place of batch) alerts.set(String(place), alertAt(place))
    return output.pipeline.process(messages(batch.map(String)))
  }
  await deliver([detections - 1])
  return { store, deliver, output }
}

describe('a late alert', () => {
  let classifier: RecurrentClassifier
  let takeSteps: () => number
  before(async () => {
    ;({ classifier, takeSteps } = await countingClassifier())
  })

  const cached = async (store: MemoryStore): Promise<Uint8Array | null> =>
    (await store.readCache([{ objectId, modelSha256: classifier.sha256 }]))[0] ?? null

  describe('of an object of 10,000 detections', () => {
    const known = maxPoints - 300
    const places = Array.from({ length: 100 }, (_, index) => 1 + ((index * 6151) % (known - 2)))

    test('that changes nothing costs the steps from a checkpoint, each in its own batch or together', async () => {
      const { deliver, store } = await objectOf(known, classifier)
      assert.equal(takeSteps(), known)
      const state = await cached(store)
      assert.ok(state !== null && state.length < 56_000, `${state?.length} bytes`)
      for (const place of places) {
        await deliver([place])
        assert.ok(takeSteps() <= spacing)
      }
      await deliver(places)
      assert.ok(takeSteps() <= spacing * places.length)
      assert.deepEqual(await cached(store), state)
      await deliver([known])
      assert.equal(takeSteps(), 1)
    })

    test('costs the steps from a checkpoint to the newest detection, once for a whole batch', async () => {
      const { deliver } = await objectOf(known, classifier)
      takeSteps()
      await deliver(places.map(place => place + 0.5))
      const together = takeSteps()
      assert.ok(together >= known && together <= known + places.length + spacing, `${together} steps`)
      for (const [index, place] of places.slice(0, 25).entries()) {
        await deliver([place + 0.25])
        const steps = takeSteps()
        const after = known + places.length + index + 1 - place
        assert.ok(steps <= after + spacing, `${steps} steps for a late alert ${after} detections before the newest`)
      }
    })

    test('near the newest costs a few steps', async () => {
      const { deliver } = await objectOf(known, classifier)
      takeSteps()
      for (const back of [1, 5, 8, 9, 30, 64, 65, 200]) {
        await deliver([known - back - 0.5])
        const [steps, added] = [takeSteps(), 10]
        const bound = back <= 8 ? 8 : back <= 64 - added ? 64 : spacing
        assert.ok(steps <= back + added + bound, `${steps} steps, ${back} detections back`)
      }
    })
  })

  test('in any order and batches ends in the same record, last message and valid checkpoints', async () => {
    const known = 1100
    const place = fc.oneof(
      fc.integer({ min: 0, max: known + 3 }),
      fc.integer({ min: 0, max: 8 * known }).map(eighth => eighth / 8),
      fc.constantFrom(510.5, 511, 511.5, 512, 1022.5, 1023, 1023.5)
    )
    const orders = fc
      .uniqueArray(place, { minLength: 1, maxLength: 12 })
      .chain(places =>
        fc.tuple(
          fc.constant(places),
          fc.shuffledSubarray([...places, ...places], { minLength: 2 * places.length }),
          fc.integer({ min: 1, max: 5 })
        )
      )
    await fc.assert(
      fc.asyncProperty(orders, async ([places, order, size]) => {
        const together = await objectOf(known, classifier)
        await together.deliver(places)
        const apart = await objectOf(known, classifier)
        for (let at = 0; at < order.length; at += size) await apart.deliver(order.slice(at, at + size))

        const [expected, state] = [await together.store.get(objectId), await apart.store.get(objectId)]
        assert.ok(expected && state)
        assert.deepEqual(encodeRecord(state, 0), encodeRecord(expected, 0))
        assert.deepEqual(apart.output.bodies().at(-1), together.output.bodies().at(-1))

        const { curve } = state
        const ofObject = await cached(apart.store)
        let stepped: Uint8Array | null = null
        for (let index = 0; index < curve.length; index += 61) {
          const question = { curve, jd: curve.jd(index), alert: null }
          const [resumed] = await classifier.classify([{ ...question, state: ofObject }])
          const [next] = await classifier.classify([{ ...question, state: stepped }])
          stepped = next?.state ?? null
          assert.deepEqual(resumed?.answer, next?.answer)
          assert.ok((resumed?.steps ?? 0) <= spacing)
        }
      }),
      { numRuns: 10 }
    )
  })
})
