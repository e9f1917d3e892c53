import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Alert } from '../../../src/alerts/alert.ts'
import { createDecoder } from '../../../src/alerts/decoder.ts'
import type { ContextField } from '../../../src/lightcurves/points/observation.ts'
import {
  candidate,
  candidateFields,
  container,
  detection,
  historyFields,
  packetFields,
  packetSchema,
  point,
  retyped,
  type SchemaJson,
  schemaWith
} from '../packets.ts'
import { refused } from '../support.ts'

const { decode } = createDecoder()
const alertOf = (values = {}, schema = packetSchema()) => decode(container(values, schema))[0]!
/** An alert with its history as objects. */
const readable = (alert: Alert) => ({ ...alert, history: [...alert.history] })
const withCandidate = (values: Record<string, unknown>) => alertOf({ candidate: candidate(values) })

test('a packet as an alert', () => {
  const alert = alertOf()
  assert.deepEqual(readable(alert), {
    objectId: 'ZTF20aaelulu',
    schemaVersion: '4.02',
    record: {
      candid: 2695378462115010012n,
      jd: 2459000.5,
      ra: 12.5,
      dec: -30.25,
      programId: 1,
      photometry: {
        band: 'g',
        magnitude: 18.25,
        error: 0.125,
        positive: true,
        realBogus: 0.75,
        starScore: 0.25,
        starDistance: 1.5,
        solarSystemDistance: null,
        context: {
          sgscore1: 0.25,
          distpsnr1: 1.5,
          sgmag1: 20.5,
          srmag1: 19.75,
          simag1: null,
          szmag1: null,
          sgscore2: 0.5,
          distpsnr2: 7.25,
          distnr: 1.25,
          magnr: 19.5,
          chinr: 0.875,
          sharpnr: -0.125,
          neargaia: 12.5,
          maggaia: 17.25,
          classtar: 0.96875,
          ndethist: 3,
          ncovhist: 120,
          jdstarthist: 2458998.123456789
        }
      }
    },
    observation: {
      jd: 2459000.5,
      fid: 1,
      detection: true,
      own: true,
      positive: true,
      candid: 2695378462115010012n,
      magnitude: 18.25,
      error: 0.125,
      realBogus: 0.75,
      solarSystemDistance: null
    },
    history: [
      {
        programId: 1,
        observation: {
          program: 1,
          jd: 2458998.5,
          fid: 2,
          detection: false,
          own: false,
          positive: false,
          candid: null,
          magnitude: 20.5,
          error: 0,
          realBogus: null,
          solarSystemDistance: null
        }
      },
      {
        programId: 1,
        observation: {
          program: 1,
          jd: 2458999.5,
          fid: 2,
          detection: true,
          own: false,
          positive: true,
          candid: 99n,
          magnitude: 19.5,
          error: 0.25,
          realBogus: null,
          solarSystemDistance: null
        }
      }
    ],
    dropped: { future: 0, invalid: 0 },
    forcedPhotometry: 3
  })
})

test('impossible values of the candidate are named and refused', () => {
  const wrong: Record<string, unknown[]> = {
    jd: [Number.NaN, Number.POSITIVE_INFINITY, 58849.5, 2449999.9, 2500000.1],
    fid: [0, 4, -1],
    magpsf: [Number.NaN, Number.POSITIVE_INFINITY, -2.5, 30.5, -10.5, 40.5, -999, -99, 99],
    sigmapsf: [0, -0.1, 1.25, 1500, Number.NaN, Number.POSITIVE_INFINITY],
    isdiffpos: ['', 'x', 'pos', 'yes', '2', 'tt', 'null'],
    ra: [Number.NaN, -0.1, 360.1],
    dec: [Number.NaN, -90.1, 90.1]
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const error = refused(() => withCandidate({ [name]: value }), 'INVALID_VALUE', new RegExp(`candidate\\.${name}`))
      assert.equal(error.record, 0)
    }
  }
  withCandidate({ jd: 2450000, ra: 360, dec: 90, magpsf: 30, sigmapsf: 1.2 })
  withCandidate({ jd: 2500000, ra: 0, dec: -90, magpsf: -2 })
})

