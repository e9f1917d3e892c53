import { crc32 } from 'node:zlib'
import { HieraxError } from '../../../errors.ts'
import { pointSize, readPoint, viewOf, writePoint } from '../../points/layout.ts'
import type { Observation } from '../../points/observation.ts'
import { earlierAlert, earlierPoint, earlierSizes } from '../../records/earlier-records.ts'
import { recordChecksum, recordVersion } from '../../records/object-record.ts'
import {
  alertRecordSize,
  decodeAlertRecord,
  encodeAlertRecord,
  marksAt,
  nameBytes,
  readName,
  writeName
} from '../../records/record-layout.ts'
import { markSize, type RouteMark, readMarks, writeMarks } from '../../route-marks.ts'
import type { Addition } from '../../store.ts'

/*
 * An addition as bytes, kept until it is merged into the object's record. Several additions may follow each other. Little endian:
 *
 *   header    length of the whole addition u32 · CRC-32 of all that follows u32 · wall time of the merge, epoch ms f64 ·
 *             number of alerts u32 · number of points u32 · bytes of the records u32
 *   alerts    alert record · admitted u8, each     (versions 1 and 2 only)
 *   points    points                               (versions 1 and 2 only)
 *   records   length u32 · record, each
 *
 * Since version 3 the alerts and points are in the first record, which is not the record of an object but a bundle:
 *
 *   bundle    version u8 · 1 u8 · number of marks u16 · CRC-32 as in a record u32 · number of alerts u32 · number of points u32 ·
 *             alerts · points · since version 4: names of the alerts' solar-system objects (length u8, UTF-8; 0: none) · marks
 *
 * An older release that is still running while a newer one migrates the store takes the bundle for the record of a newer release
 * and waits. Otherwise it would take the addition for damaged and drop it.
 */
const headerSize = 28
const bundleHeader = 16
const alertSize = alertRecordSize + 1
/** First version of bundles with names. */
const namesSince = 4
const noName = Buffer.alloc(0)
const earlierAlertSize = earlierSizes.alertRecord + 1

