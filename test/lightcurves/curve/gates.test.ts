import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { admittedCurve, passes } from '../../../src/lightcurves/curve/gates.ts'
import { LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { mergeObservations } from '../../../src/lightcurves/curve/merge.ts'
import { observationsOf, pointSize } from '../../../src/lightcurves/points/layout.ts'
import type { Observation } from '../../../src/lightcurves/points/observation.ts'
import { detectionAt, observations } from '../observations.ts'

const gates = { minRealBogus: 0.2, maxSolarSystemDistance: 5 }
const curveOf = (points: readonly Observation[]): LightCurve => mergeObservations(LightCurve.empty, points)
const pointsOf = (curve: LightCurve): Observation[] =>
  Array.from({ length: curve.length }, (_, index) => curve.at(index))

/** The same points, and candids beside them, as a curve of their own. */
function alone(curve: LightCurve): LightCurve {
  const kept = pointsOf(curve).flatMap((point, index) =>
    passes(point, gates)
      ? [
          ...observationsOf(curve.points, index * pointSize),
          ...curve.supersededAt(index).map(candid => ({ ...limit, ...place(point), candid }))
        ]
      : []
  )
  return curveOf(kept)
}
const limit = detectionAt(0, { detection: false, own: false, positive: false, magnitude: 0, error: 0 })
const place = ({ jd, fid }: Observation): Pick<Observation, 'jd' | 'fid'> => ({ jd, fid })

describe('the gates', () => {
  test('turn away what is known to be bad, at the same values in single precision as in double', () => {
    const unknown = { realBogus: null, solarSystemDistance: null }
    assert.ok(passes(unknown, gates))
    assert.ok(passes({ ...unknown, realBogus: 0.2 }, gates))
    assert.ok(passes({ ...unknown, realBogus: Math.fround(0.2) }, gates))
    assert.ok(passes({ ...unknown, realBogus: Math.fround(0.3) }, { ...gates, minRealBogus: 0.3 }))
    assert.ok(!passes({ ...unknown, realBogus: 0.19 }, gates))
    assert.ok(!passes({ ...unknown, solarSystemDistance: 5 }, gates))
    assert.ok(!passes({ ...unknown, solarSystemDistance: Math.fround(5.1) }, { ...gates, maxSolarSystemDistance: 5.1 }))
    assert.ok(passes({ ...unknown, solarSystemDistance: 5.01 }, gates))
    assert.ok(!passes({ realBogus: 0.9, solarSystemDistance: 1 }, gates))
  })
})

describe('the curve of admitted points', () => {
  test('is the curve of these points alone, but for the revision, which counts all', () => {
    fc.assert(
      fc.property(observations, batch => {
        const whole = curveOf(batch)
        const view = admittedCurve(whole, gates)
        const expected = alone(whole)
        assert.deepEqual(pointsOf(view), pointsOf(expected))
        for (const jd of [0, ...new Set(batch.map(point => point.jd)), 3e6]) {
          const { revision, hiddenRevision, ...counts } = view.upTo(jd)
          const { revision: ofView, hiddenRevision: none, ...wanted } = expected.upTo(jd)
          assert.deepEqual(counts, wanted)
          assert.equal(revision, whole.upTo(jd).revision)
          assert.deepEqual([hiddenRevision, none], [revision - ofView, 0])
          assert.equal(view.hashOf(counts.length), counts.hash)
          assert.deepEqual(view.latest(counts.length), expected.latest(counts.length))
        }
      })
    )
  })

  test('is the curve itself where no point is turned away', () => {
    const curve = curveOf([
      detectionAt(2459000.5, { realBogus: Math.fround(0.2), solarSystemDistance: 6 }),
      detectionAt(2459001.5),
      { ...limit, jd: 2459002.5, candid: null }
    ])
    assert.equal(admittedCurve(curve, gates), curve)
    assert.notEqual(admittedCurve(curve, { ...gates, minRealBogus: 0.21 }), curve)
    assert.notEqual(admittedCurve(curve, { ...gates, maxSolarSystemDistance: 6 }), curve)
  })

  test('may be empty', () => {
    const view = admittedCurve(curveOf([detectionAt(2459000.5, { realBogus: 0.1 })]), gates)
    assert.deepEqual(view.upTo(3e6), {
      length: 0,
      detections: 0,
      upperLimits: 0,
      firstJd: null,
      lastJd: null,
      firstDetectionJd: null,
      lastDetectionJd: null,
      hash: 0n,
      revision: 12,
      hiddenRevision: 12
    })
  })
})
