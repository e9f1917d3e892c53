import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { mergeObservations } from '../../../src/lightcurves/curve/merge.ts'
import type { Observation } from '../../../src/lightcurves/points/observation.ts'
import { Points, PointWriter } from '../../../src/lightcurves/points/points.ts'
import { detectionAt, observations } from '../observations.ts'

test('points are the observations that were written, also when the writer goes on', () => {
  const batches = fc.array(fc.tuple(observations, fc.nat({ max: 40 }), fc.boolean()), { maxLength: 60 })
  fc.assert(
    fc.property(batches, all => {
      const writer = new PointWriter()
      const taken: { points: Points; expected: Observation[] }[] = []
      for (const [batch, repeats, dropped] of all) {
        const packed = Points.of(batch)
        const expected = [
          ...batch,
          ...batch,
          ...Array.from({ length: repeats }, () => batch).flat(),
          ...batch.slice(0, 1)
        ]
        for (const each of batch) writer.add(each)
        for (let round = 0; round <= repeats; round++) writer.addAll(packed)
        if (batch.length > 0) writer.addOne(packed, 0)
        if (dropped) writer.clear()
        else taken.push({ points: writer.take(), expected })
      }
      for (const { points, expected } of taken) {
        assert.equal(points.length, expected.length)
        assert.deepEqual([...points], expected)
      }
    }),
    { numRuns: 50 }
  )
})

test('points are of the programme that they are written with', () => {
  const writer = new PointWriter()
  for (const program of [0, 62, -1, 63, undefined]) writer.add(detectionAt(2459000.5), program)
  assert.deepEqual(
    [...writer.take()].map(({ program }) => program),
    [0, 62, undefined, undefined, undefined]
  )
})

test('a curve is the same whether points come packed or as objects', () => {
  fc.assert(
    fc.property(observations, observations, (first, second) => {
      const objects = mergeObservations(mergeObservations(LightCurve.empty, first), second)
      const packed = mergeObservations(mergeObservations(LightCurve.empty, Points.of(first)), Points.of(second))
      assert.deepEqual(packed.points, objects.points)
      assert.deepEqual(packed.supersededBytes, objects.supersededBytes)
      assert.deepEqual(packed.totals, objects.totals)
    })
  )
})
