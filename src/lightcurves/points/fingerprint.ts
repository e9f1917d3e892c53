import xxhash from 'xxhash-wasm'
import { type AlertPhotometry, type AlertRecord, bands, type ContextField, contextFields } from './observation.ts'

/*
 * Fingerprint and revision: what a published message says of the points that it rests on. Their values are part of the public
 * contract and apart from how points are stored. They are computed from canonical bytes, version 1 (little endian, NaN: null):
 *
 *   point  jd f64 · candid i64 (0: none) · magnitude f32 · error f32 · filter u8 · flags u8 (1 detection, 2 own packet, 4 positive,
 *          8 has a candid) · superseded candids i64 each, ascending
 *   alert  candid i64 · jd, ra, dec f64 · programme i32 · flags u8 (1 photometry, 2 positive) · filter u8 · points of the packet's
 *          history that were dropped u16 · magnitude, error, real–bogus, star score, star distance, solar-system distance f64 · context f64 each, in the order of
 *          `contextFields`; without photometry all from the flags on is zero
 *
 * The hash of each is XXH64 with the seed "hierax1" (as a number, for points plus 3 × how well the real–bogus score is known plus how well
 * the solar-system distance is known); hashes are summed modulo 2^64, so a sum is updated without rereading the curve. A change of
 * these bytes, or of the order in which they rank two alerts or points, is a new version and changes the ids of all messages.
 */

/** How well a field of a point's quality is known: not at all, from a later packet's history, from the point's own packet. */
export type Knowledge = 0 | 1 | 2

/** Bits of a point's flags in the canonical bytes. */
export const pointFlag = { detection: 1, own: 2, positive: 4, candid: 8 } as const

/** Where the fields of a point lie in other bytes, in which each field is encoded as in the canonical ones. */
type PointFields = Readonly<Record<'jd' | 'candid' | 'magnitude' | 'error' | 'fid' | 'flags', number>>

const pointBytes = 26
const alertBytes = 88 + 8 * contextFields.length
const numbersFrom = 40
const contextFrom = 88

const { h64Raw } = await xxhash()
const seed = 0x68696572617831n
/** By how well the two fields of the quality are known. */
const seeds = Array.from({ length: 9 }, (_, known) => seed + BigInt(known))

/** Reused for every point: an allocation costs as much as the hash. */
const mostSuperseded = 255
const pointScratch = Buffer.alloc(pointBytes + 8 * mostSuperseded)
const plainPoint = pointScratch.subarray(0, pointBytes)

/**
 * The canonical bytes of the point whose fields lie in `bytes` from `offset` on, with its superseded candids, ascending. Valid until
 * the next call.
 */
export function canonicalPoint(
  bytes: Uint8Array,
  offset: number,
  at: PointFields,
  superseded: readonly bigint[] = []
): Buffer {
  copy(bytes, offset + at.jd, 0, 8)
  copy(bytes, offset + at.candid, 8, 8)
  copy(bytes, offset + at.magnitude, 16, 4)
  copy(bytes, offset + at.error, 20, 4)
  copy(bytes, offset + at.fid, 24, 1)
  copy(bytes, offset + at.flags, 25, 1)
  if (superseded.length === 0) return plainPoint
  let to = pointBytes
  for (const candid of superseded) to = pointScratch.writeBigInt64LE(candid, to)
  return pointScratch.subarray(0, to)
}

/** Byte by byte: for so few, faster than any method of a buffer. */
function copy(bytes: Uint8Array, from: number, to: number, size: number): void {
  for (let index = 0; index < size; index++) pointScratch[to + index] = bytes[from + index] as number
}

/** Hash of a point: of its canonical bytes, and how well its quality is known. */
export function pointHash(canonical: Uint8Array, realBogus: Knowledge, distance: Knowledge): bigint {
  return h64Raw(canonical, seeds[3 * realBogus + distance] as bigint)
}

/**
 * What a point adds to an object's revision: 7 for every distinct candid, 1 for an upper limit, 2 for a detection known from
 * a history, 3 for one from its own packet, and for each field of its quality 1 if a history has it and 2 if its own
 * packet has it. It only grows when observations are added: a larger candid, of which less may be known, makes up for it.
 */
