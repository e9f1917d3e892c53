import xxhash from 'xxhash-wasm'
import type { FilterId, Observation } from './observation.ts'

/**
 * A point as bytes (little endian): jd f64 · candid i64 · magnitude f32 · error f32 · fid u8 · flags u8 · in a stored curve the
 * number of further candids seen u8 · origins of the quality u8 · real–bogus f32 · solar-system distance f32 (NaN: null). The
 * first `comparedSize` bytes are the photometry.
 */
export const pointSize = 36
const comparedSize = 26
const furtherAt = 26
const originsAt = 27
/** The two fields of a point's quality: where each is, and the bit of `origins` that says that its own packet told it. */
const realBogusAt = 28
const distanceAt = 32
const origin = { realBogus: 1, distance: 2 } as const

const flag = { detection: 1, own: 2, positive: 4, candid: 8 } as const

/** The one NaN that stands for null. */
const nothing = 0x7fc00000

const { h64Raw } = await xxhash()
const hashSeed = 0x68696572617831n
/** By how well the two fields of the quality are known. */
const hashSeeds = Array.from({ length: 9 }, (_, known) => hashSeed + BigInt(known))

/** A view of a buffer's bytes, by which points are written: several times as fast as the buffer's own methods. */
export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}

/** Writes an observation at an offset, with no further candids. */
export function writePoint(target: DataView, offset: number, observation: Observation): void {
  const { candid, detection, own } = observation
  target.setFloat64(offset, observation.jd, true)
  target.setBigInt64(offset + 8, candid ?? 0n, true)
  target.setFloat32(offset + 16, observation.magnitude, true)
  target.setFloat32(offset + 20, detection ? observation.error : 0, true)
  target.setUint8(offset + 24, observation.fid)
  const flags =
    (detection ? flag.detection : 0) |
    (own ? flag.own : 0) |
    (detection && observation.positive ? flag.positive : 0) |
    (candid === null ? 0 : flag.candid)
  target.setUint8(offset + 25, flags)
  target.setUint8(offset + furtherAt, 0)
  const realBogus = detection ? observation.realBogus : null
  const distance = detection ? observation.solarSystemDistance : null
  const told = (realBogus === null ? 0 : origin.realBogus) | (distance === null ? 0 : origin.distance)
  target.setUint8(offset + originsAt, own ? told : 0)
  if (realBogus === null) target.setUint32(offset + realBogusAt, nothing, true)
  else target.setFloat32(offset + realBogusAt, realBogus, true)
  if (distance === null) target.setUint32(offset + distanceAt, nothing, true)
  else target.setFloat32(offset + distanceAt, distance, true)
}

/** Reads the observation at an offset. Its quality is given wherever it comes from. */
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
    error: source.readFloatLE(offset + 20),
    realBogus: readNullable(source, offset + realBogusAt),
    solarSystemDistance: readNullable(source, offset + distanceAt)
  }
}

/**
 * The observations that make the point at an offset, but for its further candids: one, or two where a part of the quality
 * of a point of its own packet comes from a history.
 */
export function observationsOf(source: Buffer, offset: number): Observation[] {
  const point = readPoint(source, offset)
  const origins = source[offset + originsAt] as number
  const realBogusOwn = point.realBogus === null || (origins & origin.realBogus) !== 0
  const distanceOwn = point.solarSystemDistance === null || (origins & origin.distance) !== 0
  if (!point.own || (realBogusOwn && distanceOwn)) return [point]
  const own = {
    realBogus: realBogusOwn ? point.realBogus : null,
    solarSystemDistance: distanceOwn ? point.solarSystemDistance : null
  }
  const history = {
    realBogus: realBogusOwn ? null : point.realBogus,
    solarSystemDistance: distanceOwn ? null : point.solarSystemDistance
  }
  return [
    { ...point, ...own },
    { ...point, own: false, ...history }
  ]
}