test('candid: exact beyond 2^53, positive, and the candidate’s own where the packet has none', () => {
  assert.equal(alertOf({ candid: 9007199254740993n }).record.candid, 9007199254740993n)
  assert.equal(alertOf({ candid: 2n ** 63n - 1n }).observation.candid, 2n ** 63n - 1n)
  for (const candid of [0n, -1n, -(2n ** 63n)]) refused(() => alertOf({ candid }), 'INVALID_VALUE', /candid/)
  const without = packetSchema(packetFields.filter(field => field.name !== 'candid'))
  assert.equal(
    alertOf({ candidate: candidate({ candid: 9007199254740993n }) }, without).record.candid,
    9007199254740993n
  )
})

test('objectId: printable, not empty, at most 128 bytes', () => {
  for (const objectId of ['', 'a\nb', '\u0000', 'a\u007f', 'a\u0085', 'a\u2028', 'a\u202eb', 'a\ufeff', 'a\ufffd']) {
    refused(() => alertOf({ objectId }), 'INVALID_VALUE', /objectId/)
  }
  const bytes = container({ objectId: 'ZTFxx' })
  bytes[bytes.indexOf('ZTFxx') + 3] = 0xff
  refused(() => decode(bytes), 'INVALID_VALUE', /objectId/)
  assert.equal(alertOf({ objectId: 'é'.repeat(64) }).objectId.length, 64)
  refused(() => alertOf({ objectId: 'a'.repeat(129) }), 'RECORD_TOO_LARGE', /objectId takes 129 bytes/)
})

test('the sign of the difference in all spellings, of the packet and of its history', () => {
  const spellings: readonly [type: SchemaJson, positive: readonly unknown[], negative: readonly unknown[]][] = [
    [
      ['null', 'string'],
      ['t', 'T', 'true', 'True', 'TRUE', '1', '+1'],
      ['f', 'F', 'false', 'False', 'FALSE', '0', '-1']
    ],
    ['boolean', [true], [false]],
    [['null', 'int'], [1], [0, -1]],
    ['long', [1n], [0n, -1n]]
  ]
  for (const [type, positive, negative] of spellings) {
    const schema = schemaWith({
      candidate: retyped(candidateFields, 'isdiffpos', type),
      history: retyped(historyFields, 'isdiffpos', type)
    })
    for (const isdiffpos of [...positive, ...negative]) {
      const expected = positive.includes(isdiffpos)
      const values = { candidate: candidate({ isdiffpos }), prv_candidates: [detection({ isdiffpos })] }
      const alert = alertOf(values, schema)
      assert.equal(alert.observation.positive, expected, `${isdiffpos}`)
      assert.equal(alert.record.photometry?.positive, expected)
      assert.equal([...alert.history][0]?.observation.positive, expected)
    }
  }
})

test('a history with a sign that can not be read is refused, not left out in silence', () => {
  for (const isdiffpos of ['x', 'pos', ''])
    refused(
      () => alertOf({ prv_candidates: [point(), detection({ jd: 2458991 }), detection({ isdiffpos })] }),
      'INVALID_VALUE',
      /prv_candidates\[2\]\.isdiffpos should be t, true, 1, f, false, 0 or -1/
    )
  const older = detection({ jd: 2458991 })
  assert.equal(alertOf({ prv_candidates: [detection({ jd: 2459000.5, isdiffpos: 'x' }), older] }).history.length, 1)
})

