import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clearInputState,
  detectionsSeen,
  inputCount,
  inputNames,
  inputStateLength,
  stepInputs
} from '../../../src/classifier/inputs/inputs.ts'
import type { Observation } from '../../../src/lightcurves/points/observation.ts'
import { needsShared } from '../../support/shared.ts'
import { detection, referenceCases, steppedCurve, upperLimit } from '../../support/stepped-curve.ts'

/** Inputs of every detection of some points, fed at once. */
function inputsOf(points: readonly Observation[], state = new Float64Array(inputStateLength)): number[][] {
  const curve = steppedCurve(points)
  clearInputState(state)
  const rows: number[][] = []
  points.forEach((point, index) => {
    if (!point.detection) return
    const row = new Float32Array(inputCount)
    stepInputs(state, curve, index, row, 0)
    rows.push([...row])
  })
  return rows
}

function named(row: readonly number[] | undefined, name: (typeof inputNames)[number]): number {
  return row?.[inputNames.indexOf(name)] ?? Number.NaN
}

function near(got: number, wanted: number, message?: string): void {
  assert.ok(Math.abs(got - wanted) <= 1e-4, `${message ?? ''} got ${got}, want ${wanted}`)
}

test('inputs agree with the reference study for every detection', needsShared(), () => {
  let compared = 0
  for (const { id, points, inputs } of referenceCases()) {
    const rows = inputsOf(points)
    assert.equal(rows.length, inputs.length, id)
    rows.forEach((row, step) => {
      row.forEach((value, which) => {
        near(value, inputs[step]?.[which] ?? Number.NaN, `${id}, detection ${step}, ${inputNames[which]}:`)
        compared++
      })
    })
  }
  assert.ok(compared > 20_000)
})

test('the state has the same bytes and the same size however long the light curve', () => {
  const points = Array.from({ length: 400 }, (_, at) =>
    detection(2459000.5 + at * 0.37, at % 3 === 0 ? 1 : 2, 18 + (at % 7))
  )
  const state = new Float64Array(inputStateLength)
  inputsOf(points, state)
  assert.equal(detectionsSeen(state), 400)
  assert.ok(state.byteLength <= 200)
})

test('only earlier points count: a later one changes no row before it', () => {
  const points = [detection(2459000, 1, 19), detection(2459003, 2, 18), detection(2459006, 1, 17)]
  assert.deepEqual(inputsOf(points).slice(0, 2), inputsOf(points.slice(0, 2)))
})

test('upper limits of the last 30 days count before the first detection, later those since the previous one', () => {
  const points = [
    upperLimit(2458969, 1, 20),
    upperLimit(2458975, 1, 20.5),
    upperLimit(2458999, 2, 21),
    detection(2459000, 1, 19),
    upperLimit(2459001, 1, 20.25),
    detection(2459002, 2, 19),
    detection(2459003, 2, 19)
  ]
  const [first, second, third] = inputsOf(points)
  near(named(first, 'logUpperLimits'), Math.log(3) / 2)
  near(named(first, 'upperLimitDepth'), 2 / 1.5)
  near(named(first, 'upperLimitAge'), Math.log(2) / 2)
  near(named(second, 'logUpperLimits'), Math.log(2) / 2)
  near(named(second, 'upperLimitDepth'), 1.25 / 1.5)
  assert.equal(named(third, 'hasUpperLimit'), 0)
})

test('an upper limit of the same exposure as a detection counts for the next one', () => {
  const points = [
    detection(2459000, 2, 19),
    upperLimit(2459002, 1, 20),
    detection(2459002, 2, 19),
    detection(2459003, 2, 19)
  ]
  assert.deepEqual(
    inputsOf(points).map(row => named(row, 'hasUpperLimit')),
    [0, 0, 1]
  )
})

test('the slope is to the latest point of the band at least 0.8 days older, else to the latest', () => {
  const points = [
    detection(2459000, 1, 19),
    detection(2459000.1, 1, 18.9),
    detection(2459000.85, 1, 18.8),
    detection(2459001, 1, 18.7)
  ]
  const rows = inputsOf(points)
  assert.deepEqual(
    rows.map(row => named(row, 'hasSameBand')),
    [0, 1, 1, 1]
  )
  near(named(rows[1], 'slopeInterval'), Math.log(1.1) / 3)
  near(named(rows[2], 'slopeInterval'), Math.log(1.85) / 3)
  near(named(rows[3], 'slopeInterval'), Math.log(1.9) / 3)
  near(named(rows[3], 'slope'), (-0.2 / 0.9) * 5)
})

test('i pairs with g, and brightness is clipped', () => {
  const points = [detection(2459000, 1, 19), detection(2459001, 3, 12), detection(2459002, 3, 21, 0.001, false)]
  const rows = inputsOf(points)
  near(named(rows[1], 'colour'), 2.5)
  near(named(rows[1], 'otherBandBrightest'), 0.5 / 1.5)
  near(named(rows[2], 'fade'), 5 / 1.5)
  near(named(rows[2], 'declineRate'), 2)
  near(named(rows[2], 'logError'), (Math.log10(0.005) + 1) / 0.4)
  assert.equal(named(rows[2], 'sign'), -1)
  assert.equal(named(rows[2], 'hasOtherBand'), 1)
})
