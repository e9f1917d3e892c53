import { crc32, inflateRawSync } from 'node:zlib'
import { inflateSnappy, snappyPreamble } from '../compression/snappy.ts'
import { HieraxError, shown } from '../errors.ts'

/** Inflates a block to at most `maxBytes`. Throws INFLATED_TOO_LARGE or CORRUPT_BLOCK. */
export type Inflate = (block: Buffer, maxBytes: number) => Buffer

/** How the blocks of a container are inflated; null where they are stored as they are. Throws UNKNOWN_CODEC. */
export function codecOf(name: string): Inflate | null {
  if (name === 'null') return null
  if (name === 'deflate') return inflateDeflate
  if (name === 'snappy') return inflateChecked
  throw new HieraxError('UNKNOWN_CODEC', `avro.codec is ${shown(name)}, not null, deflate or snappy`)
}

/** Avro's deflate: a raw stream without zlib's header. */
function inflateDeflate(block: Buffer, maxBytes: number): Buffer {
  // zlib wants at least one byte of output.
  if (maxBytes < 1) throw tooLarge(maxBytes)
  try {
    return inflateRawSync(block, { maxOutputLength: maxBytes })
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(maxBytes)
    throw new HieraxError('CORRUPT_BLOCK', 'a block is not a deflate stream', { cause })
  }
}

/** Avro's snappy: a raw block, then the CRC-32 of the inflated bytes, big-endian. */
function inflateChecked(block: Buffer, maxBytes: number): Buffer {
  if (block.length < 5)
    throw new HieraxError('CORRUPT_BLOCK', `a snappy block of ${block.length} bytes has no checksum`)
  const stream = block.subarray(0, block.length - 4)
  const claimed = snappyPreamble(stream)
  if (claimed !== null && claimed.length > maxBytes) throw tooLarge(maxBytes)
  const inflated = inflateSnappy(stream)
  if (inflated === null) throw new HieraxError('CORRUPT_BLOCK', 'a block is not a snappy stream')
  if (crc32(inflated) !== block.readUInt32BE(stream.length)) {
    throw new HieraxError('CORRUPT_BLOCK', 'the checksum of a snappy block does not match')
  }
  return inflated
}

function tooLarge(maxBytes: number): HieraxError {
  return new HieraxError('INFLATED_TOO_LARGE', `the blocks inflate to more than the ${maxBytes} bytes that remain`)
}