test('drb before rb; −999, what is not finite and what can’t be mean nothing', () => {
  const photometry = (values: Record<string, unknown>) => withCandidate(values).record.photometry!
  assert.equal(photometry({ drb: 0 }).realBogus, 0)
  assert.equal(photometry({ drb: null }).realBogus, 0.5)
  assert.equal(photometry({ drb: null, rb: null }).realBogus, null)
  for (const drb of [-999, -99, -0.5, 1.5, Number.NaN]) assert.equal(photometry({ drb }).realBogus, 0.5)
  for (const value of [-999, -99, -1, null, Number.NaN, Number.POSITIVE_INFINITY]) {
    const { starScore, starDistance, solarSystemDistance } = photometry({
      sgscore1: value,
      distpsnr1: value,
      ssdistnr: value
    })
    assert.deepEqual([starScore, starDistance, solarSystemDistance], [null, null, null])
  }
  assert.equal(photometry({ ssdistnr: 0 }).solarSystemDistance, 0)
  assert.equal(photometry({ sgscore1: 1.5 }).starScore, null)
})

test('the name of a solar-system object; what stands for none is none', () => {
  const candidateSchema = [...candidateFields, { name: 'ssnamenr', type: ['null', 'string'] as SchemaJson }]
  const nameOf = (ssnamenr: string | null) =>
    alertOf({ candidate: candidate({ ssnamenr }) }, schemaWith({ candidate: candidateSchema })).record.photometry!
      .solarSystemName
  for (const name of ['Ceres', '2015 AB123', 'C/2017 K2 (PANSTARRS)', 'ʻOumuamua']) assert.equal(nameOf(name), name)
  assert.equal(nameOf(' 433 '), '433')
  for (const none of [null, '', ' ', 'null', 'None', 'nan', 'N/A', '-999', '-999.0', 'a\u001b[2J', 'x'.repeat(201)])
    assert.equal(nameOf(none), undefined, `${none}`)
  assert.equal(withCandidate({}).record.photometry!.solarSystemName, undefined)
})

test('fields of the context that stand for none are null', () => {
  const contextOf = (values: Record<string, unknown>) => withCandidate(values).record.photometry!.context
  const none: [readonly ContextField[], readonly (number | null)[]][] = [
    [
      ['sgscore1', 'sgscore2', 'classtar'],
      [-999, -99, -0.5, 1.5, 99, null, Number.NaN]
    ],
    [
      ['distpsnr1', 'distpsnr2', 'distnr', 'neargaia'],
      [-999, -99, -1, null, Number.NaN, Number.POSITIVE_INFINITY]
    ],
    [
      ['sgmag1', 'srmag1', 'simag1', 'szmag1', 'magnr', 'maggaia'],
      [-999, -99, -90, 90, 99, 999, null, Number.NaN]
    ],
    [['chinr'], [-999, -1, null, Number.POSITIVE_INFINITY]],
    [['sharpnr'], [-999, -99, null, Number.NaN, Number.POSITIVE_INFINITY]],
    [
      ['ndethist', 'ncovhist'],
      [-999, -1]
    ],
    [['jdstarthist'], [-999, 0, null, Number.NaN, 58849.5, 2600000]]
  ]
  for (const [names, values] of none) {
    for (const name of names) {
      for (const value of values) assert.equal(contextOf({ [name]: value })[name], null, `${name} ${value}`)
    }
  }
  const least = { sgscore1: 0, classtar: 1, distnr: 0, magnr: -5, chinr: 0, sharpnr: 250, ndethist: 0 }
  for (const [name, value] of Object.entries(least)) assert.equal(contextOf(least)[name as ContextField], value)
})

