import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { maxPoints, maxSuperseded, mergeObservations, withinLimit } from '../../../src/lightcurves/curve/merge.ts'
import type { Observation } from '../../../src/lightcurves/points/observation.ts'
import { detectionAt, observation } from '../observations.ts'

/** As the decoder makes them: an upper limit has no candid. */
const decoded = fc.array(
  observation.map(point => (point.detection ? point : { ...point, candid: null })),
  { maxLength: 60 }
)

const image = ({ points, supersededBytes, totals }: LightCurve): unknown => ({
  points: points.toString('hex'),
  further: supersededBytes.toString('hex'),
  totals
})

/** Merges as `mergeObservations` does, with another limit. */
function mergeWithin(limit: number, batches: readonly (readonly Observation[])[]): LightCurve {
  return batches.reduce((curve, batch) => {
    const merged = mergeObservations(curve, batch)
    return merged.length > limit ? withinLimit(merged, limit) : merged
  }, LightCurve.empty)
}

describe('the limit on the points of an object', () => {
  test('leaves the same points for every order, duplication and split', () => {
    const cases = decoded.chain(batch =>
      fc.tuple(
        fc.constant(batch),
        fc.shuffledSubarray([...batch, ...batch], { minLength: 2 * batch.length }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 9 })
      )
    )
    fc.assert(
      fc.property(cases, ([batch, order, limit, size]) => {
        const parts = Array.from({ length: Math.ceil(order.length / size) }, (_, i) =>
          order.slice(i * size, (i + 1) * size)
        )
        const curve = mergeWithin(limit, parts)
        assert.ok(curve.length <= limit)
        assert.deepEqual(image(curve), image(mergeWithin(limit, [batch])))
      }),
      { numRuns: 500 }
    )
  })

  test('an upper limit that was put out leaves no programme to the detection of its exposure that comes later', () => {
    const [first, last] = [detectionAt(2459000.5), detectionAt(2459003.5)]
    const limit = detectionAt(2459001.5, { detection: false, own: false, candid: null, error: 0, program: 9 })
    const detection = detectionAt(2459001.5, { program: 2 })
    const late = mergeWithin(2, [[first, limit, last], [detection]])
    assert.equal(late.at(1).program, 2)
    assert.deepEqual(image(late), image(mergeWithin(2, [[detection, limit, last, first]])))
  })

  test('totals are those of the points that stay', () => {
    fc.assert(
      fc.property(decoded, fc.integer({ min: 1, max: 12 }), (batch, limit) => {
        const curve = mergeWithin(limit, [batch])
        const points = Array.from({ length: curve.length }, (_, index) => curve.at(index))
        assert.equal(curve.totals.detections, points.filter(point => point.detection).length)
        assert.equal(curve.upTo(3e6).hash, curve.hashOf(curve.length))
        assert.equal(curve.hashOf(0), 0n)
        assert.equal(curve.upTo(0).revision, 0)
      })
    )
  })

  test('the revision of a full object may shrink or stay where an older detection puts out a newer one, as the docs say', () => {
    const full = mergeWithin(3, [[1, 2, 3].map(day => detectionAt(2459000.5 + day))])
    const older = detectionAt(2459000.5, { own: false })
    const after = mergeWithin(3, [[...Array(3).keys()].map(index => full.at(index)), [older]])
    assert.equal(full.totals.revision - after.totals.revision, 1)
    const same = mergeWithin(3, [[...Array(3).keys()].map(index => full.at(index)), [{ ...older, own: true }]])
    assert.equal(same.totals.revision, full.totals.revision)
    assert.notEqual(same.totals.hash, full.totals.hash)
  })

  test('endless upper limits do not push out one detection, nor grow the object', () => {
    const limit = (jd: number): Observation =>
      detectionAt(jd, { detection: false, own: false, positive: false, candid: null, error: 0 })
    const detections = [detectionAt(2459000.5), detectionAt(2459100.5)]
    let curve = mergeObservations(LightCurve.empty, detections)
    for (let packet = 0; packet < 20; packet++) {
      const batch = Array.from({ length: 5000 }, (_, index) => limit(2450000 + packet + index / 5000))
      curve = mergeObservations(curve, batch)
    }
    assert.equal(curve.length, maxPoints)
    assert.equal(curve.totals.detections, 2)
    assert.equal(curve.at(curve.length - 1).jd, 2459100.5)
  })

  test('a point that arrives under ever new candids remembers a few', () => {
    let curve = LightCurve.empty
    for (let candid = 1n; candid <= 5000n; candid += 50n) {
      const batch = Array.from({ length: 50 }, (_, index) => detectionAt(2459000.5, { candid: candid + BigInt(index) }))
      curve = mergeObservations(curve, batch)
    }
    assert.equal(curve.at(0).candid, 5000n)
    assert.deepEqual(
      curve.supersededAt(0),
      Array.from({ length: maxSuperseded }, (_, index) => BigInt(5000 - maxSuperseded + index))
    )
  })
})
