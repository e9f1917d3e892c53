import { crc32 } from 'node:zlib'
import { HieraxError } from '../../errors.ts'
import { allObservations, LightCurve } from '../curve/light-curve.ts'
import { mergeObservations } from '../curve/merge.ts'
import { pointSize, supersededSize } from '../points/layout.ts'
import type { AlertRecord } from '../points/observation.ts'
import { joinMarks, markSize, readMarks, writeMarks } from '../route-marks.ts'
import type { Addition, ObjectState, StoredObject } from '../store.ts'
import { isSameAlert, joinAlerts, newerAlert, type VersionedAlert } from './alert-versions.ts'
import { earlierSizes, earlierState } from './earlier-records.ts'
import {
  alertRecordSize,
  decodeAlertRecord,
  encodeAlertRecord,
  marksAt,
  nameBytes,
  partsOf,
  type RecordParts,
  type RecordSizes,
  readName,
  readVersions,
  recordFlag,
  versionSize,
  writeName
} from './record-layout.ts'

/**
 * An object as it is stored (little endian): version u8 · 1 zero · number of marks u16 · CRC-32 of object id and all bytes but its own u32 · points
 * u32 · superseded candids u32 · detections u32 · flags u8 · versions of the newest and of the newest admitted alert u8 each (0: one) ·
 * 1 unused · hash u64 · revision f64 · wall time of the last merge, epoch ms f64 · least real–bogus score and least solar-system
 * distance of the points f32 · newest alert record · newest admitted alert record (left out where it is the same) · points ·
 * superseded candids (jd f64, fid u8, candid i64) · hashes of the versions u64 · name of the solar-system object of the newest and of the
 * newest admitted alert, where they have one (length u8, UTF-8) · marks of retracting routes.
 *
 * Version 3 had neither names nor marks, and zeros for their number. In version 1 the CRC-32 was of what follows it alone; `earlier-records.ts` has what else was different. A later version may
 * change all but the first eight bytes and what the CRC-32 is of, by which a record that a newer Hierax wrote is distinguished from a
 * damaged one.
 */
export const recordVersion = 4

/** Oldest version that can be read. A record is rewritten in the present version when something is merged into it. */
export const oldestRecordVersion = 1

const headerSize = 56
/** First version with the present sizes of fields. */
const presentSizesSince = 3
const presentSizes: RecordSizes = { header: headerSize, alertRecord: alertRecordSize, point: pointSize }

/** The state after a merge and its bytes. */
export interface MergedObject {
  /** The state before the merge; null for an unknown object. Its light curve refers to the record that was read. */
  readonly before: ObjectState | null
  readonly state: ObjectState
  readonly record: Buffer
}

/**
 * Merges a batch's points and alerts of one object into its stored record (null: an unknown object), whose memory may be reused afterwards.
 * Throws STORE_CORRUPT if the record cannot be read.
 */
export function mergeIntoRecord(stored: Buffer | null, addition: Addition, now: number): MergedObject {
  const before = stored ? decodeRecord(addition.objectId, stored) : null
  let newest = before && newestOf(before)
  let admittedOnes = before && newestAdmittedOf(before)
  for (const { record, admitted } of addition.alerts) {
    newest = newerAlert(newest, record, admitted)
    if (admitted) admittedOnes = newerAlert(admittedOnes, record, admitted)
  }
  let curve = mergeObservations(before?.curve ?? LightCurve.empty, addition.observations)
  let routes = joinMarks(before?.routes ?? [], addition.routes ?? [])
  for (const record of addition.records ?? []) {
    const other = decodeRecord(addition.objectId, record)
    newest = joinAlerts(newest, newestOf(other))
    admittedOnes = joinAlerts(admittedOnes, newestAdmittedOf(other))
    curve = mergeObservations(curve, allObservations(other.curve))
    routes = joinMarks(routes, other.routes)
  }
  const state = {
    objectId: addition.objectId,
    curve,
    newest: newest?.record ?? null,
    newestAdmitted: admittedOnes?.record ?? null,
    newestVersions: newest?.versions ?? [],
    admittedVersions: admittedOnes?.versions ?? [],
    routes
  }
  const merged = Math.max(addition.mergedAt ?? now, stored ? mergedAt(stored) : 0)
  const record = encodeRecord(state, merged)
  return { before, state: { ...state, curve: before ? apartFrom(before.curve, curve, record) : curve }, record }
}

