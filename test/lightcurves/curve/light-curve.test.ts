import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { admittedCurve } from '../../../src/lightcurves/curve/gates.ts'
import { LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { filterPoints, mergeObservations } from '../../../src/lightcurves/curve/merge.ts'
import { pointSize } from '../../../src/lightcurves/points/layout.ts'
import { type Band, bandOf } from '../../../src/lightcurves/points/observation.ts'
import { observation } from '../observations.ts'

/** Curves of up to some 300 points, and lengths of their beginnings. */
const curvesAndLengths = fc.tuple(
  fc.array(fc.tuple(observation, fc.nat({ max: 200 })), { maxLength: 300, size: 'max' }),
  fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 })
)

test('counts, hash, revision, latest and brightest points of any beginning are those of its points, asked in any order', () => {
  fc.assert(
    fc.property(curvesAndLengths, ([points, shares]) => {
      const observations = points.map(([point, day]) => ({ ...point, jd: point.jd + day }))
      const stored = mergeObservations(LightCurve.empty, observations)
      const admitted = admittedCurve(stored, { minRealBogus: 0.15, maxSolarSystemDistance: 2 })
      for (const curve of [stored, admitted]) {
        for (const share of shares) {
          const length = Math.round(share * curve.length)
          assert.equal(curve.hashOf(length), beginningOf(curve, length).totals.hash)
          assert.deepEqual(curve.latest(length), latestOf(curve, length))
          assert.deepEqual(curve.peak(length), peakOf(curve, length))
          if (length === 0) continue
          const jd = curve.jd(length - 1)
          const prefix = curve.upTo(jd)
          const { detections, hash } = beginningOf(curve, prefix.length).totals
          const revision = filterPoints(stored, offset => stored.jd(offset / pointSize) <= jd).totals.revision
          assert.deepEqual(
            [prefix.detections, prefix.upperLimits, prefix.hash, prefix.revision],
            [detections, prefix.length - detections, hash, revision]
          )
        }
      }
    }),
    { numRuns: 50 }
  )
})

test('single fields are those of the decoded point', () => {
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 40 }), observations => {
      const curve = mergeObservations(LightCurve.empty, observations)
      for (let index = 0; index < curve.length; index++) {
        const { jd, fid, detection, positive, magnitude, error } = curve.at(index)
        assert.deepEqual(
          [curve.jd(index), curve.fid(index), curve.isDetection(index), curve.isPositive(index)],
          [jd, fid, detection, positive]
        )
        assert.deepEqual([curve.magnitude(index), curve.error(index)], [magnitude, error])
      }
    })
  )
})

function beginningOf(curve: LightCurve, length: number): LightCurve {
  return filterPoints(curve, offset => offset < length * pointSize)
}

function detectionsOf(curve: LightCurve, length: number) {
  return Array.from({ length }, (_, index) => curve.at(index)).filter(point => point.detection)
}

function latestOf(curve: LightCurve, length: number): Partial<Record<Band, number>> {
  const found = detectionsOf(curve, length).map(({ fid, magnitude }) => [bandOf(fid), magnitude])
  return Object.fromEntries(found) as Partial<Record<Band, number>>
}

function peakOf(curve: LightCurve, length: number): ReturnType<LightCurve['peak']> {
  const peak: ReturnType<LightCurve['peak']> = {}
  for (const { fid, jd, magnitude, positive } of detectionsOf(curve, length)) {
    const before = peak[bandOf(fid)]
    if (positive && (before === undefined || magnitude < before.magnitude)) peak[bandOf(fid)] = { jd, magnitude }
  }
  return peak
}
