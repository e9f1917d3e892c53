import { canonicalAlert } from '../points/fingerprint.ts'
import { supersededSize, viewOf } from '../points/layout.ts'
import {
  type AlertContext,
  type AlertRecord,
  bandOf,
  type ContextField,
  contextFields,
  type FilterId,
  noContext
} from '../points/observation.ts'
import { markSize } from '../route-marks.ts'

/** Bits of a record's flags: which alert records it has, and which of them have the name of a solar-system object. */
export const recordFlag = { newest: 1, admitted: 2, same: 4, newestName: 8, admittedName: 16 } as const

/** Where the number of marks is, u16. */
export const marksAt = 2

/** Bytes of the hash of a version of an alert. */
export const versionSize = 8

/** What differs between the versions of records in where their parts are. */
export interface RecordSizes {
  readonly header: number
  readonly alertRecord: number
  readonly point: number
}

/** Where the parts of a record begin, in bytes; null for alert records that are not there. */
export interface RecordParts {
  readonly newest: number | null
  /** Where it is the newest alert too, the same place. */
  readonly newestAdmitted: number | null
  readonly points: number
  readonly superseded: number
  readonly newestVersions: number
  readonly admittedVersions: number
  readonly names: number
  readonly marks: number
  /** How long the record should be. */
  readonly end: number
}

/** The parts of a record, as its header says. */
export function partsOf(record: Buffer, { header, alertRecord, point }: RecordSizes): RecordParts {
  const flags = record[20] as number
  const hasNewest = (flags & recordFlag.newest) !== 0
  const same = (flags & recordFlag.same) !== 0
  const second = (flags & recordFlag.admitted) !== 0 && !same
  const newest = hasNewest ? header : null
  const secondAt = header + (hasNewest ? alertRecord : 0)
  const points = secondAt + (second ? alertRecord : 0)
  const superseded = points + record.readUInt32LE(8) * point
  const newestVersions = superseded + record.readUInt32LE(12) * supersededSize
  const admittedVersions = newestVersions + (record[21] as number) * versionSize
  const names = admittedVersions + (record[22] as number) * versionSize
  let marks = names
  for (const flag of [recordFlag.newestName, recordFlag.admittedName])
    if ((flags & flag) !== 0) marks += 1 + (record[marks] ?? 0)
  const end = marks + record.readUInt16LE(marksAt) * markSize
  return {
    newest,
    newestAdmitted: same ? newest : second ? secondAt : null,
    points,
    superseded,
    newestVersions,
    admittedVersions,
    names,
    marks,
    end
  }
}

/** The hashes of versions between two places. */
export function readVersions(record: Buffer, from: number, to: number): bigint[] {
  return Array.from({ length: (to - from) / versionSize }, (_, index) =>
    record.readBigUInt64LE(from + index * versionSize)
  )
}

/**
 * An alert record as bytes (little endian): candid i64, jd, ra, dec f64, programme i32, flags u8 (1 photometry, 2 positive), filter u8,
 * dropped points u16 (0 in versions 1 and 2), six numbers of the photometry f64, and since version 3 the context f64 each, in the order of `contextFields` (NaN: null).
 * Doubles, so that a message has the same bytes whether it is made from the packet or from this record. In this version they are the canonical
 * bytes of the fingerprint; another version may have others.
 */
export const alertRecordSize = 88 + 8 * contextFields.length

export const encodeAlertRecord = canonicalAlert

/** The alert record at an offset; without its context one of versions 1 and 2. */
export function decodeAlertRecord(bytes: Buffer, offset = 0, hasContext = true): AlertRecord {
  const view = viewOf(bytes)
  const flags = view.getUint8(offset + 36)
  const droppedPoints = view.getUint16(offset + 38, true)
  const number = (index: number): number => view.getFloat64(offset + 40 + 8 * index, true)
  // Versions 1 and 2 stored placeholders for missing values unchanged.
  const upTo = (index: number, most: number): number | null => {
    const value = number(index)
    const known = hasContext ? !Number.isNaN(value) : value >= 0 && value <= most
    return known ? value : null
  }
  return {
    candid: view.getBigInt64(offset, true),
    jd: view.getFloat64(offset + 8, true),
    ra: view.getFloat64(offset + 16, true),
    dec: view.getFloat64(offset + 24, true),
    programId: view.getInt32(offset + 32, true),
    photometry:
      (flags & 1) === 0
        ? null
        : {
            band: bandOf(view.getUint8(offset + 37) as FilterId),
            positive: (flags & 2) !== 0,
            magnitude: number(0),
            error: number(1),
            realBogus: upTo(2, 1),
            starScore: upTo(3, 1),
            starDistance: upTo(4, Number.MAX_VALUE),
            solarSystemDistance: upTo(5, Number.MAX_VALUE),
            ...(droppedPoints > 0 ? { droppedPoints } : {}),
            context: hasContext ? readContext(view, offset + 88) : noContext
          }
  }
}

function readContext(view: DataView, from: number): AlertContext {
  const context: Record<ContextField, number | null> = { ...noContext }
  for (let index = 0; index < contextFields.length; index++) {
    const value = view.getFloat64(from + 8 * index, true)
    if (!Number.isNaN(value)) context[contextFields[index] as ContextField] = value
  }
  return context
}

/** Bytes of the name that an alert record has; null if it has none. It follows elsewhere, because it is not among the canonical bytes. */
export function nameBytes(record: AlertRecord | null): Buffer | null {
  const name = record?.photometry?.solarSystemName
  return name === undefined ? null : Buffer.from(name)
}

/** Writes a name with its length, u8. Returns the offset after it. */
export function writeName(target: Buffer, offset: number, name: Buffer): number {
  const from = target.writeUInt8(name.length, offset)
  return from + name.copy(target, from)
}

/** Adds the name at an offset to an alert record. Returns it with the offset after the name. */
export function readName(bytes: Buffer, offset: number, record: AlertRecord): { record: AlertRecord; end: number } {
  const from = offset + 1
  const end = from + (bytes[offset] as number)
  const solarSystemName = bytes.toString('utf8', from, end)
  const photometry = record.photometry && { ...record.photometry, solarSystemName }
  return { record: { ...record, photometry }, end }
}