/** The same curve, based on the bytes of the new record, so that it does not keep the memory of the old record. */
function apartFrom(before: LightCurve, curve: LightCurve, record: Buffer): LightCurve {
  const shares = curve.supersededBytes === before.supersededBytes && curve.supersededBytes.length > 0
  if (curve.points !== before.points && !shares) return curve
  const { points, superseded, newestVersions } = partsOf(record, presentSizes)
  const bytes = record.subarray(points, superseded)
  return new LightCurve(bytes, record.subarray(superseded, newestVersions), curve.totals)
}

function newestOf({ newest, newestAdmitted, newestVersions }: ObjectState): VersionedAlert | null {
  if (newest === null) return null
  const admitted = newestAdmitted !== null && isSameAlert(newest, newestAdmitted)
  return { record: newest, admitted, versions: newestVersions }
}

function newestAdmittedOf({ newestAdmitted, admittedVersions }: ObjectState): VersionedAlert | null {
  return newestAdmitted && { record: newestAdmitted, admitted: true, versions: admittedVersions }
}

/** The stored form of an object's state. */
export function encodeRecord(state: ObjectState, merged: number): Buffer {
  const curve = state.curve
  const newest = state.newest ? encodeAlertRecord(state.newest) : null
  const isNewest = newest !== null && state.newestAdmitted === state.newest
  const admitted = isNewest ? newest : state.newestAdmitted ? encodeAlertRecord(state.newestAdmitted) : null
  const same = newest !== null && admitted !== null && (isNewest || newest.equals(admitted))
  const parts = [newest, same ? null : admitted].filter(part => part !== null)
  const versions = [...state.newestVersions, ...state.admittedVersions]
  const newestName = nameBytes(state.newest)
  const admittedName = nameBytes(state.newestAdmitted)
  const names = [newestName, admittedName].filter(name => name !== null)
  const record = Buffer.allocUnsafe(
    headerSize +
      parts.length * alertRecordSize +
      curve.points.length +
      curve.supersededBytes.length +
      versions.length * versionSize +
      names.reduce((sum, name) => sum + 1 + name.length, 0) +
      state.routes.length * markSize
  )
  record.fill(0, 0, headerSize)
  record[0] = recordVersion
  record.writeUInt16LE(state.routes.length, marksAt)
  record[20] =
    (newest ? recordFlag.newest : 0) |
    (admitted ? recordFlag.admitted : 0) |
    (same ? recordFlag.same : 0) |
    (newestName ? recordFlag.newestName : 0) |
    (admittedName ? recordFlag.admittedName : 0)
  record[21] = state.newestVersions.length
  record[22] = state.admittedVersions.length
  record.writeUInt32LE(curve.length, 8)
  record.writeUInt32LE(curve.supersededBytes.length / supersededSize, 12)
  record.writeUInt32LE(curve.totals.detections, 16)
  record.writeBigUInt64LE(curve.totals.hash, 24)
  record.writeDoubleLE(curve.totals.revision, 32)
  record.writeDoubleLE(merged, 40)
  record.writeFloatLE(curve.totals.leastRealBogus, 48)
  record.writeFloatLE(curve.totals.leastSolarSystemDistance, 52)
  let offset = headerSize
  for (const part of parts) offset += part.copy(record, offset)
  offset += curve.points.copy(record, offset)
  offset += curve.supersededBytes.copy(record, offset)
  for (const hash of versions) offset = record.writeBigUInt64LE(hash, offset)
  for (const name of names) offset = writeName(record, offset, name)
  writeMarks(record, offset, state.routes)
  record.writeUInt32LE(recordChecksum(state.objectId, record), 4)
  return record
}

/** Whether two states of an object are equal except for their marks. */
export function isSameObject(a: ObjectState, b: ObjectState): boolean {
  return encodeRecord({ ...a, routes: [] }, 0).equals(encodeRecord({ ...b, routes: [] }, 0))
}

/**
 * The state in a record. Throws STORE_CORRUPT if version, length or checksum is wrong, and STORE_REFUSED if a newer release wrote
 * the record.
 */