/** Makes a point of record versions 1 and 2 one of today's whose quality is not known; it has at most 255 further candids. */
export function widenPoint(target: Buffer, offset: number, old: Buffer, oldOffset: number, further: number): void {
  old.copy(target, offset, oldOffset, oldOffset + comparedSize)
  target[offset + furtherAt] = further
  target[offset + originsAt] = 0
  target.writeUInt32LE(nothing, offset + realBogusAt)
  target.writeUInt32LE(nothing, offset + distanceAt)
}

/** Whether the point at an offset is a detection. */
export function isDetection(source: Buffer, offset: number): boolean {
  return ((source[offset + 25] as number) & flag.detection) !== 0
}

/** The candid of the point at an offset; null where it has none. */
export function candidAt(source: Buffer, offset: number): bigint | null {
  return ((source[offset + 25] as number) & flag.candid) === 0 ? null : source.readBigInt64LE(offset + 8)
}

/** The real–bogus score of the point at an offset; NaN where it is not known. */
export function realBogusOf(source: DataView, offset: number): number {
  return source.getFloat32(offset + realBogusAt, true)
}

/** The solar-system distance of the point at an offset; NaN where there is none. */
export function solarSystemDistanceOf(source: DataView, offset: number): number {
  return source.getFloat32(offset + distanceAt, true)
}

/** Number of distinct candids seen at this point besides its own. */
export function furtherCandids(source: Buffer, offset: number): number {
  return source[offset + furtherAt] as number
}

/** Sets the number of distinct candids seen besides the point's own. */
export function setFurtherCandids(target: Buffer, offset: number, count: number): void {
  target[offset + furtherAt] = count
}

/** Order of two points by time, then filter: their identity within the object. */
export function compareIdentity(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const difference = a.readDoubleLE(aOffset) - b.readDoubleLE(bOffset)
  return difference !== 0 ? difference : (a[aOffset + 24] as number) - (b[bOffset + 24] as number)
}

/** Whether the photometry of two points is the same in every byte. */
export function samePoint(a: Buffer, aOffset: number, b: Buffer, bOffset: number): boolean {
  return a.compare(b, bOffset, bOffset + comparedSize, aOffset, aOffset + comparedSize) === 0
}

/** Whether two points have the same quality from the same origin. */
export function sameQuality(a: Buffer, aOffset: number, b: Buffer, bOffset: number): boolean {
  return (
    compareQuality(a, aOffset, b, bOffset, 'realBogus') === 0 &&
    compareQuality(a, aOffset, b, bOffset, 'distance') === 0
  )
}

/**
 * Which of two points of one identity stands by its image; positive where `a` does, 0 where they are of one image. A detection
 * beats an upper limit, then the larger candid (a reprocessed image).
 */
export function compareImage(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const aFlags = a[aOffset + 25] as number
  const bFlags = b[bOffset + 25] as number
  if ((aFlags ^ bFlags) & flag.detection) return aFlags & flag.detection ? 1 : -1
  if ((aFlags ^ bFlags) & flag.candid) return aFlags & flag.candid ? 1 : -1
  // In halves: a big integer for every point of a history costs more than all else.
  const high = a.readInt32LE(aOffset + 12) - b.readInt32LE(bOffset + 12)
  return high !== 0 ? high : a.readUInt32LE(aOffset + 8) - b.readUInt32LE(bOffset + 8)
}

/** Which photometry of one image stands; positive where that of `a` does. The point's own packet over a history, then the greater bytes. */
export function comparePhotometry(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const aFlags = a[aOffset + 25] as number
  const bFlags = b[bOffset + 25] as number
  if ((aFlags ^ bFlags) & flag.own) return aFlags & flag.own ? 1 : -1
  return a.compare(b, bOffset, bOffset + comparedSize, aOffset, aOffset + comparedSize)
}

/** Whether a point knows more about the quality of its image than another of the same image. */
export function addsQuality(present: Buffer, offset: number, other: Buffer, otherOffset: number): boolean {
  return (
    compareQuality(present, offset, other, otherOffset, 'realBogus') < 0 ||
    compareQuality(present, offset, other, otherOffset, 'distance') < 0
  )
}

