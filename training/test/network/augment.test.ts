import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KnownObject } from '../../src/data/labelled.ts'
import { drawPoints, vary } from '../../src/network/augment.ts'
import { random } from '../../src/random.ts'
import { parseRecipe } from '../../src/recipe.ts'
import { madeObject } from '../support.ts'

const { augmentation: defaultAugmentation } = parseRecipe({}, 'made')
const object = madeObject(1, 2, 40)

test('a draw is a function of seed, object and the source of draws', () => {
  const one = drawPoints(object, defaultAugmentation, 5, random(1))
  assert.deepEqual(drawPoints(object, defaultAugmentation, 5, random(1)), one)
  const draws = Array.from({ length: 30 }, (_, at) => drawPoints(object, defaultAugmentation, 5, random(at)))
  assert.ok(new Set(draws.map(each => JSON.stringify(each))).size > 5)
})

test('as many different copies as are asked for, and the share of originals', () => {
  const augmentation = { ...defaultAugmentation, copies: 3 }
  const seen = new Map<string, number>()
  for (let at = 0; at < 2000; at++) {
    const drawn = JSON.stringify(drawPoints(object, augmentation, 6, random(at)))
    seen.set(drawn, (seen.get(drawn) ?? 0) + 1)
  }
  assert.equal(seen.size, 4)
  const originals = seen.get(JSON.stringify(object.points)) ?? 0
  assert.ok(Math.abs(originals - 500) < 80, `${originals} of 2000 were the object itself`)
})

test('varied points stay in time order, detections stay possible, and some are left', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0 }), fc.integer({ min: 1, max: 60 }), (seed, detections) => {
      const made = madeObject(seed, 3, detections)
      const drawn = drawPoints(made, defaultAugmentation, seed, random(seed))
      assert.ok(drawn.some(point => point.detection))
      for (const [at, { jd, magnitude, error, detection }] of drawn.entries()) {
        assert.ok(at === 0 || jd >= (drawn[at - 1]?.jd ?? 0))
        assert.ok(Number.isFinite(magnitude) && (!detection || error > 0))
      }
    })
  )
})

test('each kind of change happens about as often as it should', () => {
  const times = 4000
  const seen = { stretched: 0, dimmed: 0, noLimits: 0, fewer: 0, errors: [] as number[] }
  const faint = { ...object, points: object.points.map(p => ({ ...p, magnitude: p.detection ? 16 : p.magnitude })) }
  const limits = object.points.filter(p => !p.detection).length
  for (let at = 0; at < times; at++) {
    const copy = vary(faint.points, random(at))
    const detections = copy.filter(p => p.detection)
    const span = (copy.at(-1)?.jd ?? 0) - (copy[0]?.jd ?? 0)
    const whole = (object.points.at(-1)?.jd ?? 0) - (object.points[0]?.jd ?? 0)
    if (
      detections.length === object.detections &&
      Math.abs(span / whole - 1) > 1e-9 &&
      copy.length - detections.length === limits
    )
      seen.stretched++
    if (Math.fround(detections[0]?.error ?? 0) !== Math.fround(0.1)) seen.dimmed++
    if (copy.length === detections.length) seen.noLimits++
    if (detections.length < object.detections) seen.fewer++
  }
  assert.ok(Math.abs(seen.dimmed / times - 0.5) < 0.04, `dimmed ${seen.dimmed}`)
  assert.ok(seen.noLimits / times > 0.33 && seen.noLimits / times < 0.45, `without limits ${seen.noLimits}`)
  // Of a half in which points may go, nearly all lose some of 40.
  assert.ok(seen.fewer / times > 0.42 && seen.fewer / times < 0.52, `fewer ${seen.fewer}`)
  assert.ok(seen.stretched > 0)
})

test('a faint object that is dimmed loses points, and its errors grow as its flux falls', () => {
  const points = object.points.filter(p => p.detection).map(p => ({ ...p, magnitude: Math.fround(20.3) }))
  let lost = 0
  for (let at = 0; at < 300; at++) {
    const copy = vary(points, random(at))
    if (copy.length === 0) lost++
    const error = copy[0]?.error ?? 0.1
    assert.ok(error >= 0.1 * 10 ** (-0.4 * 0.3) - 1e-6 && error <= 0.1 * 10 ** (0.4 * 0.5), `error ${error}`)
  }
  assert.ok(lost > 50 && lost < 150, `${lost} of 300 were lost`)
})

test('a long curve is capped; its later part is seen as well', () => {
  const long = madeObject(3, 1, 400)
  const augmentation = { ...defaultAugmentation, cap: 50 }
  let latest = 0
  for (let at = 0; at < 60; at++) {
    const drawn = drawPoints(long, augmentation, 1, random(at)).filter(p => p.detection)
    assert.ok(drawn.length <= 50)
    latest = Math.max(latest, ((drawn.at(-1)?.jd ?? 0) - (long.points[0]?.jd ?? 0)) / 1200)
  }
  assert.ok(latest > 0.8, `at most ${latest} of the curve was seen`)
})

test('a persistent source is seen through windows that begin with one of its detections', () => {
  const star: KnownObject = { ...madeObject(4, 5, 700), photometry: 'total_mag' }
  const first = (points: readonly { readonly detection: boolean; readonly jd: number }[]): number =>
    points.find(({ detection }) => detection)?.jd ?? 0
  const begin = first(star.points)
  // Variants of a copy change times: the draws that are not varied show the windows alone.
  const plain = { ...defaultAugmentation, share: 1e-9, cap: 10_000 }
  const windows = Array.from({ length: 60 }, (_, at) => drawPoints(star, plain, 1, random(at), 'persistent'))
  const starts = new Set(windows.map(first))
  assert.ok(starts.size > 10 && starts.has(begin))
  for (const points of windows) {
    assert.ok(points.length === star.points.length || (points.at(-1)?.jd ?? 0) - first(points) <= 700)
    assert.ok(points.every(({ jd }) => jd >= first(points) - 30))
  }
  const whole = Array.from({ length: 20 }, (_, at) => drawPoints(star, plain, 1, random(at), 'transient'))
  assert.ok(whole.every(points => points.length === star.points.length))
})
