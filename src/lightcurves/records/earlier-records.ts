import { LightCurve } from '../curve/light-curve.ts'
import { maxSuperseded } from '../curve/merge.ts'
import { alertHash, hashOfBytes } from '../points/fingerprint.ts'
import { pointSize, setSupersededCount, supersededSize, viewOf, writePoint } from '../points/layout.ts'
import type { AlertRecord, FilterId, Observation } from '../points/observation.ts'
import { ascending } from '../points/ordering.ts'
import { RunningTotals } from '../points/totals.ts'
import type { ObjectState } from '../store.ts'
import { decodeAlertRecord, type RecordParts, type RecordSizes, readVersions } from './record-layout.ts'

/*
 * Records, and additions in a store, of versions 1 and 2. Points had no quality (28 bytes: the photometry, and the number of
 * superseded candids u16), alert records no context (88 bytes), and the revision counted 3 for every candid beyond the first.
 */

/** Sizes of the parts of a record of versions 1 and 2. */
export const earlierSizes: RecordSizes = { header: 48, alertRecord: 88, point: 28 }

/** The state that a record of versions 1 and 2 holds, its parts being `parts`: nothing is known of quality and context. */
export function earlierState(objectId: string, record: Buffer, parts: RecordParts): ObjectState {
  const curve = earlierCurve(
    record.subarray(parts.points, parts.superseded),
    record.subarray(parts.superseded, parts.newestVersions)
  )
  const newest = parts.newest === null ? null : earlierAlert(record, parts.newest)
  const same = parts.newestAdmitted === parts.newest
  const newestAdmitted =
    parts.newestAdmitted === null ? null : same ? newest : earlierAlert(record, parts.newestAdmitted)
  const versions = (from: number, to: number, at: number | null, alert: AlertRecord | null): bigint[] =>
    renamed(
      readVersions(record, from, to),
      alert && hashOfBytes(record.subarray(at as number, (at as number) + earlierSizes.alertRecord)),
      alert
    )
  return {
    objectId,
    curve,
    newest,
    newestAdmitted,
    newestVersions: versions(parts.newestVersions, parts.admittedVersions, parts.newest, newest),
    admittedVersions: versions(parts.admittedVersions, parts.end, parts.newestAdmitted, newestAdmitted),
    routes: []
  }
}

/** The alert record of versions 1 and 2 at an offset. */
export function earlierAlert(bytes: Buffer, offset: number): AlertRecord {
  return decodeAlertRecord(bytes, offset, false)
}

/** The point of versions 1 and 2 at an offset: jd f64, candid i64, magnitude f32, error f32, filter u8, flags u8, superseded u16. */
export function earlierPoint(bytes: Buffer, offset: number): Observation {
  const flags = bytes[offset + 25] as number
  return {
    jd: bytes.readDoubleLE(offset),
    candid: (flags & 8) === 0 ? null : bytes.readBigInt64LE(offset + 8),
    magnitude: bytes.readFloatLE(offset + 16),
    error: bytes.readFloatLE(offset + 20),
    fid: bytes[offset + 24] as FilterId,
    detection: (flags & 1) !== 0,
    own: (flags & 2) !== 0,
    positive: (flags & 4) !== 0,
    realBogus: null,
    solarSystemDistance: null
  }
}

/** Points and superseded candids of versions 1 and 2 as a curve. The earliest records may remember more candids of a point than today's. */
function earlierCurve(old: Buffer, oldSuperseded: Buffer): LightCurve {
  const { point } = earlierSizes
  const points = Buffer.allocUnsafe((old.length / point) * pointSize)
  const totals = new RunningTotals()
  const superseded: Buffer[] = []
  const view = viewOf(points)
  let at = 0
  for (let index = 0; index * point < old.length; index++) {
    const seen = old.readUInt16LE(index * point + 26)
    const kept = Math.min(seen, maxSuperseded)
    writePoint(view, index * pointSize, earlierPoint(old, index * point))
    setSupersededCount(points, index * pointSize, kept)
    at += seen * supersededSize
    // Those of one point follow each other, ascending.
    const candids = oldSuperseded.subarray(at - kept * supersededSize, at)
    superseded.push(candids)
    totals.add(
      points,
      index * pointSize,
      Array.from({ length: kept }, (_, which) => candids.readBigInt64LE(which * supersededSize + 9))
    )
  }
  return new LightCurve(points, Buffer.concat(superseded), totals.of(points))
}

/** Hashes of the versions, in which the selected version has a new hash, because it has more bytes now. */
function renamed(versions: readonly bigint[], before: bigint | null, alert: AlertRecord | null): bigint[] {
  if (alert === null || versions.length === 0) return [...versions]
  const now = alertHash(alert)
  return versions.map(hash => (hash === before ? now : hash)).sort(ascending)
}