test('points of the history have a quality of their own: drb, else rb, and the solar-system distance', () => {
  const schema = schemaWith({
    history: [...historyFields, { name: 'drb', type: ['null', 'float'] }]
  })
  const quality = (values: Record<string, unknown>) => {
    const alert = alertOf({ prv_candidates: [detection({ drb: null, ...values })] }, schema)
    const { realBogus, solarSystemDistance } = [...alert.history][0]!.observation
    return [realBogus, solarSystemDistance]
  }
  assert.deepEqual(quality({}), [null, null])
  assert.deepEqual(quality({ rb: 0.5, ssdistnr: 4.5 }), [0.5, 4.5])
  assert.deepEqual(quality({ drb: 0.25, rb: 0.5, ssdistnr: -999 }), [0.25, null])
  assert.deepEqual(quality({ drb: -99, rb: 1.5, ssdistnr: -1 }), [null, null])
  assert.deepEqual(quality({ drb: null, rb: Number.NaN, ssdistnr: 0 }), [null, 0])
  const own = withCandidate({ drb: 0.1, ssdistnr: 3.3 }).observation
  assert.deepEqual([own.realBogus, own.solarSystemDistance], [Math.fround(0.1), Math.fround(3.3)])
  const limited = alertOf({ prv_candidates: [point({ drb: 0.5, rb: 0.5, ssdistnr: 2 })] }, schema)
  assert.equal([...limited.history][0]?.observation.realBogus, null)
  assert.equal([...limited.history][0]?.observation.solarSystemDistance, null)
})

test('NaN in a history’s magpsf is no magnitude: the point is an upper limit', () => {
  const missing = { magpsf: Number.NaN, sigmapsf: Number.NaN, isdiffpos: null, candid: null }
  const alert = alertOf({ prv_candidates: [detection(missing), detection({ ...missing, diffmaglim: null })] })
  assert.deepEqual(alert.history, alertOf({ prv_candidates: [point()] }).history)
  assert.deepEqual(alert.dropped, { future: 0, invalid: 1 })
})

test('the decoder knows nothing of programmes: any is kept, with its photometry', () => {
  for (const programid of [0, 2, 3, 64]) {
    const alert = alertOf({ candidate: candidate({ programid }), prv_candidates: [point({ programid })] })
    assert.equal(alert.record.programId, programid)
    assert.notEqual(alert.record.photometry, null)
    assert.equal([...alert.history][0]?.programId, programid)
  }
})

test('history points that a packet can’t know or that can’t be are dropped and counted', () => {
  const future = [point({ jd: 2459000.5 }), detection({ jd: 2459001 }), point({ jd: 2459001, diffmaglim: null })]
  const impossible = [
    point({ jd: Number.NaN }),
    point({ jd: 2449999 }),
    point({ jd: 2500001 }),
    point({ fid: 0 }),
    point({ fid: 4 }),
    point({ diffmaglim: null }),
    point({ diffmaglim: Number.NaN }),
    point({ diffmaglim: -999 }),
    point({ diffmaglim: -1006.9 }),
    point({ diffmaglim: -1 }),
    point({ diffmaglim: 4.9 }),
    point({ diffmaglim: 99 }),
    detection({ magpsf: Number.NaN, diffmaglim: null }),
    detection({ magpsf: Number.POSITIVE_INFINITY }),
    detection({ magpsf: 41 }),
    detection({ magpsf: 30.5 }),
    detection({ magpsf: -2.5 }),
    detection({ magpsf: -999 }),
    detection({ magpsf: 99 }),
    detection({ sigmapsf: -99 }),
    detection({ sigmapsf: 1.25 }),
    detection({ sigmapsf: 1500 }),
    detection({ sigmapsf: 0 }),
    detection({ sigmapsf: null }),
    detection({ sigmapsf: Number.POSITIVE_INFINITY }),
    detection({ isdiffpos: null })
  ]
  for (const one of future) assert.deepEqual(alertOf({ prv_candidates: [one] }).dropped, { future: 1, invalid: 0 })
  for (const one of impossible) {
    const alert = alertOf({ prv_candidates: [point({ jd: 2458990 }), one, detection({ jd: 2458991 })] })
    assert.deepEqual(
      alert.dropped,
      { future: 0, invalid: 1 },
      JSON.stringify(one, (_, v) => String(v))
    )
    assert.deepEqual(
      [...alert.history].map(kept => kept.observation.jd),
      [2458990, 2458991]
    )
    assert.equal(alert.record.photometry?.droppedPoints, 1)
  }
})

