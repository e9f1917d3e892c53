import { crc32 } from 'node:zlib'
import { HieraxError } from '../errors.ts'
import { alertRecordSize, decodeAlertRecord, encodeAlertRecord } from './alert-record-codec.ts'
import { pointSize, readPoint, writePoint } from './point-codec.ts'
import type { Addition } from './stores/store.ts'

/**
 * An addition as bytes, for a store that keeps additions until they are merged (little endian): length of all u32 · CRC-32
 * of all that follows u32 · wall time of the merge, epoch ms f64 · alerts u32 · points u32 · bytes of records of other stores
 * u32 · alerts (record, admitted u8) · points · such records (length u32, record). Several additions may follow each other.
 */
const headerSize = 28
const alertSize = alertRecordSize + 1

/** The bytes of an addition that is merged at `now` (epoch ms), unless it says when it was. */
export function encodeAddition(addition: Addition, now: number): Buffer {
  const { alerts, observations, records = [] } = addition
  const recordBytes = records.reduce((sum, record) => sum + 4 + record.length, 0)
  const bytes = Buffer.allocUnsafe(
    headerSize + alerts.length * alertSize + observations.length * pointSize + recordBytes
  )
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeDoubleLE(addition.mergedAt ?? now, 8)
  bytes.writeUInt32LE(alerts.length, 16)
  bytes.writeUInt32LE(observations.length, 20)
  bytes.writeUInt32LE(recordBytes, 24)
  let offset = headerSize
  for (const { record, admitted } of alerts) {
    encodeAlertRecord(record).copy(bytes, offset)
    bytes[offset + alertRecordSize] = admitted ? 1 : 0
    offset += alertSize
  }
  for (const observation of observations) {
    writePoint(bytes, offset, observation)
    offset += pointSize
  }
  for (const record of records) {
    offset = bytes.writeUInt32LE(record.length, offset)
    offset += record.copy(bytes, offset)
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  return bytes
}

/**
 * The additions to one object that follow each other in `bytes`, as one; null where there are none. What comes before
 * a damaged one is good; `error` (STORE_CORRUPT) tells of it.
 */
export function decodeAdditions(
  objectId: string,
  bytes: Buffer
): { readonly addition: Addition | null; readonly error: HieraxError | null } {
  const alerts: Addition['alerts'][number][] = []
  const observations: Addition['observations'][number][] = []
  const records: Buffer[] = []
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
    let at = headerSize
    for (let index = one.readUInt32LE(16); index > 0; index--, at += alertSize)
      alerts.push({ record: decodeAlertRecord(one, at), admitted: one[at + alertRecordSize] === 1 })
    for (let index = one.readUInt32LE(20); index > 0; index--, at += pointSize) observations.push(readPoint(one, at))
    for (const end = one.readUInt32LE(0); at < end; at += 4 + one.readUInt32LE(at))
      records.push(one.subarray(at + 4, at + 4 + one.readUInt32LE(at)))
    offset += at
  }
  return { addition: offset === 0 ? null : { objectId, alerts, observations, records, mergedAt: merged }, error }
}

function whatIsWrong(bytes: Buffer): string | null {
  if (bytes.length < headerSize) return `is cut short after ${bytes.length} bytes`
  const length = bytes.readUInt32LE(0)
  if (length > bytes.length || length < headerSize) return `says it has ${length} bytes; there are ${bytes.length}`
  if (crc32(bytes.subarray(8, length)) !== bytes.readUInt32LE(4)) return 'does not match its checksum'
  const needed =
    headerSize + bytes.readUInt32LE(16) * alertSize + bytes.readUInt32LE(20) * pointSize + bytes.readUInt32LE(24)
  return needed === length ? null : `has ${length} bytes instead of ${needed}`
}
