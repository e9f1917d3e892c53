/** CRC-32C (Castagnoli), its bits reversed. */
const polynomial = 0x82f63b78

/** Table of how one byte, followed by `zeros` zero bytes, changes the checksum. */
function tableOf(zeros: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte
    for (let bit = 0; bit < 8 * (zeros + 1); bit++) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0)
    return sum
  })
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = [0, 1, 2, 3, 4, 5, 6, 7].map(tableOf) as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array
]

/** Adds the bytes from `start` to `end` one by one. */
function addBytes(checksum: number, bytes: Uint8Array, start: number, end: number): number {
  let sum = checksum
  for (let at = start; at < end; at++) sum = t0[(sum ^ bytes[at]!) & 0xff]! ^ (sum >>> 8)
  return sum
}

/** The CRC-32C of bytes, unsigned, computed for eight bytes at a time ("slicing by 8"). Assumes a little-endian machine. */
export function crc32c(bytes: Uint8Array): number {
  if (bytes.length < 16) return ~addBytes(-1, bytes, 0, bytes.length) >>> 0
  // Words must be aligned.
  const start = (4 - (bytes.byteOffset & 3)) & 3
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, ((bytes.length - start) >>> 3) * 2)
  let sum = addBytes(-1, bytes, 0, start)
  for (let i = 0; i < words.length; i += 2) {
    const low = sum ^ words[i]!
    const high = words[i + 1]!
    sum =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[high & 0xff]! ^
      t2[(high >>> 8) & 0xff]! ^
      t1[(high >>> 16) & 0xff]! ^
      t0[high >>> 24]!
  }
  return ~addBytes(sum, bytes, start + words.byteLength, bytes.length) >>> 0
}
