import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrame, decompressFrame } from 'lz4-napi'
import SnappyJS from 'snappyjs'
import zstdCodec, { type ZstdStreaming } from 'zstd-codec'
import { inflateSnappy, snappyPreamble } from '../../compression/snappy.ts'
import { HieraxError } from '../../errors.ts'
import { lz4OutputBound, zstdOutputBound } from './frames.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** Most bytes that one compressed record batch may inflate to. */
export const maxInflatedBytes = 128 * 1024 * 1024

/** Compresses and inflates the records of a batch. */
export interface Codec {
  compress(bytes: Buffer): Promise<Buffer>
  /** Rejects when the bytes are damaged or would inflate to more than {@link maxInflatedBytes}. */
  decompress(bytes: Buffer): Promise<Buffer>
}

function within(bound: number): void {
  if (bound > maxInflatedBytes) throw new Error(`it inflates to more than ${maxInflatedBytes} bytes`)
}

const gzipCodec: Codec = {
  compress: promisify<Buffer, Buffer>(gzip),
  decompress: bytes => promisify(gunzip)(bytes, { maxOutputLength: maxInflatedBytes })
}

/** Head of the framing that snappy-java puts around blocks, with its version and the oldest that can read it, both 1. */
const xerialHead = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const xerialBlock = 32 * 1024

/** One raw block. Not inflated by the library that compresses: it loops for ever on a negative length. */
function inflateBlock(block: Buffer, limit: number): Buffer {
  if ((snappyPreamble(block)?.length ?? 0) > limit) within(Number.POSITIVE_INFINITY)
  const inflated = inflateSnappy(block)
  if (inflated === null) throw new Error('a snappy block is damaged')
  return inflated
}

function inflateXerial(bytes: Buffer): Buffer {
  const blocks: Buffer[] = []
  let total = 0
  for (let at = xerialHead.length; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw new Error('a block ends before its length')
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new Error('a block is longer than what is left')
    const block = inflateBlock(bytes.subarray(at + 4, end), maxInflatedBytes - total)
    total += block.length
    blocks.push(block)
    at = end
  }
  return Buffer.concat(blocks, total)
}

const snappyCodec: Codec = {
  async compress(bytes) {
    const parts: Buffer[] = [xerialHead]
    for (let at = 0; at < bytes.length; at += xerialBlock) {
      const block = SnappyJS.compress(bytes.subarray(at, at + xerialBlock))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(block.length)
      parts.push(length, block)
    }
    return Buffer.concat(parts)
  },
  async decompress(bytes) {
    const framed = bytes.subarray(0, 8).equals(xerialHead.subarray(0, 8))
    return framed ? inflateXerial(bytes) : inflateBlock(bytes, maxInflatedBytes)
  }
}

const lz4Codec: Codec = {
  compress: bytes => compressFrame(bytes),
  async decompress(bytes) {
    within(lz4OutputBound(bytes))
    return decompressFrame(bytes)
  }
}

let zstd: Promise<ZstdStreaming> | null = null

/** Calls the WebAssembly module, loaded when the first batch needs it, and anew after a failure broke it. */
async function withZstd(work: (streaming: ZstdStreaming) => Uint8Array | null): Promise<Buffer> {
  zstd ??= new Promise(resolve => zstdCodec.ZstdCodec.run(module => resolve(new module.Streaming())))
  const streaming = await zstd
  let bytes: Uint8Array | null
  try {
    bytes = work(streaming)
  } catch (error) {
    zstd = null
    throw error
  }
  if (bytes === null) throw new Error('the frame is damaged')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Pieces of a size that the module's memory holds with ease. */
function* pieces(bytes: Buffer): Generator<Uint8Array> {
  const size = 512 * 1024
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const zstdWasmCodec: Codec = {
  compress: bytes => withZstd(streaming => streaming.compressChunks(pieces(bytes), bytes.length)),
  async decompress(bytes) {
    const bound = zstdOutputBound(bytes)
    within(bound)
    return withZstd(streaming => streaming.decompressChunks(pieces(bytes), bound))
  }
}

/** Every compression that Kafka knows, by its name in Kafka's settings. */
export const codecs = {
  gzip: gzipCodec,
  snappy: snappyCodec,
  lz4: lz4Codec,
  zstd: zstdWasmCodec
} as const satisfies Record<string, Codec>

/** kafkajs's numbers of the codecs. */
const numbers = {
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
} as const

/** Says which codec failed, so that whoever reads the consumer's crash knows what to look at. */
async function named<T>(name: string, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HieraxError('KAFKA_BATCH_UNREADABLE', `A record batch could not be ${doing} by ${name}: ${reason}`, {
      cause
    })
  }
}

/** Makes gzip (bounded), snappy, lz4 and zstd known to kafkajs, for all its clients in this process. */
export function registerCodecs(): void {
  for (const [name, codec] of Object.entries(codecs)) {
    CompressionCodecs[numbers[name as keyof typeof numbers]] = () => ({
      compress: (encoder: { buffer: Buffer }) => named(name, 'compressed', () => codec.compress(encoder.buffer)),
      decompress: (bytes: Buffer) => named(name, 'inflated', () => codec.decompress(bytes))
    })
  }
}
