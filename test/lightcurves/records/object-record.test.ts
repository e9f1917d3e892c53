import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AlertRecord } from '../../../src/lightcurves/points/observation.ts'
import { newerAlert, type VersionedAlert } from '../../../src/lightcurves/records/alert-versions.ts'
import {
  additionOf,
  decodeRecord,
  encodeRecord,
  mergedAt,
  mergeIntoRecord
} from '../../../src/lightcurves/records/object-record.ts'
import { decodeAlertRecord, encodeAlertRecord } from '../../../src/lightcurves/records/record-layout.ts'
import type { Addition } from '../../../src/lightcurves/store.ts'
import { decodeAdditions, encodeAddition } from '../../../src/lightcurves/stores/valkey/additions.ts'
import { alertOf } from '../../support/pipeline.ts'
import { additionTo, alertRecord, detectionAt } from '../observations.ts'

const addition = additionTo('ZTF18aaaaaaa')

test('an alert record survives its encoding', () => {
  fc.assert(fc.property(alertRecord, record => assert.deepEqual(decodeAlertRecord(encodeAlertRecord(record)), record)))
})

/** Records of which several are versions of one alert. Whether one is admitted rests on its own fields alone. */
const versions = fc.array(
  fc
    .record({ day: fc.nat(1), realBogus: fc.constantFrom(null, 0.1, 0.7, 0.9), ra: fc.constantFrom(1, 2) })
    .map(({ day, realBogus, ra }): AlertRecord => {
      const { record } = alertOf('A', detectionAt(2459000.5 + day), { photometry: { realBogus } })
      return { ...record, ra }
    }),
  { minLength: 1, maxLength: 8 }
)
const admitted = (record: AlertRecord): boolean => (record.photometry?.realBogus ?? 1) >= 0.2

test('which version of the newest alert stands, and how many were seen, does not depend on order or repetition', () => {
  const merged = (records: readonly AlertRecord[]): VersionedAlert | null =>
    records.reduce<VersionedAlert | null>((newest, record) => newerAlert(newest, record, admitted(record)), null)
  const shuffled = versions.chain(records =>
    fc.tuple(fc.constant(records), fc.shuffledSubarray([...records, ...records], { minLength: records.length * 2 }))
  )
  fc.assert(
    fc.property(shuffled, ([records, again]) => {
      const newest = merged(records) as VersionedAlert
      assert.deepEqual(merged(again), newest)
      const same = records.filter(record => record.jd === newest.record.jd)
      const distinct = new Set(same.map(record => encodeAlertRecord(record).toString('hex'))).size
      assert.equal(newest.versions.length, distinct > 1 ? distinct : 0)
      assert.ok(records.every(record => record.jd <= newest.record.jd))
      assert.equal(admitted(newest.record), same.some(admitted), 'an admitted version stands before others')
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
          alerts: [...two.alerts, ...one.alerts],
          routes: [...(two.routes ?? []), ...(one.routes ?? [])]
        },
        2
      )
      assert.ok(parts.record.equals(whole.record))
      assert.equal(mergedAt(parts.record), 2)
      const decoded = decodeRecord(one.objectId, parts.record)
      assert.deepEqual(decoded.newest, parts.state.newest)
      assert.deepEqual(decoded.newestAdmitted, parts.state.newestAdmitted)
      assert.deepEqual(decoded.newestVersions, parts.state.newestVersions)
      assert.deepEqual(decoded.admittedVersions, parts.state.admittedVersions)
      assert.deepEqual(decoded.routes, parts.state.routes)
      assert.ok(encodeRecord(decoded, 2).equals(parts.record))
    })
  )
})

test('a record with any byte changed is refused as corrupt', () => {
  fc.assert(
    fc.property(addition, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, position, change) => {
      const { record } = mergeIntoRecord(null, one, 1)
      const damaged = Buffer.from(record)
      const at = position % record.length
      damaged[at] = (damaged[at] as number) ^ change
      assert.throws(() => decodeRecord(one.objectId, damaged), { code: 'STORE_CORRUPT' }, `byte ${at}`)
    })
  )
})

test('a truncated record is refused as corrupt', () => {
  const { record } = mergeIntoRecord(null, { objectId: 'x', observations: [], alerts: [] }, 1)
  for (let length = 0; length < record.length; length++) {
    assert.throws(() => decodeRecord('x', record.subarray(0, length)), { code: 'STORE_CORRUPT' })
  }
})

test('the record of another store adds all that it knows, in any order, and as bytes of an addition', () => {
  fc.assert(
    fc.property(addition, addition, addition, (one, two, three) => {
      const record = (...parts: Addition[]): Buffer =>
        parts.reduce<Buffer | null>((stored, part) => mergeIntoRecord(stored, part, 1).record, null) as Buffer
      const whole = record(one, two, three)
      const other = additionOf(one.objectId, record(two, three))
      assert.ok(record(one, other).equals(whole))
      assert.ok(record(other, one).equals(whole))
      assert.ok(record(other, other, additionOf(one.objectId, record(one))).equals(whole))
      const { addition: read, error } = decodeAdditions(
        one.objectId,
        Buffer.concat([encodeAddition(other, 1), encodeAddition(one, 1)])
      )
      assert.equal(error, null)
      assert.ok(record(read as Addition).equals(whole))
    })
  )
})

test('a merged state is apart from the bytes of the record before it, which a store may reuse', () => {
  fc.assert(
    fc.property(addition, addition, fc.boolean(), (one, two, again) => {
      const stored = Buffer.from(mergeIntoRecord(null, one, 1).record)
      const { state, record } = mergeIntoRecord(stored, again ? one : two, 2)
      stored.fill(0xff)
      const expected = decodeRecord(one.objectId, record)
      assert.deepEqual(encodeRecord(state, 2), record)
      assert.deepEqual(state.curve.points, expected.curve.points)
      assert.deepEqual(state.curve.supersededBytes, expected.curve.supersededBytes)
      assert.deepEqual([state.newest, state.newestAdmitted], [expected.newest, expected.newestAdmitted])
      assert.deepEqual([state.newestVersions, state.routes], [expected.newestVersions, expected.routes])
    })
  )
})
