import { crc32 } from 'node:zlib'
import { HieraxError } from '../errors.ts'
import { earlierAlert, earlierPoint, earlierSizes } from './earlier-records.ts'
import { pointSize, readPoint, viewOf, writePoint } from './layout.ts'
import { recordChecksum, recordVersion } from './object-record.ts'
import { alertRecordSize, decodeAlertRecord, encodeAlertRecord } from './record-layout.ts'
import type { Addition } from './store.ts'

/*
 * An addition as bytes, for a store that keeps additions until they are merged (little endian): length of all u32 · CRC-32
 * of all that follows u32 · wall time of the merge, epoch ms f64 · alerts u32 · points u32 · bytes of records u32 · alerts (record,
 * admitted u8) · points · records (length u32, record). Several additions may follow each other.
 *
 * Alerts and points before the records are those of versions 1 and 2, and no longer written. Today's stand in the first record,
 * which is none of an object but a bundle: version u8 (that of the records) · 1 u8 · 2 unused · CRC-32 as of a record u32 · alerts u32 ·
 * points u32 · alerts · points. So a process of an earlier release, which still runs while a newer one migrates the store, takes
 * it for a newer record and waits, instead of taking it for damage and dropping it.
 */
const headerSize = 28
const bundleHeader = 16
const alertSize = alertRecordSize + 1
const earlierAlertSize = earlierSizes.alertRecord + 1

/** The bytes of an addition that is merged at `now` (epoch ms), unless it says when it was. */
export function encodeAddition(addition: Addition, now: number): Buffer {
  const { alerts, observations, records = [] } = addition
  const bundle = bundleHeader + alerts.length * alertSize + observations.length * pointSize
  const recordBytes = records.reduce((sum, record) => sum + 4 + record.length, 4 + bundle)
  const bytes = Buffer.allocUnsafe(headerSize + recordBytes)
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeDoubleLE(addition.mergedAt ?? now, 8)
  bytes.writeUInt32LE(0, 16)
  bytes.writeUInt32LE(0, 20)
  bytes.writeUInt32LE(recordBytes, 24)
  bytes.writeUInt32LE(bundle, headerSize)
  let offset = headerSize + 4
  writeBundle(bytes.subarray(offset, offset + bundle), addition)
  offset += bundle
  for (const record of records) {
    offset = bytes.writeUInt32LE(record.length, offset)
    offset += record.copy(bytes, offset)
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  return bytes
}

function writeBundle(bytes: Buffer, { objectId, alerts, observations }: Addition): void {
  bytes.fill(0, 0, bundleHeader)
  bytes[0] = recordVersion
  bytes[1] = 1
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
  bytes.writeUInt32LE(recordChecksum(objectId, bytes), 4)
}

/** Additions as they are read. */
interface Gathering {
  readonly alerts: Addition['alerts'][number][]
  readonly observations: Addition['observations'][number][]
  readonly records: Buffer[]
}

/**
 * The additions to one object that follow each other in `bytes`, as one; null where there are none. What comes before
 * a damaged one is good; `error` (STORE_CORRUPT) tells of it.
 */
export function decodeAdditions(
  objectId: string,
  bytes: Buffer
): { readonly addition: Addition | null; readonly error: HieraxError | null } {
  const gathering: Gathering = { alerts: [], observations: [], records: [] }
  let merged = 0
  let offset = 0
  let error: HieraxError | null = null
  while (offset < bytes.length) {
    const one = bytes.subarray(offset)
    const wrong = whatIsWrong(one)
    if (wrong !== null) {
      error = new HieraxError('STORE_CORRUPT', `An addition to object ${JSON.stringify(objectId)} ${wrong}`)
      break
    }
    merged = Math.max(merged, one.readDoubleLE(8))
    offset += readOne(one, gathering)
  }
  return { addition: offset === 0 ? null : { objectId, ...gathering, mergedAt: merged }, error }
}

/** Takes in an addition, and returns its length. */
function readOne(bytes: Buffer, { alerts, observations, records }: Gathering): number {
  let at = headerSize
  for (let index = bytes.readUInt32LE(16); index > 0; index--, at += earlierAlertSize)
    alerts.push({ record: earlierAlert(bytes, at), admitted: bytes[at + earlierAlertSize - 1] === 1 })
  for (let index = bytes.readUInt32LE(20); index > 0; index--, at += earlierSizes.point)
    observations.push(earlierPoint(bytes, at))
  for (const end = bytes.readUInt32LE(0); at < end; at += 4 + bytes.readUInt32LE(at)) {
    const record = bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at))
    // A bundle of a newer release is refused where its records are read, as newer records are.
    if (record[0] === recordVersion && record[1] === 1) readBundle(record, { alerts, observations })
    else records.push(record)
  }
  return at
}

function readBundle(bytes: Buffer, { alerts, observations }: Pick<Gathering, 'alerts' | 'observations'>): void {
  let at = bundleHeader
  for (let index = bytes.readUInt32LE(8); index > 0; index--, at += alertSize)
    alerts.push({ record: decodeAlertRecord(bytes, at), admitted: bytes[at + alertRecordSize] === 1 })
  for (let index = bytes.readUInt32LE(12); index > 0; index--, at += pointSize) observations.push(readPoint(bytes, at))
}

function whatIsWrong(bytes: Buffer): string | null {
  if (bytes.length < headerSize) return `is cut short after ${bytes.length} bytes`
  const length = bytes.readUInt32LE(0)
  if (length > bytes.length || length < headerSize) return `says it has ${length} bytes; there are ${bytes.length}`
  if (crc32(bytes.subarray(8, length)) !== bytes.readUInt32LE(4)) return 'does not match its checksum'
  const needed =
    headerSize +
    bytes.readUInt32LE(16) * earlierAlertSize +
    bytes.readUInt32LE(20) * earlierSizes.point +
    bytes.readUInt32LE(24)
  return needed === length ? null : `has ${length} bytes instead of ${needed}`
}
