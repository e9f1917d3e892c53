import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HieraxError } from '../../src/errors.ts'
import { decodeAlertRecord, encodeAlertRecord, newer } from '../../src/lightcurves/alert-record-codec.ts'
import { decodeRecord, encodeRecord, mergedAt, mergeIntoRecord } from '../../src/lightcurves/object-record.ts'
import type { AlertRecord } from '../../src/lightcurves/observation.ts'
import { observations } from './observations.ts'

const score = fc.option(fc.double({ min: 0, max: 1, noNaN: true }))
export const alertRecord: fc.Arbitrary<AlertRecord> = fc.record(
  {
    candid: fc.bigInt({ min: 2695378462115010000n, max: 2695378462115010005n }),
    jd: fc.constantFrom(2459000.5, 2459001.5, 2459002.5),
    ra: fc.double({ min: 0, max: 360, noNaN: true }),
    dec: fc.double({ min: -90, max: 90, noNaN: true }),
    programId: fc.integer({ min: 0, max: 64 }),
    photometry: fc.option(
      fc.record(
        {
          band: fc.constantFrom('g', 'r', 'i'),
          magnitude: fc.double({ min: 10, max: 22, noNaN: true }),
          error: fc.double({ min: 0.01, max: 1, noNaN: true }),
          positive: fc.boolean(),
          realBogus: score,
          starScore: score,
          starDistance: score,
          solarSystemDistance: score
        },
        { noNullPrototype: true }
      )
    )
  },
  { noNullPrototype: true }
)

const addition = fc.record({
  objectId: fc.constant('ZTF18aaaaaaa'),
  observations,
  alerts: fc.array(fc.record({ record: alertRecord, admitted: fc.boolean() }, { noNullPrototype: true }), {
    maxLength: 6
  })
})

test('an alert record survives its encoding', () => {
  fc.assert(fc.property(alertRecord, record => assert.deepEqual(decodeAlertRecord(encodeAlertRecord(record)), record)))
})

test('the newer of alert records does not depend on their order', () => {
  fc.assert(
    fc.property(alertRecord, alertRecord, alertRecord, (a, b, c) => {
      const first = newer(newer(a, b), c) as AlertRecord
      assert.deepEqual(newer(c, newer(b, a)), first)
      assert.ok(
        [a, b, c].every(record => record.jd < first.jd || (record.jd === first.jd && record.candid <= first.candid))
      )
    })
  )
})

test('a state survives its encoding, and its bytes do not depend on the split into merges', () => {
  fc.assert(
    fc.property(addition, addition, (one, two) => {
      const parts = mergeIntoRecord(mergeIntoRecord(null, one, 1).record, two, 2)
      const whole = mergeIntoRecord(
        null,
        {
          objectId: one.objectId,
          observations: [...two.observations, ...one.observations],
          alerts: [...two.alerts, ...one.alerts]
        },
        2
      )
      assert.ok(parts.record.equals(whole.record))
      assert.equal(mergedAt(parts.record), 2)
      const decoded = decodeRecord(one.objectId, parts.record)
      assert.deepEqual(decoded.newest, parts.state.newest)
      assert.deepEqual(decoded.newestAdmitted, parts.state.newestAdmitted)
      assert.ok(encodeRecord(decoded, 2).equals(parts.record))
    })
  )
})

test('a record with any byte changed is refused as corrupt, unless the byte is unused', () => {
  fc.assert(
    fc.property(addition, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, position, change) => {
      const { record } = mergeIntoRecord(null, one, 1)
      const damaged = Buffer.from(record)
      const at = position % record.length
      damaged[at] = (damaged[at] as number) ^ change
      const unused = at >= 1 && at <= 3
      try {
        const decoded = decodeRecord(one.objectId, damaged)
        assert.ok(unused, `byte ${at} of ${record.length} was changed to ${damaged[at]} unnoticed: ${decoded.objectId}`)
      } catch (error) {
        assert.ok(error instanceof HieraxError && error.code === 'STORE_CORRUPT', String(error))
      }
    })
  )
})

test('a truncated record is refused as corrupt', () => {
  const { record } = mergeIntoRecord(null, { objectId: 'x', observations: [], alerts: [] }, 1)
  for (let length = 0; length < record.length; length++) {
    assert.throws(() => decodeRecord('x', record.subarray(0, length)), { code: 'STORE_CORRUPT' })
  }
})
