import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { SimulatedLightCurve } from '@hierax/training/light-curves/light-curve.ts'
import { readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { createDecoder } from 'hierax/alerts/decoder.ts'
import { type Family, familyOf } from '../../src/simulator/family.ts'
import { streamMix } from '../../src/simulator/mix.ts'
import { population, type SyntheticLabel, synthetic } from '../../src/simulator/populations.ts'
import { Simulation } from '../../src/simulator/simulate.ts'

const detections = ({ points }: SimulatedLightCurve) => points.filter(point => point.detection)

describe('synthetic light curves', () => {
  const all = new Map<SyntheticLabel, SimulatedLightCurve[]>()
  before(() => {
    for (const label of Object.keys(synthetic) as SyntheticLabel[]) all.set(label, population(label, 25, 1))
  })

  test('every point is within the range of the survey, and the last is a detection', () => {
    for (const [label, curves] of all) {
      for (const { id, points } of curves) {
        assert.ok(points.at(-1)?.detection, id)
        for (const [at, { jd, magnitude, error, detection }] of points.entries()) {
          assert.ok(jd > (points[at - 1]?.jd ?? 0) && magnitude > 10 && magnitude < 22.5, `${label} ${magnitude}`)
          assert.ok(detection ? error > 0.005 && error < 0.25 : error === 0, `${label} ${error}`)
        }
      }
    }
  })

  test('variables and artefacts have both signs; flares and minor planets are only brighter', () => {
    const positive = (label: SyntheticLabel) => {
      const signs = (all.get(label) ?? []).flatMap(detections).map(point => point.positive)
      return signs.filter(Boolean).length / signs.length
    }
    for (const label of ['LPV', 'AGN/QSO', 'CV', 'YSO', 'bogus'] as const) {
      assert.ok(positive(label) > 0.25 && positive(label) < 0.95, `${label} ${positive(label)}`)
    }
    for (const label of ['flare star', 'asteroid'] as const) assert.equal(positive(label), 1)
  })

  test('minor planets and artefacts have one detection; most, not all, are flagged', () => {
    for (const [label, kind] of [
      ['asteroid', 'solar-system'],
      ['bogus', 'bogus']
    ] as const) {
      const curves = population(label, 300, 2)
      assert.ok(curves.every(curve => detections(curve).length === 1))
      const known = curves.filter(curve => detections(curve)[0]?.refused === kind).length
      assert.ok(known > 225 && known < 290, `${label} ${known}`)
    }
  })

  test('a light curve depends on number and seed, not on the count', () => {
    assert.deepEqual(population('CV', 3, 5), population('CV', 6, 5).slice(0, 3))
    assert.notDeepEqual(population('CV', 3, 6), population('CV', 3, 5))
  })
})

describe('streamMix', () => {
  let examples: SimulatedLightCurve[]
  let mix: SimulatedLightCurve[]
  before(async () => {
    examples = []
    for await (const curve of readLightCurves()) examples.push(curve)
    mix = streamMix(examples)
  })

  test('has five to eight other alerts per supernova alert', () => {
    const alerts = (family: Family | null) =>
      mix.filter(({ label }) => family === null || familyOf(label) === family).flatMap(detections).length
    const ratio = (alerts(null) - alerts('supernova')) / alerts('supernova')
    assert.ok(ratio > 5 && ratio < 8, `${ratio}`)
    for (const family of ['periodic', 'long-period', 'agn', 'asteroid', 'bogus'] as const) {
      assert.ok(alerts(family) > 0.07 * alerts(null), family)
    }
  })

  test('has every example unchanged, and spreads classes evenly', () => {
    const own = new Set(mix)
    assert.ok(examples.every(example => own.has(example)))
    const quarter = mix.slice(0, mix.length / 4).filter(({ label }) => familyOf(label) === 'supernova').length
    assert.ok(quarter >= 4 && quarter <= 8, `${quarter}`)
    assert.deepEqual(streamMix(examples), mix)
  })

  test('gives packets that the decoder accepts', () => {
    const decoder = createDecoder()
    let count = 0
    for (const { bytes, objectId, refused } of new Simulation(mix, { cutoutBytes: 0, objects: 120 })) {
      const [alert] = decoder.decode(bytes)
      assert.equal(alert?.objectId, objectId)
      assert.deepEqual(alert?.dropped, { future: 0, invalid: 0 })
      const { realBogus, solarSystemDistance } = alert?.record.photometry ?? assert.fail('no photometry')
      assert.equal(refused === 'bogus', (realBogus ?? 1) < 0.2)
      assert.equal(refused === 'solar-system', (solarSystemDistance ?? 999) < 5)
      count += 1
    }
    assert.ok(count > 150)
  })
})