/** The bytes of an addition. Its time is `now` (epoch ms) unless it states another. */
export function encodeAddition(addition: Addition, now: number): Buffer {
  const { alerts, observations, records = [], routes = [] } = addition
  const names = alerts.map(({ record }) => nameBytes(record) ?? noName)
  const bundle =
    bundleHeader +
    alerts.length * alertSize +
    observations.length * pointSize +
    names.reduce((sum, name) => sum + 1 + name.length, 0) +
    routes.length * markSize
  const recordBytes = records.reduce((sum, record) => sum + 4 + record.length, 4 + bundle)
  const bytes = Buffer.allocUnsafe(headerSize + recordBytes)
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeDoubleLE(addition.mergedAt ?? now, 8)
  bytes.writeUInt32LE(0, 16)
  bytes.writeUInt32LE(0, 20)
  bytes.writeUInt32LE(recordBytes, 24)
  bytes.writeUInt32LE(bundle, headerSize)
  let offset = headerSize + 4
  writeBundle(bytes.subarray(offset, offset + bundle), addition, names)
  offset += bundle
  for (const record of records) {
    offset = bytes.writeUInt32LE(record.length, offset)
    offset += record.copy(bytes, offset)
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  return bytes
}

function writeBundle(
  bytes: Buffer,
  { objectId, alerts, observations, routes = [] }: Addition,
  names: readonly Buffer[]
): void {
  bytes.fill(0, 0, bundleHeader)
  bytes[0] = recordVersion
  bytes[1] = 1
  bytes.writeUInt16LE(routes.length, marksAt)
  bytes.writeUInt32LE(alerts.length, 8)
  bytes.writeUInt32LE(observations.length, 12)
  let offset = bundleHeader
  for (const { record, admitted } of alerts) {
    encodeAlertRecord(record).copy(bytes, offset)
    bytes[offset + alertRecordSize] = admitted ? 1 : 0
    offset += alertSize
  }
  const view = viewOf(bytes)
  for (const observation of observations) {
    writePoint(view, offset, observation)
    offset += pointSize
  }
  for (const name of names) offset = writeName(bytes, offset, name)
  writeMarks(bytes, offset, routes)
  bytes.writeUInt32LE(recordChecksum(objectId, bytes), 4)
}

/** The lists of an addition while it is read. */
interface Lists {
  readonly alerts: Addition['alerts'][number][]
  readonly observations: Observation[]
  readonly records: Buffer[]
  readonly routes: RouteMark[]
}

/**
 * The additions to one object in `bytes`, joined; null if there are none. `error` (STORE_CORRUPT) reports a damaged one; those
 * before it are used, those after it are not.
 */
export function decodeAdditions(
  objectId: string,
  bytes: Buffer | null
): { readonly addition: Addition | null; readonly error: HieraxError | null } {
  const lists: Lists = { alerts: [], observations: [], records: [], routes: [] }
  let merged = 0
  let offset = 0
  let error: HieraxError | null = null
  while (bytes && offset < bytes.length) {
    const one = bytes.subarray(offset)
    const damage = damageOf(one)
    if (damage !== null) {
      error = new HieraxError('STORE_CORRUPT', `An addition to object ${JSON.stringify(objectId)} ${damage}`)
      break
    }
    merged = Math.max(merged, one.readDoubleLE(8))
    offset += readOne(one, lists)
  }
  return { addition: offset === 0 ? null : { objectId, ...lists, mergedAt: merged }, error }
}

/** Appends the content of an addition to the lists. Returns its length. */
function readOne(bytes: Buffer, lists: Lists): number {
  const { alerts, observations, records } = lists
  let at = headerSize
  for (let index = bytes.readUInt32LE(16); index > 0; index--, at += earlierAlertSize)
    alerts.push({ record: earlierAlert(bytes, at), admitted: bytes[at + earlierAlertSize - 1] === 1 })
  for (let index = bytes.readUInt32LE(20); index > 0; index--, at += earlierSizes.point)
    observations.push(earlierPoint(bytes, at))
  for (const end = bytes.readUInt32LE(0); at < end; at += 4 + bytes.readUInt32LE(at)) {
    const record = bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at))
    // The bundle of a newer release stays among the records, and is refused like any newer record.
    if ((record[0] as number) <= recordVersion && record[1] === 1) readBundle(record, lists)
    else records.push(record)
  }
  return at
}

function readBundle(bytes: Buffer, { alerts, observations, routes }: Lists): void {
  const hasNames = (bytes[0] as number) >= namesSince
  const count = bytes.readUInt32LE(8)
  let at = bundleHeader
  const found = Array.from({ length: count }, (_, index) => {
    const from = at + index * alertSize
    return { record: decodeAlertRecord(bytes, from), admitted: bytes[from + alertRecordSize] === 1 }
  })
  at += count * alertSize
  for (let index = bytes.readUInt32LE(12); index > 0; index--, at += pointSize) observations.push(readPoint(bytes, at))
  for (const { record, admitted } of found) {
    if (!hasNames || bytes[at] === 0) alerts.push({ record, admitted })
    else alerts.push({ record: readName(bytes, at, record).record, admitted })
    if (hasNames) at += 1 + (bytes[at] as number)
  }
  routes.push(...readMarks(bytes, at, bytes.readUInt16LE(marksAt)))
}

function damageOf(bytes: Buffer): string | null {
  if (bytes.length < headerSize) return `is cut short after ${bytes.length} bytes`
  const length = bytes.readUInt32LE(0)
  if (length > bytes.length || length < headerSize) return `states ${length} bytes, but there are ${bytes.length}`
  if (crc32(bytes.subarray(8, length)) !== bytes.readUInt32LE(4)) return 'does not match its checksum'
  const needed =
    headerSize +
    bytes.readUInt32LE(16) * earlierAlertSize +
    bytes.readUInt32LE(20) * earlierSizes.point +
    bytes.readUInt32LE(24)
  return needed === length ? null : `has ${length} bytes instead of ${needed}`
}
