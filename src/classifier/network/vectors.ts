/*
 * Small arrays of numbers, zeros at first. They are parts of larger memory, as one of its own for each costs more than all that is
 * computed in it.
 */
const blockBytes = 8192

let block = new ArrayBuffer(0)
let used = 0

/** Zeros in double precision. */
export function doubles(length: number): Float64Array {
  const place = placeOf(8 * length)
  return new Float64Array(block, place, length)
}

/** Zeros in single precision. */
export function singles(length: number): Float32Array {
  const place = placeOf(4 * length)
  return new Float32Array(block, place, length)
}

/** Offset of free memory in the block, which is replaced before it is full. */
function placeOf(bytes: number): number {
  const size = Math.ceil(bytes / 8) * 8
  if (used + size > block.byteLength) {
    block = new ArrayBuffer(Math.max(blockBytes, size))
    used = 0
  }
  used += size
  return used - size
}