export function pointRevision(flags: number, superseded: number, realBogus: Knowledge, distance: Knowledge): number {
  const candids = superseded + (flags & pointFlag.candid ? 1 : 0)
  const source = flags & pointFlag.detection ? (flags & pointFlag.own ? 3 : 2) : 1
  return 7 * candids + source + realBogus + distance
}

/** Greatest number of dropped points that has a place. Histories are shorter. */
const mostDropped = 0xffff

/** Reused for every alert; a view writes several times as fast as a buffer's own methods. */
const scratch = Buffer.alloc(alertBytes)
const view = new DataView(scratch.buffer, scratch.byteOffset, alertBytes)

/** The canonical bytes of an alert's own fields. They also rank two versions of one alert. */
export function canonicalAlert(record: AlertRecord): Buffer {
  writeAlert(record)
  // From Node's pool: a memory of its own for so few bytes costs more than all that is written.
  const bytes = Buffer.allocUnsafe(alertBytes)
  bytes.set(scratch)
  return bytes
}

/** Writes the canonical bytes to `scratch`. */
function writeAlert(record: AlertRecord): void {
  view.setBigInt64(0, record.candid, true)
  view.setFloat64(8, record.jd, true)
  view.setFloat64(16, record.ra, true)
  view.setFloat64(24, record.dec, true)
  view.setInt32(32, record.programId, true)
  const { photometry } = record
  if (photometry === null) scratch.fill(0, 36)
  else {
    view.setUint8(36, 1 | (photometry.positive ? 2 : 0))
    view.setUint8(37, bands.indexOf(photometry.band) + 1)
    view.setUint16(38, Math.min(photometry.droppedPoints ?? 0, mostDropped), true)
    writeNumbers(photometry)
    const { context } = photometry
    for (let index = 0; index < contextFields.length; index++)
      view.setFloat64(contextFrom + 8 * index, context[contextFields[index] as ContextField] ?? Number.NaN, true)
  }
}

function writeNumbers(p: AlertPhotometry): void {
  const numbers = [p.magnitude, p.error, p.realBogus, p.starScore, p.starDistance, p.solarSystemDistance]
  for (let index = 0; index < numbers.length; index++)
    view.setFloat64(numbersFrom + 8 * index, numbers[index] ?? Number.NaN, true)
}

/** Hash of an alert's own fields. */
export function alertHash(record: AlertRecord): bigint {
  writeAlert(record)
  return hashOfBytes(scratch)
}

/** The hash of other bytes that are neither a point nor an alert of today. */
export function hashOfBytes(bytes: Uint8Array): bigint {
  return h64Raw(bytes, seed)
}

/** Sum of two hashes modulo 2^64. */
export function addHash(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(64, a + b)
}

/**
 * Fingerprint of the data on which a classification is based: the sum of the points' hashes, and of the hash of the alert's own fields, which
 * belong to its point in the curve but come only with its own packet. Some archives have several versions of one packet: the other versions
 * count too (also in the revision), so that two different messages never have the same rank.
 */
export function fingerprintHash(curveHash: bigint, record: AlertRecord, otherVersions: readonly bigint[]): bigint {
  return otherVersions.reduce(addHash, addHash(curveHash, alertHash(record)))
}

/** A fingerprint as it is published: 16 hex digits. */
export function fingerprintText(hash: bigint): string {
  return hash.toString(16).padStart(16, '0')
}

/**
 * The end of an id: the fingerprint, plus the hash of the revision (f64) of the points that the gates leave out, where there are some. The
 * fingerprint knows nothing of them, but the revision counts them: two messages that differ in it must have two ids.
 */
export function idText(fingerprint: bigint, hiddenRevision: number): string {
  if (hiddenRevision === 0) return fingerprintText(fingerprint)
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleLE(hiddenRevision)
  return fingerprintText(addHash(fingerprint, hashOfBytes(bytes)))
}
