/**
 * Candids that were seen at a point besides the one in the view, as bytes (little endian): jd f64 · fid u8 · candid i64
 * each, sorted by (`jd`, `fid`, `candid`).
 */
export const furtherSize = 17

/** Writes a further candid of the point that stands at an offset of `points`. */
export function writeFurther(target: Buffer, at: number, points: Buffer, offset: number, candid: bigint): void {
  target.writeDoubleLE(points.readDoubleLE(offset), at)
  target[at + 8] = points[offset + 24] as number
  target.writeBigInt64LE(candid, at + 9)
}

/** The candid of an entry. */
export function furtherCandidAt(further: Buffer, at: number): bigint {
  return further.readBigInt64LE(at + 9)
}

/** Where the entries of the point at an offset of `points` begin and end, by bisection. */
export function furtherOf(further: Buffer, points: Buffer, offset: number): [from: number, to: number] {
  const from = firstNotBefore(further, points, offset)
  let to = from
  while (to < further.length && compare(further, to, points, offset) === 0) to += furtherSize
  return [from, to]
}

function firstNotBefore(further: Buffer, points: Buffer, offset: number): number {
  let low = 0
  let high = further.length / furtherSize
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(further, middle * furtherSize, points, offset) < 0) low = middle + 1
    else high = middle
  }
  return low * furtherSize
}

function compare(further: Buffer, at: number, points: Buffer, offset: number): number {
  const difference = further.readDoubleLE(at) - points.readDoubleLE(offset)
  return difference !== 0 ? difference : (further[at + 8] as number) - (points[offset + 24] as number)
}
