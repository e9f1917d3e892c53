import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { ZstdStreaming } from 'zstd-codec'
import { openZstd } from './zstd.ts'

/** Node has it from 22.15 and 23.8 on. */
const { zstdCompress, constants } = zlib as {
  readonly zstdCompress?: (bytes: Buffer, options: ZstdOptions, done: zlib.CompressCallback) => void
  readonly constants: { readonly ZSTD_c_compressionLevel?: number }
}

interface ZstdOptions {
  readonly chunkSize: number
  readonly params: Readonly<Record<number, number>>
}

/**
 * Compresses the records of a batch, for each of Kafka's compressions, in the framing of Kafka's Java clients. Libraries are loaded for the
 * first batch.
 */
export const compressors = {
  zstd: zstdCompress ? compressZstdByNode : compressZstd,
  lz4: compressLz4,
  gzip: compressGzip,
  snappy: compressSnappy
} as const

/** Name of a compression. */
export type Compression = keyof typeof compressors | 'none'

/** All compressions, the best one first. */
export const compressions: readonly Compression[] = [...(Object.keys(compressors) as Compression[]), 'none']

/** zstd where Node compresses it outside of the event loop, else gzip. */
export const defaultCompression: Compression = zstdCompress ? 'zstd' : 'gzip'

// Compared with the default levels (6 and 3): about a tenth more bytes and 0.6 of the CPU time for gzip; about the same bytes and 0.6 to 0.9 of
// the CPU time for zstd.
const gzipLevel = 3
const zstdLevel = 1

const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip)

/** Up to here gzip takes less than half a millisecond: a stream for the thread pool would cost this thread as much, and the pool again. */
const quickBytes = 128 * 1024

async function compressGzip(bytes: Buffer): Promise<Buffer> {
  const options = { level: gzipLevel, chunkSize: chunkSizeFor(bytes) }
  return bytes.length <= quickBytes ? zlib.gzipSync(bytes, options) : gzip(bytes, options)
}

async function compressLz4(bytes: Buffer): Promise<Buffer> {
  const { compressFrame } = await import('lz4-napi')
  return compressFrame(bytes)
}

function compressZstdByNode(bytes: Buffer): Promise<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel ?? 0]: zstdLevel }
  return promisify<Buffer, ZstdOptions, Buffer>(zstdCompress!)(bytes, { params, chunkSize: chunkSizeFor(bytes) })
}

/** The output comes in few pieces: each is another turn of the thread pool. */
function chunkSizeFor(bytes: Buffer): number {
  return Math.max(16 * 1024, bytes.length >> 2)
}

let zstd: Promise<ZstdStreaming> | null = null

/** The WebAssembly module takes the bytes in pieces that fit well into its memory. */
async function compressZstd(bytes: Buffer): Promise<Buffer> {
  zstd ??= openZstd()
  const packed = (await zstd).compressChunks(pieces(bytes, 512 * 1024), bytes.length, zstdLevel)
  if (packed === null) throw new Error('zstd could not compress a record batch')
  return Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
}

/** Header of snappy-java's framing: magic number, version and oldest compatible version, both 1. */
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const xerialBlock = 32 * 1024

/** Blocks, each after its length, as snappy-java and Kafka's Java clients write and read them. */
async function compressSnappy(bytes: Buffer): Promise<Buffer> {
  const { default: SnappyJS } = await import('snappyjs')
  const parts: Buffer[] = [xerialHeader]
  for (const piece of pieces(bytes, xerialBlock)) {
    const block = SnappyJS.compress(piece)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
