import xxhash from 'xxhash-wasm'
import type { FilterId, Observation } from './observation.ts'

/**
 * A point as bytes (little endian): jd f64 · candid i64 · magnitude f32 · error f32 · fid u8 · flags u8, and in a stored
 * curve the number of further candids seen u16. The first `comparedSize` bytes are the point itself.
 */
export const pointSize = 28
const comparedSize = 26

const flag = { detection: 1, own: 2, positive: 4, candid: 8 } as const

const { h64Raw } = await xxhash()
const hashSeed = 0x68696572617831n
const noCandid = -1n

/** Writes an observation at an offset, with no further candids. */
export function writePoint(target: Buffer, offset: number, observation: Observation): void {
  const { candid, detection } = observation
  target.writeDoubleLE(observation.jd, offset)
  target.writeBigInt64LE(candid ?? 0n, offset + 8)
  target.writeFloatLE(observation.magnitude, offset + 16)
  target.writeFloatLE(detection ? observation.error : 0, offset + 20)
  target[offset + 24] = observation.fid
  target[offset + 25] =
    (detection ? flag.detection : 0) |
    (observation.own ? flag.own : 0) |
    (detection && observation.positive ? flag.positive : 0) |
    (candid === null ? 0 : flag.candid)
  target.writeUInt16LE(0, offset + 26)
}

/** Reads the observation at an offset. */
export function readPoint(source: Buffer, offset: number): Observation {
  const flags = source[offset + 25] as number
  return {
    jd: source.readDoubleLE(offset),
    fid: source[offset + 24] as FilterId,
    detection: (flags & flag.detection) !== 0,
    own: (flags & flag.own) !== 0,
    positive: (flags & flag.positive) !== 0,
    candid: (flags & flag.candid) === 0 ? null : source.readBigInt64LE(offset + 8),
    magnitude: source.readFloatLE(offset + 16),
    error: source.readFloatLE(offset + 20)
  }
}

/** Whether the point at an offset is a detection. */
export function isDetection(source: Buffer, offset: number): boolean {
  return ((source[offset + 25] as number) & flag.detection) !== 0
}

/** The candid of the point at an offset; null where it has none. */
export function candidAt(source: Buffer, offset: number): bigint | null {
  return ((source[offset + 25] as number) & flag.candid) === 0 ? null : source.readBigInt64LE(offset + 8)
}

/** Number of distinct candids seen at this point besides its own. */
export function furtherCandids(source: Buffer, offset: number): number {
  return source.readUInt16LE(offset + 26)
}

/** Sets the number of distinct candids seen besides the point's own. */
export function setFurtherCandids(target: Buffer, offset: number, count: number): void {
  target.writeUInt16LE(count, offset + 26)
}

/** Order of two points by time, then filter: their identity within the object. */
export function compareIdentity(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const difference = a.readDoubleLE(aOffset) - b.readDoubleLE(bOffset)
  return difference !== 0 ? difference : (a[aOffset + 24] as number) - (b[bOffset + 24] as number)
}

/** Whether two points are the same in every byte (further candids apart). */
export function samePoint(a: Buffer, aOffset: number, b: Buffer, bOffset: number): boolean {
  return a.compare(b, bOffset, bOffset + comparedSize, aOffset, aOffset + comparedSize) === 0
}

/**
 * Which of two points of one identity stands in the view; positive where `a` does. A detection beats an upper limit, then
 * the larger candid (a reprocessed image), then the point's own packet over a history, then the greater bytes.
 */
export function compareRank(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const aFlags = a[aOffset + 25] as number
  const bFlags = b[bOffset + 25] as number
  if ((aFlags ^ bFlags) & flag.detection) return aFlags & flag.detection ? 1 : -1
  const aCandid = candidAt(a, aOffset) ?? noCandid
  const bCandid = candidAt(b, bOffset) ?? noCandid
  if (aCandid !== bCandid) return aCandid > bCandid ? 1 : -1
  if ((aFlags ^ bFlags) & flag.own) return aFlags & flag.own ? 1 : -1
  return a.compare(b, bOffset, bOffset + comparedSize, aOffset, aOffset + comparedSize)
}

/**
 * What the point adds to an object's revision: 1 for an upper limit, 2 for a detection known from a history, 3 for one
 * from its own packet, and 3 for every distinct candid beyond the first. It only grows when observations are added.
 */
export function revisionOf(source: Buffer, offset: number): number {
  const flags = source[offset + 25] as number
  const distinct = (flags & flag.candid ? 1 : 0) + furtherCandids(source, offset)
  const origin = flags & flag.detection ? (flags & flag.own ? 3 : 2) : 1
  return 3 * Math.max(0, distinct - 1) + origin
}

/**
 * 64-bit hash of a point and of the further candids seen of it (ascending). Points' hashes are summed modulo 2^64, so
 * that a light curve's hash is updated without rereading the curve.
 */
export function hashPoint(source: Buffer, offset: number, further: readonly bigint[]): bigint {
  if (further.length === 0) return h64Raw(source.subarray(offset, offset + comparedSize), hashSeed)
  const bytes = Buffer.alloc(comparedSize + 8 * further.length)
  source.copy(bytes, 0, offset, offset + comparedSize)
  further.forEach((candid, index) => {
    bytes.writeBigInt64LE(candid, comparedSize + 8 * index)
  })
  return h64Raw(bytes, hashSeed)
}

/** 64-bit hash of arbitrary bytes, as used for points. */
export function hashBytes(bytes: Uint8Array): bigint {
  return h64Raw(bytes, hashSeed)
}

/** Sum of two hashes modulo 2^64. */
export function addHash(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(64, a + b)
}
