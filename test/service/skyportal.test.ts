import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { classification, object } from '../../src/service/schema/examples.ts'
import type { Service } from '../../src/service/service.ts'
import { World } from './support.ts'

const world = new World()
const point = object.lightCurve[1] as (typeof object.lightCurve)[number]
const negative = { ...point, jd: point.jd - 1, band: 'g' as const, magnitude: 18.5, error: 0.1, positive: false }
const refused = { ...point, jd: point.jd - 2, admitted: false }
world.lookup = async objectId =>
  objectId === object.objectId ? { ...object, lightCurve: [refused, ...object.lightCurve, negative] } : null

let service: Service
let base = ''
before(async () => {
  service = await world.service({ token: 'secret' })
  base = `${(await service.listen()).url}/api/v1/skyportal/`
})
after(() => service.close())

type Json = Record<string, unknown>
interface SkyPortalAlert extends Json {
  readonly objectId: string
  readonly survey: string
  readonly candid: string
  readonly candidate: Json
  readonly classifications: Record<string, number>
  readonly prv_candidates: readonly Json[]
  readonly prv_nondetections: readonly Json[]
  readonly fp_hists: readonly Json[]
}

/**
 * Requests as SkyPortal's generic broker does: the base URL without its last slash, the token as bearer, parameters of Python's requests (no None,
 * the keys of a dict), an error for a status of 400 and above, and only the `data` of an envelope.
 */
async function request(path: string, parameters: Record<string, string | Record<string, unknown> | null> = {}) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null) continue
    for (const one of typeof value === 'string' ? [value] : Object.keys(value)) query.append(name, one)
  }
  const answer = await fetch(`${base.replace(/\/+$/, '')}/${path}?${query}`, {
    headers: { authorization: 'Bearer secret' }
  })
  if (answer.status >= 400) throw Object.assign(new Error(await answer.text()), { status: answer.status })
  const payload = (await answer.json()) as { data?: unknown }
  return 'data' in payload ? payload.data : payload
}
const query = (parameters: Parameters<typeof request>[1]) => request('alerts', parameters) as Promise<SkyPortalAlert[]>
const alert = (id: string, parameters: Parameters<typeof request>[1] = {}) =>
  request(`alerts/${id}`, parameters) as Promise<SkyPortalAlert>

/** Flux and error of a point as SkyPortal stores them: scaled by 1e-9, with the zero point of ZTF, 23.9. */
function stored({ psfFlux, psfFluxErr }: Json): { magnitude: number; signal: number; limit: number } {
  const [flux, error] = [Number(psfFlux ?? Number.NaN) * 1e-9, Number(psfFluxErr) * 1e-9]
  return {
    magnitude: -2.5 * Math.log10(Math.abs(flux)) + 23.9,
    signal: flux / error,
    limit: -2.5 * Math.log10(5 * error) + 23.9
  }
}

describe('SkyPortal', () => {
  test('finds an object by its id, with all that its page shows', async () => {
    const [found, ...more] = await query({ objectId: object.objectId, survey: 'ZTF', permissions: { ZTF: [1, 2] } })
    assert.equal(more.length, 0)
    assert.deepEqual([found?.objectId, found?.survey, found?.candid], [object.objectId, 'ZTF', classification.candid])
    const { candid, jd, ra, dec, magpsf, drb, band, programid } = found?.candidate ?? {}
    assert.deepEqual(
      { candid, jd, ra, dec, magpsf, drb, band, programid },
      {
        candid: classification.candid,
        jd: classification.jd,
        ra: 185.7289,
        dec: 15.8236,
        magpsf: 17.25,
        drb: 0.98,
        band: 'r',
        programid: 1
      }
    )
    assert.equal(found?.classifications.CC, 0.7425)
    assert.deepEqual(await query({ objectId: 'ZTF20aaaaaaa' }), [])
    assert.deepEqual(await query({ objectId: object.objectId, candid: '1' }), [])
  })

  test('an empty id or number, as a form sends it, is not given', async () => {
    const [found] = await query({ objectId: object.objectId, candid: '' })
    assert.equal(found?.objectId, object.objectId)
    assert.deepEqual(await query({ objectId: '', candid: '' }), await query({}))
    await assert.rejects(query({ objectId: '', candid: '1' }), { status: 400 })
  })

  test('finds objects in a cone, in any unit of the radius', async () => {
    for (const [radius, unit, arcsec] of [
      ['3', 'arcsec', 3],
      ['2', 'arcmin', 120],
      ['0.5', 'deg', 1800],
      [null, null, 5]
    ] as const) {
      const found = await query({
        ra: '185.7289',
        dec: '15.8236',
        radius,
        radius_units: unit,
        survey: 'ZTF',
        refresh: 'false'
      })
      assert.equal(found[0]?.objectId, object.objectId)
      assert.deepEqual(world.asked.at(-1)?.cone, { ra: 185.7289, dec: 15.8236, radius: arcsec })
    }
    await query({ ra: '12:22:54.9', dec: '+15:49:25' })
    assert.ok(Math.abs((world.asked.at(-1)?.cone?.ra ?? 0) - 185.72875) < 1e-9)
  })

  test('searches by probability', async () => {
    assert.equal((await query({ node: 'Transient', min: '0.9' })).length, 1)
    assert.equal((await query({ node: 'SN Ia', min: '0.9', limit: '5' })).length, 0)
  })

  test('reads the light curve of an alert in the units and with the sign in which it stores photometry', async () => {
    const found = await alert(object.objectId, { survey: 'ZTF', permissions: null })
    const [first, second, ...more] = found.prv_candidates
    assert.deepEqual(more, [], 'a point that is not admitted is left out')
    const bright = stored(first as Json)
    assert.ok(Math.abs(bright.magnitude - 17.25) < 1e-9)
    assert.ok(Math.abs(bright.signal - 2.5 / Math.LN10 / 0.06) < 1e-9)
    const below = stored(second as Json)
    assert.ok(Math.abs(below.magnitude - 18.5) < 1e-9 && below.signal < 0)
    const [limit] = found.prv_nondetections
    assert.ok(Math.abs(stored(limit as Json).limit - 19.5) < 1e-9)
    assert.deepEqual([limit?.psfFlux, limit?.diffmaglim, limit?.band], [null, 19.5, 'g'])
    assert.deepEqual(found.fp_hists, [])
    for (const one of [...found.prv_candidates, ...found.prv_nondetections])
      assert.ok(typeof one.jd === 'number' && one.programid === 1)
    world.programs = [1, 2]
    const restricted = await alert(object.objectId)
    world.programs = [1]
    assert.equal(restricted.prv_candidates[0]?.programid, 2, 'a point may be of any admitted programme')
  })

  test('gets nothing that it may not show, and errors as its code expects them', async () => {
    for (const scope of [{ survey: 'LSST' }, { permissions: { LSST: [1] } }]) {
      assert.deepEqual(await query({ objectId: object.objectId, ...scope }), [])
      await assert.rejects(alert(object.objectId, scope), { status: 404 })
    }
    await assert.rejects(alert('ZTF20aaaaaaa'), { status: 404 })
    await assert.rejects(query({ candid: '5' }), { status: 400 })
    await assert.rejects(query({ ra: 'x', dec: '5' }), { status: 400 })
  })
})
