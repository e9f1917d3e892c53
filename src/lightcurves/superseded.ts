import { pointLayout as at } from './layout.ts'
import { lowerBound } from './ordering.ts'

/**
 * Superseded candids: those that were seen at a point besides the one in the view, as bytes (little endian): jd f64, filter u8, candid
 * i64 each, sorted by these.
 */
export const supersededSize = 17

/** Writes a superseded candid of the point at an offset of `points`. */
export function writeSuperseded(target: Buffer, entry: number, points: Buffer, offset: number, candid: bigint): void {
  target.writeDoubleLE(points.readDoubleLE(offset + at.jd), entry)
  target[entry + 8] = points[offset + at.fid] as number
  target.writeBigInt64LE(candid, entry + 9)
}

/** The candid of an entry. */
export function supersededCandidAt(superseded: Buffer, entry: number): bigint {
  return superseded.readBigInt64LE(entry + 9)
}

/** Where the entries of the point at an offset of `points` begin and end. */
export function supersededRange(superseded: Buffer, points: Buffer, offset: number): [from: number, to: number] {
  const compare = (entry: number): number => {
    const difference = superseded.readDoubleLE(entry) - points.readDoubleLE(offset + at.jd)
    return difference !== 0 ? difference : (superseded[entry + 8] as number) - (points[offset + at.fid] as number)
  }
  const count = superseded.length / supersededSize
  const from = supersededSize * lowerBound(count, index => compare(index * supersededSize) < 0)
  let to = from
  while (to < superseded.length && compare(to) === 0) to += supersededSize
  return [from, to]
}
