import zlib, { crc32, inflateRawSync, type ZlibOptions } from 'node:zlib'
import { Cursor, type CursorCodes } from '../../avro/cursor.ts'
import { inflateSnappy, snappyPreamble } from '../../compression/snappy.ts'
import { HieraxError, shown } from '../../errors.ts'
import type { DecoderLimits } from './limits.ts'

/** Inflates a block to at most `maxBytes`. Throws INFLATED_TOO_LARGE or CORRUPT_BLOCK. */
type Inflate = (block: Buffer, maxBytes: number) => Buffer

/** An Avro object container file whose header has been read. */
export interface Container {
  /** Text of the writer schema, a view of the container's bytes. */
  readonly schema: Buffer
  readonly inflate: Inflate | null
  /** Where the blocks begin. */
  readonly cursor: Cursor
  readonly sync: Buffer
}

/** A decompressed block of records. The cursor covers exactly its bytes. */
export interface Block {
  /** Number of records that the block claims. */
  readonly count: number
  readonly cursor: Cursor
}

const magic = Buffer.from('Obj\x01', 'latin1')
const syncBytes = 16
const headerCodes: CursorCodes = { overrun: 'TRUNCATED', corrupt: 'CORRUPT_BLOCK' }
/** Codes within a block. A block is complete, so a record that exceeds it does not match its schema. */
export const recordCodes: CursorCodes = { overrun: 'CORRUPT_RECORD', corrupt: 'CORRUPT_RECORD' }

/** Whether a value is an Avro object container file, or the beginning of one. */
export function isContainer(value: Uint8Array): boolean {
  const length = Math.min(value.length, magic.length)
  return magic.compare(value, 0, length, 0, length) === 0
}

/**
 * Reads the header of a container. Throws TRUNCATED, RECORD_TOO_LARGE (for the size of the container), SCHEMA_TOO_LARGE,
 * SCHEMA_INVALID (if there is no schema), UNKNOWN_CODEC, CORRUPT_BLOCK.
 */
export function openContainer(buffer: Buffer, limits: DecoderLimits): Container {
  if (buffer.length > limits.maxBytes) {
    throw new HieraxError('RECORD_TOO_LARGE', `the container has ${buffer.length} bytes, more than ${limits.maxBytes}`)
  }
  const cursor = new Cursor(buffer, headerCodes)
  cursor.skip(magic.length)
  const { schema, codec } = readMetadata(cursor)
  if (schema === null) throw new HieraxError('SCHEMA_INVALID', 'the container has no avro.schema')
  const start = cursor.position
  cursor.skip(syncBytes)
  return { schema, inflate: codecOf(codec), cursor, sync: buffer.subarray(start, cursor.position) }
}

function readMetadata(cursor: Cursor): { schema: Buffer | null; codec: string } {
  let schema: Buffer | null = null
  let codec = 'null'
  for (;;) {
    let entries = cursor.long()
    if (entries === 0) return { schema, codec }
    if (entries < 0) {
      entries = -entries
      cursor.length()
    }
    for (let i = 0; i < entries; i++) {
      const key = readBytes(cursor).toString('latin1', 0, 32)
      const value = readBytes(cursor)
      if (key === 'avro.schema') schema = value
      else if (key === 'avro.codec') codec = value.toString('latin1', 0, 32)
    }
  }
}

function readBytes(cursor: Cursor): Buffer {
  const length = cursor.length()
  const start = cursor.position
  cursor.skip(length)
  return cursor.bytes.subarray(start, cursor.position)
}

/**
 * The blocks of a container in order. Throws TRUNCATED, CORRUPT_BLOCK, TOO_MANY_RECORDS, INFLATED_TOO_LARGE, and EMPTY_CONTAINER
 * if there are no records.
 */
export function* readBlocks(container: Container, limits: DecoderLimits): Generator<Block> {
  const { cursor } = container
  let records = 0
  let blocks = 0
  let inflatable = limits.maxInflatedBytes
  while (cursor.remaining > 0) {
    const count = cursor.long()
    if (count < 0) throw cursor.corrupt(`a block claims ${count} records`)
    records += count
    // The number of blocks is limited as well, because a block may have no records.
    if (records > limits.maxRecords || ++blocks > limits.maxRecords) {
      const message = `the container claims ${records} records in ${blocks} blocks, more than ${limits.maxRecords}`
      throw new HieraxError('TOO_MANY_RECORDS', message)
    }
    const length = cursor.length()
    const start = cursor.position
    cursor.skip(length)
    checkSync(container)
    const stored = cursor.bytes.subarray(start, start + length)
    const block = container.inflate === null ? stored : container.inflate(stored, inflatable)
    if (container.inflate !== null) inflatable -= block.length
    yield { count, cursor: new Cursor(block, recordCodes) }
  }
  if (records === 0) throw new HieraxError('EMPTY_CONTAINER', 'the container has no record')
}

function checkSync({ cursor, sync }: Container): void {
  const start = cursor.position
  cursor.skip(syncBytes)
  // Compared in place, without a view for every block.
  if (cursor.bytes.compare(sync, 0, syncBytes, start, start + syncBytes) !== 0) {
    throw cursor.corrupt(`a block does not end with the container's sync marker`)
  }
}

type InflateSync = (block: Buffer, options: ZlibOptions & { readonly params?: Record<number, number> }) => Buffer

/** Node has it from 22.15 and 23.8 on. */
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: InflateSync }
/** ZSTD_d_windowLogMax: a frame names the memory that it needs, here at most 2^24 bytes. */
const zstdParams = { 100: 24 }

/** The codecs of compressed blocks. Deflate is a raw stream without the zlib header. */
const codecs: ReadonlyMap<string, Inflate> = new Map([
  ['deflate', bounded('deflate', inflateRawSync)],
  ['snappy', inflateChecked],
  ...(zstdDecompressSync ? [['zstandard', bounded('Zstandard', zstdDecompressSync, zstdParams)] as const] : [])
])

/** The decompressor for a codec; null for uncompressed blocks. Throws UNKNOWN_CODEC. */
function codecOf(name: string): Inflate | null {
  if (name === 'null') return null
  const codec = codecs.get(name)
  if (codec !== undefined) return codec
  const known = `not null, ${[...codecs.keys()].join(', ').replace(/, (\w+)$/, ' or $1')}`
  const needs = `which needs Node 22.15 or later: this is ${process.version}`
  throw new HieraxError('UNKNOWN_CODEC', `avro.codec is ${shown(name)}, ${name === 'zstandard' ? needs : known}`)
}

/** A decompressor of Node that stops at a number of bytes. */
function bounded(name: string, inflate: InflateSync, params: Record<number, number> = {}): Inflate {
  return (block, maxBytes) => {
    // zlib requires room for at least one byte.
    if (maxBytes < 1) throw tooLarge(maxBytes)
    try {
      return inflate(block, { maxOutputLength: maxBytes, params })
    } catch (cause) {
      if (cause instanceof RangeError) throw tooLarge(maxBytes)
      throw new HieraxError('CORRUPT_BLOCK', `a block is not a ${name} stream`, { cause })
    }
  }
}

/** Avro's snappy codec: a raw block followed by the CRC-32 of the decompressed bytes, big-endian. */
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
