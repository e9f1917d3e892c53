import { canonicalPoint, pointFlag as flag } from './fingerprint.ts'
import { pointLayout as at, nothing, origin, pointSize, type QualityField } from './layout.ts'

/* How two points of an object compare, where their merge needs it: which is first in the curve, and which knows more. */

const photometrySize = 26

/** Order of two points by time, then filter: their identity within the object. */
export function compareIdentity(a: DataView, aOffset: number, b: DataView, bOffset: number): number {
  const difference = a.getFloat64(aOffset + at.jd, true) - b.getFloat64(bOffset + at.jd, true)
  return difference !== 0 ? difference : a.getUint8(aOffset + at.fid) - b.getUint8(bOffset + at.fid)
}

/** Whether two points are the same in every byte. */
export function sameBytes(a: DataView, aOffset: number, b: DataView, bOffset: number): boolean {
  for (let at = 0; at < pointSize; at += 4) if (a.getInt32(aOffset + at) !== b.getInt32(bOffset + at)) return false
  return true
}

/** Whether the photometry of two points is the same in every byte. */
export function samePoint(a: Buffer, aOffset: number, b: Buffer, bOffset: number): boolean {
  const aFrom = aOffset + at.photometry
  const bFrom = bOffset + at.photometry
  return a.compare(b, bFrom, bFrom + photometrySize, aFrom, aFrom + photometrySize) === 0
}

/** Whether two points have the same quality from the same origin. */
export function sameQuality(a: Buffer, aOffset: number, b: Buffer, bOffset: number): boolean {
  return (
    compareQuality(a, aOffset, b, bOffset, 'realBogus') === 0 &&
    compareQuality(a, aOffset, b, bOffset, 'distance') === 0
  )
}

/**
 * Compares the images of two points of one identity: positive if that of `a` is selected, 0 if both have the same image. A detection takes
 * precedence over an upper limit, then the larger candid (a reprocessed image).
 */
export function compareImage(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const aFlags = a[aOffset + at.flags] as number
  const bFlags = b[bOffset + at.flags] as number
  if ((aFlags ^ bFlags) & flag.detection) return aFlags & flag.detection ? 1 : -1
  if ((aFlags ^ bFlags) & flag.candid) return aFlags & flag.candid ? 1 : -1
  // In halves: a big integer for every point of a history costs more than all else.
  const high = a.readInt32LE(aOffset + at.candid + 4) - b.readInt32LE(bOffset + at.candid + 4)
  return high !== 0 ? high : a.readUInt32LE(aOffset + at.candid) - b.readUInt32LE(bOffset + at.candid)
}

/**
 * Compares the photometry of two points of one image: positive if that of `a` is selected. The point's own packet takes precedence over a
 * history, then the greater canonical bytes.
 */
export function comparePhotometry(a: Buffer, aOffset: number, b: Buffer, bOffset: number): number {
  const aFlags = a[aOffset + at.flags] as number
  const bFlags = b[bOffset + at.flags] as number
  if ((aFlags ^ bFlags) & flag.own) return aFlags & flag.own ? 1 : -1
  if (samePoint(a, aOffset, b, bOffset)) return 0
  return Buffer.from(canonicalPoint(a, aOffset, at)).compare(canonicalPoint(b, bOffset, at))
}

/** Whether another point of the same image has better knowledge of the image's quality than the present one. */
export function addsQuality(present: Buffer, offset: number, other: Buffer, otherOffset: number): boolean {
  return (
    compareQuality(present, offset, other, otherOffset, 'realBogus') < 0 ||
    compareQuality(present, offset, other, otherOffset, 'distance') < 0
  )
}

/** Copies the fields of quality that another point of the same image knows better. */
export function joinQuality(target: Buffer, offset: number, other: Buffer, otherOffset: number): void {
  for (const field of ['realBogus', 'distance'] as const) {
    if (compareQuality(target, offset, other, otherOffset, field) >= 0) continue
    other.copy(target, offset + at[field], otherOffset + at[field], otherOffset + at[field] + 4)
    const bit = origin[field]
    const told = (other[otherOffset + at.origins] as number) & bit
    target[offset + at.origins] = ((target[offset + at.origins] as number) & ~bit) | told
  }
}

/** Order of one field of the quality: known over unknown, from its own packet over a history, then the greater value. */
function compareQuality(a: Buffer, aOffset: number, b: Buffer, bOffset: number, field: QualityField): number {
  const bit = origin[field]
  // The bits of floats that are not negative are ordered as they are.
  const aBits = a.readUInt32LE(aOffset + at[field])
  const bBits = b.readUInt32LE(bOffset + at[field])
  if (aBits === nothing || bBits === nothing) return (aBits === nothing ? 0 : 1) - (bBits === nothing ? 0 : 1)
  const aOrigin = (a[aOffset + at.origins] as number) & bit
  const bOrigin = (b[bOffset + at.origins] as number) & bit
  return aOrigin !== bOrigin ? aOrigin - bOrigin : aBits - bBits
}