/** Takes into a point what another of the same image knows better of its quality. */
export function joinQuality(target: Buffer, offset: number, other: Buffer, otherOffset: number): void {
  for (const field of ['realBogus', 'distance'] as const) {
    if (compareQuality(target, offset, other, otherOffset, field) >= 0) continue
    const at = field === 'realBogus' ? realBogusAt : distanceAt
    other.copy(target, offset + at, otherOffset + at, otherOffset + at + 4)
    const bit = origin[field]
    const told = (other[otherOffset + originsAt] as number) & bit
    target[offset + originsAt] = ((target[offset + originsAt] as number) & ~bit) | told
  }
}

/** Order of one field of the quality: known over unknown, from its own packet over a history, then the greater value. */
function compareQuality(
  a: Buffer,
  aOffset: number,
  b: Buffer,
  bOffset: number,
  field: 'realBogus' | 'distance'
): number {
  const at = field === 'realBogus' ? realBogusAt : distanceAt
  const bit = origin[field]
  // The bits of floats that are not negative are ordered as they are.
  const aBits = a.readUInt32LE(aOffset + at)
  const bBits = b.readUInt32LE(bOffset + at)
  if (aBits === nothing || bBits === nothing) return (aBits === nothing ? 0 : 1) - (bBits === nothing ? 0 : 1)
  const aOrigin = (a[aOffset + originsAt] as number) & bit
  const bOrigin = (b[bOffset + originsAt] as number) & bit
  return aOrigin !== bOrigin ? aOrigin - bOrigin : aBits - bBits
}

/**
 * What the point adds to an object's revision: 7 for every distinct candid, 1 for an upper limit, 2 for a detection known from
 * a history, 3 for one from its own packet, and for each field of its quality 1 where a history told it and 2 where its own
 * packet did. It only grows when observations are added: a larger candid, of which less may be known, makes up for it.
 */
export function revisionOf(source: Buffer, offset: number): number {
  const flags = source[offset + 25] as number
  const distinct = (flags & flag.candid ? 1 : 0) + furtherCandids(source, offset)
  const from = flags & flag.detection ? (flags & flag.own ? 3 : 2) : 1
  return 7 * distinct + from + knownOf(source, offset, 'realBogus') + knownOf(source, offset, 'distance')
}

/** How well a field of the quality is known: 0 not at all, 1 from a history, 2 from the point's own packet. */
function knownOf(source: Buffer, offset: number, field: 'realBogus' | 'distance'): number {
  const at = field === 'realBogus' ? realBogusAt : distanceAt
  if (source.readUInt32LE(offset + at) === nothing) return 0
  return (source[offset + originsAt] as number) & origin[field] ? 2 : 1
}

/**
 * 64-bit hash of a point's photometry, of how well its quality is known, and of the further candids seen of it (ascending): of all that
 * its revision counts. Where nothing is known of the quality it is the hash of earlier records. Points' hashes are summed modulo
 * 2^64, so that a light curve's hash is updated without rereading the curve.
 */
export function hashPoint(source: Buffer, offset: number, further: readonly bigint[]): bigint {
  const known = 3 * knownOf(source, offset, 'realBogus') + knownOf(source, offset, 'distance')
  const seed = hashSeeds[known] as bigint
  if (further.length === 0) return h64Raw(source.subarray(offset, offset + comparedSize), seed)
  const bytes = Buffer.alloc(comparedSize + 8 * further.length)
  source.copy(bytes, 0, offset, offset + comparedSize)
  further.forEach((candid, index) => {
    bytes.writeBigInt64LE(candid, comparedSize + 8 * index)
  })
  return h64Raw(bytes, seed)
}

/** 64-bit hash of arbitrary bytes, as used for points. */
export function hashBytes(bytes: Uint8Array): bigint {
  return h64Raw(bytes, hashSeed)
}

/** Sum of two hashes modulo 2^64. */
export function addHash(a: bigint, b: bigint): bigint {
  return BigInt.asUintN(64, a + b)
}

function readNullable(source: Buffer, at: number): number | null {
  const value = source.readFloatLE(at)
  return Number.isNaN(value) ? null : value
}
