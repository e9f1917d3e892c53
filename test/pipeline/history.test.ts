import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LightCurve } from '../../src/lightcurves/curve/light-curve.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { historyOf } from '../../src/pipeline/history.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { detection, upperLimit } from '../support/stepped-curve.ts'

async function curveOf(detections: number): Promise<LightCurve> {
  const observations = Array.from({ length: detections }, (_, index) => [
    detection(2459000 + index, 1, 19),
    upperLimit(2459000.5 + index, 2, 20)
  ]).flat()
  const [state] = await new MemoryStore().merge([{ objectId: 'x', observations, alerts: [] }])
  assert.ok(state)
  return state.curve
}

test('every detection has its answer, on the points up to its time', async () => {
  const curve = await curveOf(7)
  const classifier = fakeClassifier()
  const moments = await historyOf(curve, classifier, { minDetections: 1, limit: 100, alert: null })
  assert.deepEqual(
    moments.map(moment => moment.detection.jd),
    Array.from({ length: 7 }, (_, index) => 2459000 + index)
  )
  assert.deepEqual(
    moments.map(({ detections }) => detections),
    [1, 2, 3, 4, 5, 6, 7]
  )
  for (const { detection: point, answer } of moments) {
    const [alone] = await classifier.classify([{ curve, jd: point.jd, state: null, alert: null }])
    assert.deepEqual(answer, alone?.answer)
  }
})

test('each step goes on from the one before it', async () => {
  const classifier = fakeClassifier()
  await historyOf(await curveOf(4), classifier, { minDetections: 1, limit: 100, alert: null })
  assert.deepEqual(
    classifier.asked.map(({ warm }) => warm),
    [false, true, true, true]
  )
})

test('detections before there are enough of them have no answer', async () => {
  const moments = await historyOf(await curveOf(5), fakeClassifier(), { minDetections: 3, limit: 100, alert: null })
  assert.deepEqual(
    moments.map(({ detections }) => detections),
    [3, 4, 5]
  )
})

test('a long history is thinned evenly, with both ends', async () => {
  const curve = await curveOf(101)
  for (const limit of [2, 5, 26, 101]) {
    const moments = await historyOf(curve, fakeClassifier(), { minDetections: 1, limit, alert: null })
    assert.equal(moments.length, limit)
    assert.equal(moments[0]?.detections, 1)
    assert.equal(moments.at(-1)?.detections, 101)
  }
})
