import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sequenceOf } from '@hierax/training/network/batches.ts'
import { type InputSet, inputSetOf } from '../../../src/classifier/inputs/input-sets.ts'
import type { Observation } from '../../../src/lightcurves/points/observation.ts'
import { detection, steppedCurve } from '../../support/stepped-curve.ts'

const set = inputSetOf('ztf-72.v3') as InputSet
const supernova = Array.from({ length: 12 }, (_, at) =>
  detection(2459000.5 + 3 * at, at % 2 === 0 ? 1 : 2, 18 + 0.1 * at)
)

/** Inputs of every detection of the last sequence. */
function inputsOf(points: readonly Observation[]): number[][] {
  const curve = steppedCurve(points)
  const state = new Float64Array(set.stateLength)
  set.clear(state)
  let rows: number[][] = []
  let sequence = 0
  points.forEach((point, index) => {
    if (set.startsAnew(sequence, point.jd - (points[index - 1]?.jd ?? 0))) {
      set.restart(state, index)
      sequence = 0
      rows = []
    }
    sequence++
    const row = new Float32Array(set.count)
    set.step(state, curve, index, row, 0)
    rows.push([...row])
  })
  return rows
}

describe('a sequence restarts after an isolated old detection', () => {
  for (const [what, old] of [
    ['one, years before', [detection(2457900.5, 1, 19.5)]],
    ['two of one night', [detection(2458500.5, 1, 19.5), detection(2458500.53, 2, 19.2)]],
    ['two, years apart', [detection(2457200.5, 2, 18.1), detection(2458500.5, 1, 19.5)]]
  ] as const) {
    test(`${what}: the clock is that of the supernova alone`, () => {
      const with_ = inputsOf([...old, ...supernova])
      const alone = inputsOf(supernova)
      assert.equal(with_.length, alone.length)
      for (const [step, row] of with_.entries()) {
        assert.deepEqual(row.slice(0, -2), alone[step]?.slice(0, -2))
        assert.deepEqual(row.slice(-2), [Math.fround(Math.log(1 + old.length) / 4), 1])
        assert.deepEqual(alone[step]?.slice(-2), [0, 0])
      }
    })
  }

  test('not behind a shorter gap, and not behind three detections', () => {
    assert.equal(inputsOf([detection(2458945.5, 1, 19.5), ...supernova]).length, 13)
    const three = [0, 1, 2].map(day => detection(2458000.5 + day, 1, 19))
    assert.equal(inputsOf([...three, ...supernova]).length, 15)
  })

  test('training sees the same last sequence', () => {
    const points = [detection(2457900.5, 1, 19.5), ...supernova]
    const { steps, inputs } = sequenceOf(points, 0, 0, set)
    assert.equal(steps, supernova.length)
    assert.deepEqual([...inputs], inputsOf(points).flat())
  })
})
