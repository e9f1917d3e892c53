import assert from 'node:assert/strict'
import fs from 'node:fs'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { mergeObservations } from '../../../src/lightcurves/curve/merge.ts'
import type { AlertRecord } from '../../../src/lightcurves/points/observation.ts'
import { otherVersions } from '../../../src/lightcurves/records/alert-versions.ts'
import {
  decodeRecord,
  mergeIntoRecord,
  presentRecord,
  recordVersion
} from '../../../src/lightcurves/records/object-record.ts'
import { encodeAlertRecord } from '../../../src/lightcurves/records/record-layout.ts'
import type { Addition, ObjectState } from '../../../src/lightcurves/store.ts'
import { decodeAdditions, encodeAddition } from '../../../src/lightcurves/stores/valkey/additions.ts'
import { mergeFields, readRecord } from '../../../src/lightcurves/stores/valkey/objects/objects.ts'
import { contextWith, detectionAt } from '../observations.ts'

/** What a release with records of version 2 left of an object: its record, and the additions that it is made of. */
const left = JSON.parse(fs.readFileSync(new URL('../stores/history/object-v2.json', import.meta.url), 'utf8'))
const { objectId } = left as { objectId: string }
const record = Buffer.from(left.record, 'base64')
const additions = Buffer.from(left.additions, 'base64')

const curveOf = (state: ObjectState): LightCurve => state.curve
const image = (curve: LightCurve): unknown => ({
  points: curve.points.toString('hex'),
  further: curve.supersededBytes.toString('hex'),
  totals: curve.totals
})
const readAll = (bytes: Buffer): Addition => {
  const { addition, error } = decodeAdditions(objectId, bytes)
  assert.equal(error, null)
  return addition as Addition
}

describe('a record of version 2', () => {
  const state = decodeRecord(objectId, record)

  test('becomes a curve without quality, with the hash and revision of today’s rules', () => {
    const curve = curveOf(state)
    const points = Array.from({ length: curve.length }, (_, index) => curve.at(index))
    assert.deepEqual(
      points.map(({ jd, fid, candid, own }) => [jd - 2459500.5, fid, candid, own]),
      [
        [-3, 1, null, false],
        [0, 1, null, false],
        [1, 1, 5000n, false],
        [2, 1, 1002n, true],
        [2, 2, 9n, true],
        [3, 1, 1003n, true]
      ]
    )
    assert.deepEqual(curve.supersededAt(2), [1001n])
    assert.ok(points.every(point => point.realBogus === null && point.solarSystemDistance === null))
    assert.deepEqual(image(curve), image(curveOf(mergeIntoRecord(null, readAll(additions), 0).state)))
    assert.equal(curve.totals.revision, 1 + 2 + (14 + 2) + 3 * (7 + 3))
  })

  test('has alerts without context, in which what stands for none is none', () => {
    assert.deepEqual(state.newest?.photometry?.context, contextWith())
    assert.equal(state.newest?.photometry?.starScore, null)
    assert.equal(state.newest?.photometry?.starDistance, null)
    assert.equal(state.newest?.photometry?.realBogus, 0.05)
    assert.equal(state.newestAdmitted?.candid, 1002n)
    assert.equal(state.newestAdmitted?.photometry?.starDistance, 1.25)
    assert.equal(state.admittedVersions.length, 2)
    assert.equal(otherVersions(state.newestAdmitted as AlertRecord, state.admittedVersions).length, 1)
  })

  test('is written in the present version, and stays the same object', () => {
    const present = presentRecord(objectId, record)
    assert.equal(present[0], recordVersion)
    const { curve, ...rest } = decodeRecord(objectId, present)
    const { curve: before, ...restBefore } = state
    assert.deepEqual(rest, restBefore)
    assert.deepEqual(image(curve), image(before))
    assert.equal(presentRecord(objectId, present), present)
  })

  test('takes in what comes: a newer packet of its newest alert brings the context', () => {
    const photometry = { ...state.newestAdmitted!.photometry!, context: contextWith({ distpsnr1: 1.25 }) }
    const again = { ...state.newestAdmitted!, ra: 10.25, photometry }
    const merged = mergeIntoRecord(
      record,
      { objectId, observations: [], alerts: [{ record: again, admitted: true }] },
      1
    ).state
    assert.deepEqual(merged.newestAdmitted, again)
  })

  test('that remembers more candids of a point than today’s keeps the greatest', () => {
    const state = decodeRecord('x', crowded(12))
    assert.deepEqual(curveOf(state).supersededAt(0), [6n, 7n, 8n, 9n, 10n, 11n, 12n])
    const seen = Array.from({ length: 12 }, (_, index) => detectionAt(2459000.5, { candid: BigInt(index + 1) }))
    const point = { ...curveOf(state).at(0), candid: 99n }
    assert.deepEqual(image(curveOf(state)), image(mergeObservations(LightCurve.empty, [...seen, point])))
  })
})

