import { encodeAlertRecord } from './alert-record-codec.ts'
import { EncodedCurve } from './encoded-curve.ts'
import { furtherSize } from './further-codec.ts'
import { maxFurtherCandids } from './limits.ts'
import {
  type AlertContext,
  type AlertRecord,
  bandOf,
  contextFields,
  type FilterId,
  type Observation
} from './observation.ts'
import { hashBytes, pointSize, readPoint, widenPoint } from './point-codec.ts'
import { type RecordParts, type RecordSizes, readVersions } from './record-layout.ts'
import type { ObjectState } from './stores/store.ts'
import { RunningTotals } from './totals.ts'

/*
 * Records, and additions in a store, of versions 1 and 2. Points had no quality (28 bytes: the photometry, and the number of
 * further candids u16), alert records no context (88 bytes), and the revision counted 3 for every candid beyond the first.
 */

/** Sizes of the parts of a record of versions 1 and 2. */
export const earlierSizes: RecordSizes = { header: 48, alertRecord: 88, point: 28 }

const noContext = Object.fromEntries(contextFields.map(name => [name, null])) as unknown as AlertContext

/** The state that a record of versions 1 and 2 holds, its parts being `parts`: nothing is known of quality and context. */
export function earlierState(objectId: string, record: Buffer, parts: RecordParts): ObjectState {
  const curve = earlierCurve(
    record.subarray(parts.points, parts.further),
    record.subarray(parts.further, parts.newestVersions)
  )
  const newest = parts.newest === null ? null : earlierAlert(record, parts.newest)
  const same = parts.newestAdmitted === parts.newest
  const newestAdmitted =
    parts.newestAdmitted === null ? null : same ? newest : earlierAlert(record, parts.newestAdmitted)
  const versions = (from: number, to: number, at: number | null, alert: AlertRecord | null): bigint[] =>
    renamed(readVersions(record, from, to), alert && hashBytes(earlierBytes(record, at as number)), alert)
  return {
    objectId,
    curve,
    newest,
    newestAdmitted,
    newestVersions: versions(parts.newestVersions, parts.admittedVersions, parts.newest, newest),
    admittedVersions: versions(parts.admittedVersions, parts.end, parts.newestAdmitted, newestAdmitted)
  }
}

/** The alert record of versions 1 and 2 at an offset. Values that stand for none are taken as such, as the decoder has it now. */
export function earlierAlert(bytes: Buffer, offset: number): AlertRecord {
  const flags = bytes[offset + 36] as number
  const number = (index: number): number => bytes.readDoubleLE(offset + 40 + 8 * index)
  const within = (index: number, most: number): number | null => {
    const value = number(index)
    return value >= 0 && value <= most ? value : null
  }
  return {
    candid: bytes.readBigInt64LE(offset),
    jd: bytes.readDoubleLE(offset + 8),
    ra: bytes.readDoubleLE(offset + 16),
    dec: bytes.readDoubleLE(offset + 24),
    programId: bytes.readInt32LE(offset + 32),
    photometry:
      (flags & 1) === 0
        ? null
        : {
            band: bandOf(bytes[offset + 37] as FilterId),
            positive: (flags & 2) !== 0,
            magnitude: number(0),
            error: number(1),
            realBogus: within(2, 1),
            starScore: within(3, 1),
            starDistance: within(4, Number.MAX_VALUE),
            solarSystemDistance: within(5, Number.MAX_VALUE),
            context: noContext
          }
  }
}

/** The point of versions 1 and 2 at an offset. */
export function earlierPoint(bytes: Buffer, offset: number): Observation {
  const point = Buffer.allocUnsafe(pointSize)
  widenPoint(point, 0, bytes, offset, 0)
  return readPoint(point, 0)
}

/** Points and further candids of versions 1 and 2 as a curve. The earliest records may remember more candids of a point than today's. */
function earlierCurve(old: Buffer, oldFurther: Buffer): EncodedCurve {
  const { point } = earlierSizes
  const points = Buffer.allocUnsafe((old.length / point) * pointSize)
  const totals = new RunningTotals()
  const further: Buffer[] = []
  let at = 0
  for (let index = 0; index * point < old.length; index++) {
    const seen = old.readUInt16LE(index * point + 26)
    const kept = Math.min(seen, maxFurtherCandids)
    widenPoint(points, index * pointSize, old, index * point, kept)
    at += seen * furtherSize
    // Of one point they stand side by side, ascending.
    const candids = oldFurther.subarray(at - kept * furtherSize, at)
    further.push(candids)
    totals.add(
      points,
      index * pointSize,
      Array.from({ length: kept }, (_, which) => candids.readBigInt64LE(which * furtherSize + 9))
    )
  }
  return new EncodedCurve(points, Buffer.concat(further), totals.of(points))
}

/** Hashes of versions of which the one that stands has another hash now, as it has more bytes. */
function renamed(versions: readonly bigint[], before: bigint | null, alert: AlertRecord | null): bigint[] {
  if (alert === null || versions.length === 0) return [...versions]
  const now = hashBytes(encodeAlertRecord(alert))
  return versions.map(hash => (hash === before ? now : hash)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

function earlierBytes(record: Buffer, offset: number): Buffer {
  return record.subarray(offset, offset + earlierSizes.alertRecord)
}
