/**
 * How much a compressed frame can inflate to, read off its block headers without inflating it. The libraries that do
 * inflate take no limit, and some bytes of lz4 or zstd can ask for gigabytes.
 */

const lz4Magic = 0x184d2204
const lz4BlockMax: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }

/**
 * Upper bound of the inflated size of an LZ4 frame, bytes: its blocks times the greatest size of a block
 * (lz4_Frame_format.md, "General Structure of LZ4 Frame format").
 * @throws {Error} when it is no LZ4 frame or ends early.
 */
export function lz4OutputBound(frame: Buffer): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== lz4Magic) throw new Error('it is no LZ4 frame')
  const flags = frame.readUInt8(4)
  const blockMax = lz4BlockMax[(frame.readUInt8(5) >> 4) & 7]
  if (blockMax === undefined) throw new Error('its greatest block size is unknown')
  const blockChecksum = (flags & 0x10) !== 0 ? 4 : 0
  const contentSize = (flags & 0x08) !== 0 ? 8 : 0
  const dictionary = (flags & 0x01) !== 0 ? 4 : 0
  let blocks = 0
  for (let at = 7 + contentSize + dictionary; ; blocks++) {
    if (at + 4 > frame.length) throw new Error('it ends early')
    const size = frame.readUInt32LE(at) & 0x7fffffff
    if (size === 0) return blocks * blockMax
    at += 4 + size + blockChecksum
  }
}

const zstdMagic = 0xfd2fb528
const zstdSkippable = 0x184d2a50
const zstdBlockMax = 128 * 1024
const dictionaryIdBytes = [0, 1, 2, 4]
const contentSizeBytes = [0, 2, 4, 8]

/** Length of a zstd frame's header, magic number included (RFC 8878, 3.1.1.1). */
function zstdHeaderLength(descriptor: number): number {
  const singleSegment = (descriptor & 0x20) !== 0
  const contentSize = contentSizeBytes[descriptor >> 6] || (singleSegment ? 1 : 0)
  return 5 + (singleSegment ? 0 : 1) + (dictionaryIdBytes[descriptor & 3] ?? 0) + contentSize
}

/** Walks over the blocks of one frame: its end and the bound of its inflated size. */
function zstdFrame(bytes: Buffer, start: number): { end: number; bound: number } {
  const descriptor = bytes.readUInt8(start + 4)
  let at = start + zstdHeaderLength(descriptor)
  for (let bound = 0; ; ) {
    if (at + 3 > bytes.length) throw new Error('it ends early')
    const header = bytes.readUIntLE(at, 3)
    const size = header >> 3
    const type = (header >> 1) & 3
    if (type === 3) throw new Error('a block is of an unknown type')
    // 0 raw: as it is; 1 run: one byte, `size` times; 2 compressed: at most the greatest size of a block.
    bound += type === 2 ? zstdBlockMax : size
    at += 3 + (type === 1 ? 1 : size)
    if ((header & 1) === 1) return { end: at + ((descriptor & 4) !== 0 ? 4 : 0), bound }
  }
}

/**
 * Upper bound of the inflated size of one or more zstd frames, bytes (RFC 8878, 3.1.1.2).
 * @throws {Error} when they are no zstd frames or end early.
 */
export function zstdOutputBound(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length) throw new Error('it ends early')
    const magic = bytes.readUInt32LE(at)
    if ((magic & 0xfffffff0) >>> 0 === zstdSkippable) {
      at += 8 + bytes.readUInt32LE(at + 4)
      continue
    }
    if (magic !== zstdMagic) throw new Error('it is no zstd frame')
    const { end, bound } = zstdFrame(bytes, at)
    if (end > bytes.length) throw new Error('it ends early')
    total += bound
    at = end
  }
  return total
}
