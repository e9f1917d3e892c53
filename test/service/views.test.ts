import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LightCurve } from '../../src/lightcurves/curve/light-curve.ts'
import type { Observation } from '../../src/lightcurves/points/observation.ts'
import { toObjectView } from '../../src/service/views.ts'

const gates = { minRealBogus: 0.2, maxSolarSystemDistance: 5 }
const newest = { candid: 2n ** 60n + 1n, jd: 2458851.75, ra: 10, dec: -5, programId: 1, photometry: null }
const detection: Observation = {
  jd: 2458851.75,
  fid: 3,
  detection: true,
  own: true,
  positive: true,
  candid: 2n ** 60n + 1n,
  magnitude: 18,
  error: 0.1,
  realBogus: 0.9,
  solarSystemDistance: 30
}
const limit: Observation = {
  jd: 2458850.5,
  fid: 1,
  detection: false,
  own: false,
  positive: false,
  candid: null,
  magnitude: 19.5,
  error: 0,
  realBogus: null,
  solarSystemDistance: null
}
const curveOf = (...points: readonly Observation[]) =>
  ({ length: points.length, at: (index: number) => points[index] }) as unknown as LightCurve

it('an object is shown with its points in the field’s terms', () => {
  const curve = curveOf(limit, detection)
  assert.deepEqual(toObjectView({ objectId: 'ZTF', curve, newest }, null, gates), {
    objectId: 'ZTF',
    lightCurve: [
      {
        jd: 2458850.5,
        mjd: 58850,
        band: 'g',
        type: 'upperLimit',
        magnitude: 19.5,
        error: null,
        positive: null,
        candid: null,
        realBogus: null,
        solarSystemDistance: null,
        admitted: true
      },
      {
        jd: 2458851.75,
        mjd: 58851.25,
        band: 'i',
        type: 'detection',
        magnitude: 18,
        error: 0.1,
        positive: true,
        candid: '1152921504606846977',
        realBogus: 0.9,
        solarSystemDistance: 30,
        admitted: true
      }
    ],
    newest: { candid: '1152921504606846977', jd: 2458851.75, ra: 10, dec: -5, programId: 1 },
    classification: null
  })
  assert.equal(toObjectView({ objectId: 'ZTF', curve, newest: null }, null, gates).newest, null)
})

it('all points of an object are shown, with whether each passes the gates', () => {
  const curve = curveOf(
    limit,
    { ...detection, realBogus: 0.1 },
    { ...detection, solarSystemDistance: 5 },
    { ...detection, realBogus: null, solarSystemDistance: null }
  )
  const { lightCurve } = toObjectView({ objectId: 'ZTF', curve, newest }, null, gates)
  assert.deepEqual(
    lightCurve.map(({ admitted }) => admitted),
    [true, false, false, true]
  )
})
