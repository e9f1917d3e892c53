import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { createDecoder } from '../../../src/alerts/decoder.ts'
import { needsShared, shared } from '../../support/shared.ts'
import {
  avroType,
  block,
  candidate,
  candidateFields,
  type FieldJson,
  head,
  retyped,
  type SchemaJson
} from '../packets.ts'
import { refused } from '../support.ts'

const { decode } = createDecoder()
const list = (name: string, fields: FieldJson[]): FieldJson => ({
  name,
  type: { type: 'array', items: { type: 'record', name: `${name}_item`, fields } }
})
const pointFields: FieldJson[] = [
  { name: 'jd', type: 'double' },
  { name: 'psfFluxErr', type: 'double' },
  { name: 'band', type: 'Band' }
]
const fluxFields: FieldJson[] = [...pointFields, { name: 'psfFlux', type: ['null', 'double'] }]

function babamul(own: FieldJson[] = [], detection = fluxFields, limit = pointFields): SchemaJson {
  const fields: FieldJson[] = [
    ...retyped(candidateFields, 'isdiffpos', 'boolean'),
    { name: 'psfFlux', type: 'float' },
    { name: 'band', type: { type: 'enum', name: 'Band', symbols: ['g', 'r', 'i', 'z', 'y', 'u'] } },
    ...own
  ]
  return {
    type: 'record',
    name: 'BabamulZtfAlert',
    fields: [
      { name: 'candid', type: 'long' },
      { name: 'objectId', type: 'string' },
      { name: 'candidate', type: { type: 'record', name: 'ZtfCandidate', fields } },
      list('prv_candidates', detection),
      list('prv_nondetections', limit),
      list('fp_hists', fluxFields)
    ]
  }
}

/** Flux of a magnitude by the zero point of the documentation, nJy. */
const fluxOf = (magnitude: number, zeroPoint = 31.4) => 10 ** ((zeroPoint - magnitude) / 2.5)

function message(values: Record<string, unknown> = {}, schema = babamul(), own: Record<string, unknown> = {}): Buffer {
  const record = {
    candid: 2695378462115010012n,
    objectId: 'ZTF20aaelulu',
    candidate: { ...candidate({ isdiffpos: false }), band: 'g', psfFlux: fluxOf(18.25), ...own },
    prv_candidates: [],
    prv_nondetections: [],
    fp_hists: [],
    ...values
  }
  return Buffer.concat([head(schema), block(1, avroType(schema).toBuffer(record))])
}

test('images of the private form are read, as bytes', () => {
  const { fields, ...schema } = babamul() as { fields: FieldJson[] }
  const images = {
    cutoutScience: Buffer.from('science'),
    cutoutTemplate: null,
    cutoutDifference: Buffer.from('difference')
  }
  const types = Object.keys(images).map(name => ({ name, type: ['null', 'bytes'] }))
  const bytes = message(images, { ...schema, name: 'EnrichedZtfAlert', fields: [...fields, ...types] })
  const [alert] = createDecoder({ maxCutoutBytes: 100 }).decode(bytes)
  const texts = Object.entries(alert!.cutouts!).map(([kind, image]) => [kind, String(image)])
  assert.deepEqual(texts, [
    ['science', 'science'],
    ['difference', 'difference']
  ])
  assert.equal(decode(bytes)[0]!.cutouts, undefined)
})

test('own photometry is that of the candidate, the history is converted from flux', () => {
  for (const zeroPoint of [31.4, 46.4]) {
    const flux = (magnitude: number) => fluxOf(magnitude, zeroPoint)
    const values = {
      prv_candidates: [
        { jd: 2458998.5, psfFlux: flux(19), psfFluxErr: flux(19) / 10, band: 'r' },
        { jd: 2458999.5, psfFlux: -flux(20), psfFluxErr: flux(20) / 5, band: 'i' }
      ],
      prv_nondetections: [{ jd: 2458997.5, psfFluxErr: flux(20.5) / 5, band: 'g' }],
      fp_hists: [{ jd: 2458997.5, psfFlux: null, psfFluxErr: 1, band: 'g' }]
    }
    const alert = decode(message(values, babamul(), { psfFlux: -flux(18.25) }))[0]!
    assert.deepEqual(
      [alert.objectId, alert.record.candid, alert.record.programId, alert.forcedPhotometry],
      ['ZTF20aaelulu', 2695378462115010012n, 1, 1]
    )
    const { positive, magnitude, error, realBogus } = alert.observation
    assert.deepEqual([positive, magnitude, error, realBogus], [false, 18.25, 0.125, 0.75])
    assert.equal(alert.record.photometry?.context.jdstarthist, 2458998.123456789)
    const nothing = { own: false, candid: null, realBogus: null, solarSystemDistance: null }
    const error10 = Math.fround(0.25 / Math.LN10)
    const point = (
      jd: number,
      fid: number,
      detection: boolean,
      positive: boolean,
      magnitude: number,
      error: number
    ) => ({
      programId: 1,
      observation: { program: 1, jd, fid, detection, positive, magnitude: Math.fround(magnitude), error, ...nothing }
    })
    assert.deepEqual(
      [...alert.history],
      [
        point(2458998.5, 2, true, true, 19, error10),
        point(2458999.5, 3, true, false, 20, Math.fround(0.5 / Math.LN10)),
        point(2458997.5, 1, false, false, 20.5, 0)
      ]
    )
    assert.deepEqual(alert.dropped, { future: 0, invalid: 0 })
  }
})