describe('additions of version 2 in a store', () => {
  test('are read, and those of today after them, in one key', () => {
    const later: Addition = {
      objectId,
      observations: [detectionAt(2459504.5, { realBogus: 0.5, solarSystemDistance: 12 })],
      alerts: []
    }
    const both = readAll(Buffer.concat([additions, encodeAddition(later, 1_800_000_000_000)]))
    assert.equal(both.alerts.length, 4)
    assert.equal(both.observations.length, 9)
    assert.equal(both.mergedAt, 1_800_000_000_000)
    const merged = mergeIntoRecord(null, both, 0).record
    const apart = mergeIntoRecord(
      mergeIntoRecord(null, readAll(additions), 0).record,
      { ...later, mergedAt: 1_800_000_000_000 },
      0
    )
    assert.ok(merged.equals(apart.record))
    const found = [record, Buffer.concat([additions, encodeAddition(later, 1)]), Buffer.from('token')] as const
    const gathered = mergeFields(found, later, { now: 1, length: 0, onCorrupt: error => assert.fail(error) })
    const read = readRecord(objectId, found)
    assert.ok(read && 'record' in read)
    assert.equal(gathered.state.curve.length, 7)
    assert.deepEqual(image(curveOf(decodeRecord(objectId, read.record))), image(curveOf(gathered.state)))
  })

  test('of today look like a newer record to a process that reads version 2', () => {
    const bytes = encodeAddition({ objectId, observations: [detectionAt(2459504.5)], alerts: [] }, 1)
    assert.equal(bytes.readUInt32LE(0), bytes.length)
    assert.equal(bytes.readUInt32LE(4), crc32(bytes.subarray(8)))
    assert.deepEqual([bytes.readUInt32LE(16), bytes.readUInt32LE(20)], [0, 0])
    assert.equal(bytes.readUInt32LE(24), bytes.length - 28)
    const bundle = bytes.subarray(32, 32 + bytes.readUInt32LE(28))
    assert.equal(bundle.length, bytes.length - 32)
    assert.equal(bundle[0], recordVersion)
    const checksum = crc32(bundle.subarray(8), crc32(bundle.subarray(0, 4), crc32(objectId)))
    assert.equal(bundle.readUInt32LE(4), checksum)
    assert.ok(bundle.length >= 16)
  })
})

test('a record and additions of version 3 are read, and hold the same object', () => {
  const file = new URL('../stores/history/object-v3.json', import.meta.url)
  const old = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<'objectId' | 'record' | 'additions', string>
  const record = Buffer.from(old.record, 'base64')
  const { addition, error } = decodeAdditions(old.objectId, Buffer.from(old.additions, 'base64'))
  assert.equal(error, null)
  const present = presentRecord(old.objectId, record)
  assert.equal(present[0], recordVersion)
  assert.ok(mergeIntoRecord(null, addition as Addition, 0).record.equals(present))
  const state = decodeRecord(old.objectId, record)
  assert.deepEqual(
    [state.curve.length, state.newest?.candid, state.newestAdmitted?.candid],
    [4, 2460702500n, 2460701500n]
  )
  assert.equal(state.newestAdmitted?.photometry?.context.distpsnr1, 0.5)
  assert.deepEqual(state.routes, [])
})

test('an alert record has its earlier fields where they were', () => {
  const encoded = encodeAlertRecord(decodeRecord(objectId, record).newestAdmitted as AlertRecord)
  assert.equal(encoded.readBigInt64LE(0), 1002n)
  assert.equal(encoded.readDoubleLE(40 + 8 * 4), 1.25)
})

/** A record of version 2 of one point that came under so many candids. */
function crowded(candids: number): Buffer {
  const bytes = Buffer.alloc(48 + 28 + candids * 17)
  bytes.writeUInt32LE(1, 8)
  bytes.writeUInt32LE(candids, 12)
  bytes.writeUInt32LE(1, 16)
  bytes.writeDoubleLE(2459000.5, 48)
  bytes.writeBigInt64LE(99n, 56)
  bytes[48 + 24] = 1
  bytes[48 + 25] = 1 | 8
  bytes.writeUInt16LE(candids, 48 + 26)
  for (let index = 0; index < candids; index++) {
    const at = 48 + 28 + index * 17
    bytes.writeDoubleLE(2459000.5, at)
    bytes[at + 8] = 1
    bytes.writeBigInt64LE(BigInt(index + 1), at + 9)
  }
  return sealed(bytes)
}

function sealed(bytes: Buffer): Buffer {
  bytes[0] = 2
  bytes.writeUInt32LE(crc32(bytes.subarray(8), crc32(bytes.subarray(0, 4), crc32('x'))), 4)
  return bytes
}