test('a detection without candid (early schemas) is kept; an upper limit has none', () => {
  const alert = alertOf({
    prv_candidates: [detection({ candid: null }), detection({ candid: -1n }), point({ candid: 5n })]
  })
  assert.deepEqual(
    [...alert.history].map(({ observation }) => [observation.detection, observation.candid]),
    [
      [true, null],
      [true, null],
      [false, null]
    ]
  )
})

test('a Julian date with seven decimals is the same however it was computed; others stay exact', () => {
  const ulp = 2 ** -31
  for (const jd of [2458991.1234567, 2458991, 2458990.9999999]) {
    for (const computed of [jd, jd - 2 * ulp, jd + 2 * ulp, jd - 2400000.5 + 2400000.5, (jd * 86_400) / 86_400]) {
      const history = [point({ jd: computed }), detection({ jd: computed })]
      const { observation } = alertOf({ candidate: candidate({ jd: computed }) })
      const dates = [...alertOf({ prv_candidates: history }).history].map(kept => kept.observation.jd)
      assert.deepEqual([observation.jd, ...dates], [jd, jd, jd])
    }
  }
  const own = alertOf({ candidate: candidate({ jd: 2459000.5 + ulp }), prv_candidates: [point({ jd: 2459000.5 })] })
  assert.deepEqual([own.record.jd, own.history.length, own.dropped.future], [2459000.5, 0, 1])
  for (const jd of [2459000.12345678, 2459000 + 1 / 3, 2459000.5 + 3 * ulp]) {
    assert.equal(alertOf({ candidate: candidate({ jd }) }).record.jd, jd)
  }
})

test('a Julian date in single precision, which is hours off, is refused', () => {
  const schema = schemaWith({ candidate: retyped(candidateFields, 'jd', 'float') })
  refused(() => alertOf({}, schema), 'WRONG_TYPE', /candidate\.jd should be a double, but the writer's type is "float"/)
})

test('neither history nor forced photometry need be there', () => {
  const alert = alertOf({ prv_candidates: null, fp_hists: null, cutoutScience: null })
  assert.deepEqual([...alert.history], [])
  assert.equal(alert.forcedPhotometry, 0)
  const bare = packetSchema(packetFields.filter(({ name }) => ['objectId', 'candid', 'candidate'].includes(name)))
  assert.deepEqual(alertOf({}, bare), { ...alert, schemaVersion: '' })
})

test('a packet leaves nothing behind in the next one', () => {
  const full = alertOf()
  const copy = structuredClone(readable(full))
  const next = alertOf({ prv_candidates: [point({ jd: 2458000.5 })], candidate: candidate({ drb: null, rb: null }) })
  assert.equal(next.history.length, 1)
  assert.equal(next.record.photometry?.realBogus, null)
  assert.deepEqual(readable(full), copy)
})

test('a programme beyond 32 bits is refused in the alert and dropped in its history', () => {
  const wide = (fields: typeof candidateFields) =>
    fields.map(field => (field.name === 'programid' ? { ...field, type: 'long' } : field))
  const schema = schemaWith({ candidate: wide(candidateFields), history: historyFields })
  const bytes = container({ candidate: candidate({ programid: 2n ** 33n }) }, schema)
  refused(() => decode(bytes), 'INVALID_VALUE', /programid.*8589934592/)
  const history = wide(historyFields).map(field =>
    field.name === 'programid' ? { ...field, type: ['null', 'long'] } : field
  )
  const alert = alertOf({ prv_candidates: [detection({ programid: 2n ** 33n })] }, schemaWith({ history }))
  assert.deepEqual([alert.history.length, alert.dropped.invalid], [0, 1])
})