test('the alert’s own point in its history is left out; points that cannot be are dropped and counted', () => {
  const good = { psfFlux: fluxOf(19), psfFluxErr: fluxOf(19) / 10, band: 'g' }
  const alert = decode(
    message({
      prv_candidates: [
        { ...good, jd: 2459000.5 },
        { ...good, jd: 2459000.5, band: 'r' },
        { ...good, jd: 2459001.5 },
        { ...good, jd: 2458999.5, band: 'z' },
        { ...good, jd: 2458999.5, psfFlux: null },
        { ...good, jd: 2458999.5, psfFlux: 0 },
        { ...good, jd: 2458999.5, psfFluxErr: -1 },
        { ...good, jd: 59000 }
      ],
      prv_nondetections: [
        { jd: 2458997.5, psfFluxErr: 0, band: 'g' },
        { jd: 2458997.5, psfFluxErr: Number.NaN, band: 'g' }
      ]
    })
  )[0]!
  assert.deepEqual([...alert.history], [])
  assert.deepEqual(alert.dropped, { future: 2, invalid: 7 })
})

test('fluxes of another unit, or a missing one, are refused with the value', () => {
  for (const zeroPoint of [25, 23.9, 31.5, 46.3])
    refused(
      () => decode(message({}, babamul(), { psfFlux: fluxOf(18.25, zeroPoint) })),
      'INVALID_VALUE',
      new RegExp(`zero point 31.4 or 46.4 .* magpsf 18.2500 gives ${zeroPoint.toFixed(2).replace('.', '\\.')}`)
    )
  for (const psfFlux of [0, Number.NaN, Number.POSITIVE_INFINITY])
    refused(() => decode(message({}, babamul(), { psfFlux })), 'INVALID_VALUE', /^candidate\.psfFlux/)
  const schema = JSON.parse(JSON.stringify(babamul()).replace('{"name":"psfFlux","type":"float"},', ''))
  refused(() => decode(message({}, schema)), 'MISSING_FIELD', /^candidate\.psfFlux /)
})

test('the form that is not public names programmes, candids and limits, which are used', () => {
  const more: FieldJson[] = [
    { name: 'programid', type: 'int' },
    { name: 'candid', type: ['null', 'long'] },
    { name: 'magpsf', type: ['null', 'double'] },
    { name: 'diffmaglim', type: 'double' }
  ]
  const schema = babamul([], [...fluxFields, ...more], [...fluxFields, ...more])
  const values = { programid: 2, candid: 7n, magpsf: 19, diffmaglim: 20.25, psfFluxErr: 1, band: 'r' }
  const alert = decode(
    message(
      {
        prv_candidates: [{ ...values, jd: 2458998.5, psfFlux: 10 }],
        prv_nondetections: [{ ...values, jd: 2458999.5, psfFlux: null }]
      },
      schema
    )
  )[0]!
  assert.deepEqual(
    [...alert.history].map(({ programId, observation }) => [programId, observation.candid, observation.magnitude]),
    [
      [2, 7n, Math.fround(31.4 - 2.5)],
      [2, null, 20.25]
    ]
  )
})

test('the real message of Babamul', needsShared(), () => {
  const alert = decode(fs.readFileSync(path.join(shared, 'sources/babamul/babamul_alert.avro')))[0]!
  assert.equal(alert.objectId, 'ZTF26aauybpk')
  assert.equal(alert.record.candid, 3458293962815015016n)
  assert.equal(alert.record.photometry?.context.ndethist, 65)
  assert.deepEqual(alert.dropped, { future: 0, invalid: 0 })
  assert.equal(alert.forcedPhotometry, 114)
  const detections = [...alert.history].filter(({ observation }) => observation.detection)
  assert.deepEqual([detections.length, alert.history.length], [64, 116])
  const [first] = detections
  assert.deepEqual([first?.programId, first?.observation.jd, first?.observation.fid], [1, 2461167.8329977, 1])
  assert.ok(Math.abs((first?.observation.magnitude ?? 0) - 19.5955) < 1e-4)
  assert.ok(Math.abs((first?.observation.error ?? 0) - 0.2496) < 1e-4)
  const limit = [...alert.history][64]?.observation
  assert.deepEqual([limit?.detection, limit?.jd, limit?.fid], [false, 2461138.8483102, 3])
  assert.ok(Math.abs((limit?.magnitude ?? 0) - 19.486) < 1e-3)
})
