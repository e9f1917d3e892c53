import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inputSets, latestInputs } from '../../../src/classifier/inputs/input-sets.ts'
import type { FilterId, Observation } from '../../../src/lightcurves/points/observation.ts'
import { detection, steppedCurve, upperLimit } from '../../support/stepped-curve.ts'

const { count, names, stateLength } = latestInputs

/** The numbers of every detection. With `parted`, the state is carried over as bytes from each detection to the next. */
function rowsOf(points: readonly Observation[], parted = false): Float32Array[] {
  const curve = steppedCurve(points)
  let state = new Float64Array(stateLength)
  latestInputs.clear(state)
  const rows: Float32Array[] = []
  points.forEach((point, index) => {
    if (!point.detection) return
    const row = new Float32Array(count)
    latestInputs.step(state, curve, index, row, 0)
    rows.push(row)
    if (parted) state = new Float64Array(Uint8Array.from(Buffer.from(state.buffer)).buffer)
  })
  return rows
}

function named(row: Float32Array | undefined, name: string): number {
  const at = names.indexOf(name)
  assert.ok(at >= 0, name)
  return row?.[at] ?? Number.NaN
}

function near(got: number, wanted: number, tolerance = 1e-4): void {
  assert.ok(Math.abs(got - wanted) <= tolerance, `got ${got}, want ${wanted}`)
}

const curves = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 80, noNaN: true })),
      fid: fc.constantFrom<FilterId>(1, 2, 3),
      magnitude: fc.double({ min: 10, max: 24, noNaN: true }),
      error: fc.double({ min: 0, max: 1, noNaN: true }),
      isDetection: fc.boolean(),
      positive: fc.boolean()
    }),
    { minLength: 1, maxLength: 40 }
  )
  .map(steps => {
    let jd = 2459000
    return steps.map(({ gap, fid, magnitude, error, isDetection, positive }) => {
      jd += gap
      return isDetection ? detection(jd, fid, magnitude, error, positive) : upperLimit(jd, fid, magnitude)
    })
  })

test('fed one by one or all at once, the numbers are the same to the bit, finite and moderate', () => {
  fc.assert(
    fc.property(curves, points => {
      const rows = rowsOf(points)
      assert.deepEqual(rowsOf(points, true), rows)
      for (const row of rows) for (const value of row) assert.ok(Number.isFinite(value) && Math.abs(value) < 12)
    })
  )
})

test('only earlier points count: what comes later changes no row before it', () => {
  fc.assert(
    fc.property(curves, fc.nat(40), (points, kept) => {
      const rows = rowsOf(points.slice(0, kept))
      assert.deepEqual(rowsOf(points).slice(0, rows.length), rows)
    })
  )
})

test('the first 27 numbers are those of version 1', () => {
  const [reference] = inputSets
  const points = [detection(2459000, 1, 19), upperLimit(2459001, 2, 20), detection(2459003, 2, 18)]
  const curve = steppedCurve(points)
  const state = new Float64Array(reference?.stateLength ?? 0)
  reference?.clear(state)
  const wanted = [0, 2].map(index => {
    const row = new Float32Array(reference?.count ?? 0)
    reference?.step(state, curve, index, row, 0)
    return row
  })
  assert.deepEqual(
    rowsOf(points).map(row => row.slice(0, 27)),
    wanted
  )
})

test('the fade is read off 15, 30 and 60 days after the peak, and anew after a higher peak', () => {
  const r = (day: number, magnitude: number) => detection(2459000 + day, 2, magnitude, 0.05)
  const rows = rowsOf([r(0, 18), r(10, 19), r(20, 20), r(40, 20.5), r(50, 17)])
  const faded = (at: number, days: number) => named(rows[at], `r.fadeAfter${days}`)
  assert.deepEqual([faded(1, 15), faded(2, 30), faded(4, 15)], [-0.5, -0.5, -0.5])
  near(faded(2, 15), 1.5 / 1.5)
  near(faded(3, 30), 2.25 / 1.5)
  near(faded(3, 15), 1.5 / 1.5)
  near(named(rows[3], 'r.brightest'), (18 - 18.5) / 1.5)
  near(named(rows[4], 'r.brightest'), (17 - 18.5) / 1.5)
})

test('a steady decline has its slope, and no scatter or turns', () => {
  const steady = Array.from({ length: 40 }, (_, at) => detection(2459000 + 2 * at, 1, 17 + 0.1 * at, 0.02))
  const last = rowsOf(steady).at(-1)
  near(named(last, 'g.declineSlope'), 0.05 * 20, 0.05)
  near(named(last, 'slopeOverMonth'), 0.05 * 20, 0.05)
  assert.equal(named(last, 'turns'), 0)
  assert.ok(named(last, 'bumpiness') < -0.5)
  const restless = steady.map((point, at) => ({ ...point, magnitude: Math.fround(18 + 0.5 * (at % 2)) }))
  const other = rowsOf(restless).at(-1)
  assert.ok(named(other, 'turns') > 1.5)
  assert.ok(named(other, 'bumpiness') > named(last, 'bumpiness') + 0.3)
  assert.ok(named(other, 'g.scatter') > named(last, 'g.scatter') + 0.5)
})

test('colours are of neighbouring nights only, and that of the brightest is the nearest to it', () => {
  const points = [
    detection(2459000, 2, 19),
    detection(2459005, 1, 19),
    detection(2459006, 2, 18.5),
    detection(2459008, 1, 18.8),
    detection(2459030, 2, 19.5),
    detection(2459031, 1, 20.5)
  ]
  const rows = rowsOf(points)
  assert.equal(named(rows[1], 'firstColour'), 0)
  near(named(rows[2], 'firstColour'), 0.5)
  near(named(rows[3], 'colourAtBrightest'), 0.5)
  near(named(rows[3], 'colourAtBrightestGap'), 0)
  assert.equal(named(rows[4], 'hasColourAfter20'), 0)
  near(named(rows[5], 'colourAfter20'), 1)
  near(named(rows[5], 'meanColour'), (0.5 + 0.3 + 1) / 3)
})

test('the rise is at least as fast as from the last upper limit before it', () => {
  const rows = rowsOf([
    upperLimit(2458998, 1, 20.5),
    detection(2459000, 1, 19.5),
    detection(2459008, 1, 18, 0.1, false)
  ])
  near(named(rows[1], 'limitBeforeFirst'), 2.5 / 1.5)
  near(named(rows[1], 'limitBeforeFirstAge'), Math.log(3) / 3)
  near(named(rows[1], 'riseSinceLimit'), (2.5 / 10) * 5)
  near(named(rows[1], 'shareNegative'), 0.5)
  near(named(rows[1], 'g.riseSlope'), ((-1.5 * 16) / (8 * (16 + 9))) * 10, 1e-3)
})

test('the width of a flat curve is its length, a long gap apart', () => {
  const flat = [0, 10, 20].map(day => detection(2459000 + day, 1, 19))
  near(named(rowsOf(flat).at(-1), 'g.width'), Math.log(1 + 20) / 3)
  const gap = [0, 400].map(day => detection(2459000 + day, 1, 19))
  near(named(rowsOf(gap).at(-1), 'g.width'), Math.log(1 + 60) / 3)
})
