import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LightCurve } from '../../src/lightcurves/light-curve.ts'
import type { Observation } from '../../src/lightcurves/observation.ts'
import { toObjectView } from '../../src/service/object-view.ts'

it('an object is shown with its points in the field’s terms', () => {
  const points: Observation[] = [
    { jd: 2458850.5, fid: 1, detection: false, own: false, positive: false, candid: null, magnitude: 19.5, error: 0 },
    {
      jd: 2458851.75,
      fid: 3,
      detection: true,
      own: true,
      positive: true,
      candid: 2n ** 60n + 1n,
      magnitude: 18,
      error: 0.1
    }
  ]
  const curve = { length: 2, at: (index: number) => points[index] } as unknown as LightCurve
  const newest = { candid: 2n ** 60n + 1n, jd: 2458851.75, ra: 10, dec: -5, programId: 1, photometry: null }
  assert.deepEqual(toObjectView({ objectId: 'ZTF', curve, newest }, null), {
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
        candid: null
      },
      {
        jd: 2458851.75,
        mjd: 58851.25,
        band: 'i',
        type: 'detection',
        magnitude: 18,
        error: 0.1,
        positive: true,
        candid: '1152921504606846977'
      }
    ],
    newest: { candid: '1152921504606846977', jd: 2458851.75, ra: 10, dec: -5, programId: 1 },
    classification: null
  })
  assert.equal(toObjectView({ objectId: 'ZTF', curve, newest: null }, null).newest, null)
})
