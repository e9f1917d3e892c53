import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrame } from 'lz4-napi'
import SnappyJS from 'snappyjs'
import zstdCodec from 'zstd-codec'
import { compressionTypes, registerCodecs } from '../../src/streams/kafka/codecs.ts'

const { CompressionCodecs } = kafkajs

/** Header of snappy-java's framing: magic number, version and oldest compatible version, both 1. */
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const xerialBlock = 32 * 1024

async function compressSnappy(bytes: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [xerialHeader]
  for (let at = 0; at < bytes.length; at += xerialBlock) {
    const block = SnappyJS.compress(bytes.subarray(at, at + xerialBlock))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

async function compressZstd(bytes: Buffer): Promise<Buffer> {
  const size = 512 * 1024
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size)
  )
  const packed = await new Promise<Uint8Array | null>(resolve =>
    zstdCodec.ZstdCodec.run(module => resolve(new module.Streaming().compressChunks(pieces, bytes.length)))
  )
  if (packed === null) throw new Error('zstd failed')
  return Buffer.from(packed)
}

/** Compression of record batches as by other producers, by Kafka's name. */
export const compressors = {
  gzip: promisify<Buffer, Buffer>(gzip),
  snappy: compressSnappy,
  lz4: (bytes: Buffer) => compressFrame(bytes),
  zstd: compressZstd
} as const

/** Enables compression in the kafkajs producers of this process; the service itself only decompresses. */
export function registerCompressors(): void {
  registerCodecs()
  for (const name of Object.keys(compressors) as (keyof typeof compressors)[]) {
    const codec = CompressionCodecs[compressionTypes[name]]!() as { decompress(bytes: Buffer): Promise<Buffer> }
    CompressionCodecs[compressionTypes[name]] = () => ({
      compress: (encoder: { buffer: Buffer }) => compressors[name](encoder.buffer),
      decompress: (bytes: Buffer) => codec.decompress(bytes)
    })
  }
}
