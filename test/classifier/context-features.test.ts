import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contextFeatureNames, contextFeatures } from '../../src/classifier/context-features.ts'
import type { AlertView } from '../../src/classifier/types.ts'
import { contextFields } from '../../src/lightcurves/observation.ts'
import { anyContext, emptyContext, onStar } from './context-support.ts'

function featuresOf(view: AlertView): Record<string, number> {
  const out = new Float64Array(contextFeatureNames.length)
  assert.ok(contextFeatures(view, out))
  return Object.fromEntries(contextFeatureNames.map((name, at) => [name, out[at] as number]))
}

test('an alert on a star says so', () => {
  const { starNearness, psMissing, age, isOld, detections } = featuresOf(onStar)
  assert.ok((starNearness as number) > 0.4)
  assert.equal(psMissing, 0)
  assert.equal(isOld, 1)
  assert.equal(age, Math.log1p(200))
  assert.equal(detections, Math.log(30))
})

test('a packet without any context field has no features', () => {
  const out = new Float64Array(contextFeatureNames.length).fill(7)
  assert.equal(contextFeatures({ ...onStar, context: emptyContext }, out), false)
  assert.ok(out.every(value => value === 7))
})

test('every feature is finite and bounded, whatever the fields are', () => {
  fc.assert(
    fc.property(anyContext, fc.double({ min: -10, max: 40, noNaN: true }), (context, magnitude) => {
      const out = new Float64Array(contextFeatureNames.length)
      if (!contextFeatures({ jd: 2459000, magnitude, context }, out)) return
      for (const [at, value] of out.entries()) assert.ok(Math.abs(value) < 10, `${contextFeatureNames[at]}: ${value}`)
    })
  )
})

test('a missing field sets its mask and nothing of the others', () => {
  const all = featuresOf(onStar)
  for (const [field, mask] of [
    ['distpsnr1', 'psMissing'],
    ['neargaia', 'gaiaMissing'],
    ['magnr', 'referenceMissing'],
    ['jdstarthist', 'historyMissing'],
    ['sgmag1', 'colourMissing'],
    ['classtar', 'pointLikenessMissing']
  ] as const) {
    const some = featuresOf({ ...onStar, context: { ...onStar.context, [field]: null } })
    for (const name of contextFeatureNames) {
      if (!name.endsWith('Missing')) continue
      assert.equal(some[name], name === mask ? 1 : all[name], `${field}: ${name}`)
    }
  }
})

test('what only grows with the age of the survey changes nothing', () => {
  const older = { ...onStar.context, ncovhist: 9000, ndethist: 2500, jdstarthist: 2457000 }
  assert.deepEqual(featuresOf({ ...onStar, context: older }), featuresOf(onStar))
})

test('all fields are read by name', () => {
  assert.deepEqual(Object.keys(onStar.context).sort(), [...contextFields].sort())
})