export function decodeRecord(objectId: string, record: Buffer): ObjectState {
  if (record.length < earlierSizes.header) throw corrupt(objectId, `${record.length} bytes are fewer than a header`)
  const version = record[0] as number
  const matches =
    record.readUInt32LE(4) === (version === 1 ? crc32(record.subarray(8)) : recordChecksum(objectId, record))
  if (version < oldestRecordVersion || version > recordVersion) throw otherVersion(objectId, version, matches)
  const sizes = version < presentSizesSince ? earlierSizes : presentSizes
  const parts = partsOf(record, sizes)
  if (record.length !== parts.end) throw corrupt(objectId, `${record.length} bytes instead of ${parts.end}`)
  if (!matches) throw corrupt(objectId, 'its checksum does not match')
  if (version < presentSizesSince) return earlierState(objectId, record, parts)
  const { newest, newestAdmitted } = decodeAlerts(record, parts)
  const points = record.subarray(parts.points, parts.superseded)
  const curve = new LightCurve(points, record.subarray(parts.superseded, parts.newestVersions), {
    detections: record.readUInt32LE(16),
    hash: record.readBigUInt64LE(24),
    revision: record.readDoubleLE(32),
    leastRealBogus: record.readFloatLE(48),
    leastSolarSystemDistance: record.readFloatLE(52)
  })
  const newestVersions = readVersions(record, parts.newestVersions, parts.admittedVersions)
  const admittedVersions = readVersions(record, parts.admittedVersions, parts.names)
  const routes = readMarks(record, parts.marks, record.readUInt16LE(marksAt))
  return { objectId, curve, newest, newestAdmitted, newestVersions, admittedVersions, routes }
}

/** The newest alerts of a record, with their names; the same object if they are equal. */
function decodeAlerts(record: Buffer, parts: RecordParts): Pick<ObjectState, 'newest' | 'newestAdmitted'> {
  const flags = record[20] as number
  if (parts.newestAdmitted === parts.newest && (flags & (recordFlag.newestName | recordFlag.admittedName)) === 0) {
    const newest = parts.newest === null ? null : decodeAlertRecord(record, parts.newest)
    return { newest, newestAdmitted: newest }
  }
  let end = parts.names
  const alertAt = (offset: number | null, nameFlag: number): AlertRecord | null => {
    const alert = offset === null ? null : decodeAlertRecord(record, offset)
    if (alert === null || (flags & nameFlag) === 0) return alert
    const named = readName(record, end, alert)
    end = named.end
    return named.record
  }
  const newest = alertAt(parts.newest, recordFlag.newestName)
  const newestAdmitted = alertAt(parts.newestAdmitted, recordFlag.admittedName)
  const same =
    parts.newestAdmitted === parts.newest &&
    newest?.photometry?.solarSystemName === newestAdmitted?.photometry?.solarSystemName
  return { newest, newestAdmitted: same ? newest : newestAdmitted }
}

/** An object before and after an edit, with its record; null after it if the object is to be removed. */
export interface EditedObject {
  readonly before: ObjectState
  readonly after: ObjectState | null
  readonly record: Buffer | null
}

/** Edits the state in a record. Null if nothing changed or the record can't be read. */
export function editRecord(
  objectId: string,
  record: Buffer,
  edit: (state: ObjectState) => ObjectState | null
): EditedObject | null {
  const stored = checkedRecord(objectId, record)
  if ('error' in stored) return null
  const before = decodeRecord(objectId, stored.record)
  const after = edit(before)
  if (after === before) return null
  return { before, after, record: after && encodeRecord(after, mergedAt(stored.record)) }
}

/** The record in the present version. Throws the errors of `decodeRecord`. */
export function presentRecord(objectId: string, record: Buffer): Buffer {
  const state = decodeRecord(objectId, record)
  return record[0] === recordVersion ? record : encodeRecord(state, mergedAt(record))
}

/** The record in the present version, after its checksum was verified. */
export function checkedRecord(objectId: string, record: Buffer): StoredObject {
  try {
    return { objectId, record: presentRecord(objectId, record) }
  } catch (error) {
    return { objectId, error: HieraxError.from(error, 'STORE_CORRUPT') }
  }
}

/** The addition that merges a record of another store, with the time of its last merge. */
export function additionOf(objectId: string, record: Buffer): Addition {
  return { objectId, observations: [], alerts: [], records: [record], mergedAt: mergedAt(record) }
}

/** Wall time of the last merge of a record, epoch ms. */
export function mergedAt(record: Buffer): number {
  return record.readDoubleLE(40)
}

/** The checksum of all other bytes and of the object id, so that a record under another object's key is detected. */
export function recordChecksum(objectId: string, record: Buffer): number {
  return crc32(record.subarray(8), crc32(record.subarray(0, 4), crc32(objectId)))
}

function otherVersion(objectId: string, version: number, matches: boolean): HieraxError {
  if (!matches || version < oldestRecordVersion) return corrupt(objectId, `there is no version ${version}`)
  return new HieraxError(
    'STORE_REFUSED',
    `The stored record of object ${JSON.stringify(objectId)} is of version ${version}, by a newer Hierax; this one reads up to ${recordVersion}: run the newer one alone`
  )
}

function corrupt(objectId: string, what: string): HieraxError {
  return new HieraxError(
    'STORE_CORRUPT',
    `The stored record of object ${JSON.stringify(objectId)} can't be read: ${what}`
  )
}
