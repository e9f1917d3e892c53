import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import kafkajs from 'kafkajs'
import type { ZstdStreaming } from 'zstd-codec'
import { type Compression, compressors } from '../../../compression/compressors.ts'
import { inflateSnappy, snappyPreamble } from '../../../compression/snappy.ts'
import { openZstd } from '../../../compression/zstd.ts'
import { HieraxError } from '../../../errors.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** Maximum inflated size of one compressed record batch, bytes. */
export const maxInflatedBytes = 128 * 1024 * 1024

function assertBounded(bytes: number): void {
  if (bytes > maxInflatedBytes) throw new Error(`it inflates to more than ${maxInflatedBytes} bytes`)
}

function decompressGzip(bytes: Buffer): Promise<Buffer> {
  return promisify(gunzip)(bytes, { maxOutputLength: maxInflatedBytes })
}

/** Magic number of snappy-java's framing; the version and the oldest compatible version follow, 4 bytes each. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const xerialHeaderBytes = 16

function inflateBlock(block: Buffer, limit: number): Buffer {
  if ((snappyPreamble(block)?.length ?? 0) > limit) assertBounded(Number.POSITIVE_INFINITY)
  const inflated = inflateSnappy(block)
  if (inflated === null) throw new Error('a snappy block is damaged')
  return inflated
}

function inflateXerial(bytes: Buffer): Buffer {
  const blocks: Buffer[] = []
  let total = 0
  for (let at = xerialHeaderBytes; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw new Error('a block is truncated before its length field')
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new Error('a block is longer than the remaining bytes')
    const block = inflateBlock(bytes.subarray(at + 4, end), maxInflatedBytes - total)
    total += block.length
    blocks.push(block)
    at = end
  }
  return Buffer.concat(blocks, total)
}

async function decompressSnappy(bytes: Buffer): Promise<Buffer> {
  const framed = bytes.subarray(0, xerialMagic.length).equals(xerialMagic)
  return framed ? inflateXerial(bytes) : inflateBlock(bytes, maxInflatedBytes)
}

async function decompressLz4(bytes: Buffer): Promise<Buffer> {
  assertBounded(lz4OutputBound(bytes))
  const { decompressFrame } = await import('lz4-napi')
  return decompressFrame(bytes)
}

let zstd: Promise<ZstdStreaming> | null = null

/** Loads the WebAssembly module for the first batch, and again after an exception. */
async function decompressZstd(bytes: Buffer): Promise<Buffer> {
  const bound = zstdOutputBound(bytes)
  assertBounded(bound)
  zstd ??= openZstd()
  const streaming = await zstd
  let inflated: Uint8Array | null
  try {
    inflated = streaming.decompressChunks(pieces(bytes), bound)
  } catch (error) {
    zstd = null
    throw error
  }
  if (inflated === null) throw new Error('the frame is damaged')
  return Buffer.from(inflated.buffer, inflated.byteOffset, inflated.byteLength)
}

/** Splits the bytes into pieces that fit into the module's memory. */
function* pieces(bytes: Buffer): Generator<Uint8Array> {
  const size = 512 * 1024
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/**
 * Decompresses the records of a batch, for each of Kafka's compressions. Rejects when the bytes are damaged or would
 * inflate to more than {@link maxInflatedBytes}.
 */
export const decompressors = {
  gzip: decompressGzip,
  snappy: decompressSnappy,
  lz4: decompressLz4,
  zstd: decompressZstd
} as const

/** The compression types of kafkajs. */
export const compressionTypes = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
} as const satisfies Record<Compression, number>

/** Adds the compression to the error, which appears in the log when the consumer crashes. */
async function decompress(name: keyof typeof decompressors, bytes: Buffer): Promise<Buffer> {
  try {
    return await decompressors[name](bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `A record batch could not be inflated by ${name}: ${reason}`
    throw new HieraxError('KAFKA_BATCH_UNREADABLE', message, { cause })
  }
}

/**
 * Inflates the records of a batch whose attributes have this compression code (1 to 4).
 * Rejects with KAFKA_BATCH_UNREADABLE if the code is unknown or the bytes are damaged.
 */
export async function inflateRecords(code: number, bytes: Buffer): Promise<Buffer> {
  const name = names.find(name => compressionTypes[name] === code)
  if (name === undefined) throw new HieraxError('KAFKA_BATCH_UNREADABLE', `Compression code ${code} is unknown`)
  return decompress(name, bytes)
}

const names = Object.keys(decompressors) as (keyof typeof decompressors)[]

let registered = false

/** Registers compressors and decompressors with kafkajs, for all its clients in this process. */
export function registerCodecs(): void {
  if (registered) return
  registered = true
  for (const name of names) {
    CompressionCodecs[compressionTypes[name]] = () => ({
      compress: ({ buffer }: { readonly buffer: Buffer }) => compressors[name](buffer),
      decompress: (bytes: Buffer) => decompress(name, bytes)
    })
  }
}

// Upper bounds of the inflated size, computed from the block headers without inflating. The libraries have no limit, and a
// few bytes of lz4 or zstd can inflate to gigabytes.

const lz4Magic = 0x184d2204
const lz4BlockMax: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }

/**
 * Upper bound of the inflated size of an LZ4 frame, bytes, from its block headers: blocks times the largest block size
 * (lz4_Frame_format.md, "General Structure of LZ4 Frame format").
 * @throws {Error} if it is not an LZ4 frame or is truncated.
 */
export function lz4OutputBound(frame: Buffer): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== lz4Magic) throw new Error('it is not an LZ4 frame')
  const flags = frame.readUInt8(4)
  const blockMax = lz4BlockMax[(frame.readUInt8(5) >> 4) & 7]
  if (blockMax === undefined) throw new Error('its maximum block size is unknown')
  const blockChecksum = (flags & 0x10) !== 0 ? 4 : 0
  const contentSize = (flags & 0x08) !== 0 ? 8 : 0
  const dictionary = (flags & 0x01) !== 0 ? 4 : 0
  let blocks = 0
  for (let at = 7 + contentSize + dictionary; ; blocks++) {
    if (at + 4 > frame.length) throw new Error('it is truncated')
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
    if (at + 3 > bytes.length) throw new Error('it is truncated')
    const header = bytes.readUIntLE(at, 3)
    const size = header >> 3
    const type = (header >> 1) & 3
    if (type === 3) throw new Error('a block is of an unknown type')
    // 0 raw: as it is; 1 run: one byte, `size` times; 2 compressed: at most the maximum block size.
    bound += type === 2 ? zstdBlockMax : size
    at += 3 + (type === 1 ? 1 : size)
    if ((header & 1) === 1) return { end: at + ((descriptor & 4) !== 0 ? 4 : 0), bound }
  }
}

/**
 * Upper bound of the inflated size of one or more zstd frames, bytes (RFC 8878, 3.1.1.2).
 * @throws {Error} if it is not a sequence of zstd frames or is truncated.
 */
export function zstdOutputBound(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length) throw new Error('it is truncated')
    const magic = bytes.readUInt32LE(at)
    if ((magic & 0xfffffff0) >>> 0 === zstdSkippable) {
      at += 8 + bytes.readUInt32LE(at + 4)
      continue
    }
    if (magic !== zstdMagic) throw new Error('it is not a zstd frame')
    const { end, bound } = zstdFrame(bytes, at)
    if (end > bytes.length) throw new Error('it is truncated')
    total += bound
    at = end
  }
  return total
}
