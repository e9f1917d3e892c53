import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import kafkajs from 'kafkajs'
import SnappyJS from 'snappyjs'
import { compressors } from '../../../../src/compression/compressors.ts'
import {
  compressionTypes,
  decompressors,
  lz4OutputBound,
  maxInflatedBytes,
  registerCodecs,
  zstdOutputBound
} from '../../../../src/streams/kafka/client/codecs.ts'
import { kafka } from '../../../support/brokers.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs
const broker = await kafka()
const names = Object.keys(decompressors) as (keyof typeof decompressors)[]
/** Bytes that compress somewhat, longer than a block of any framing. */
const sample = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> (i % 31)).join(' '))

test('snappy with a negative literal length is refused and does not hang', async () => {
  // Claims 100 bytes; then a literal whose four length bytes are 0xffffffff.
  const block = Buffer.from([100, 63 << 2, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])
  await assert.rejects(decompressors.snappy(block), /damaged/)
})

for (const name of names) {
  test(`${name} decompresses what other producers compress`, async () => {
    const anyBytes = fc.uint8Array({ maxLength: 100_000, size: 'max' })
    await fc.assert(
      fc.asyncProperty(anyBytes, async bytes => {
        const packed = await compressors[name](Buffer.from(bytes))
        assert.deepEqual(await decompressors[name](packed), Buffer.from(bytes))
      }),
      { numRuns: 20 }
    )
    const packed = await compressors[name](sample)
    assert.ok(packed.length < sample.length)
    assert.ok(sample.equals(await decompressors[name](packed)))
  })

  test(`${name} refuses damaged bytes`, async () => {
    const packed = await compressors[name](sample)
    await assert.rejects(decompressors[name](packed.subarray(0, packed.length - 100)))
    await assert.rejects(decompressors[name](Buffer.from('neither a frame nor a stream')))
  })

  test(`${name} refuses to inflate beyond the limit`, async () => {
    const packed = await compressors[name](Buffer.alloc(maxInflatedBytes + 1))
    await assert.rejects(decompressors[name](packed), /inflate|too big|larger than/i)
  })

  test(`a ${name} topic round-trips through a broker`, { skip: broker.skip }, async () => {
    const topic = await broker.tools.topic()
    const values = Array.from({ length: 50 }, (_, i) => sample.subarray(i * 100, i * 100 + 4000))
    await broker.tools.produce(
      topic,
      values.map(value => ({ partition: 0, value })),
      compressionTypes[name]
    )
    const read = await broker.tools.read(topic, values.length)
    assert.deepEqual(
      read.map(({ value }) => value),
      values
    )
  })
}

test('snappy without framing is inflated too', async () => {
  assert.deepEqual(await decompressors.snappy(SnappyJS.compress(sample)), sample)
})

test('a large zstd batch is inflated too', async () => {
  const noise = Buffer.alloc(40 * 1024 * 1024, crypto.getRandomValues(Buffer.alloc(65_521)))
  const packed = await compressors.zstd(noise)
  assert.ok(noise.equals(await decompressors.zstd(packed)))
  const random = crypto.randomBytes(24 * 1024 * 1024)
  assert.ok(random.equals(await decompressors.zstd(await compressors.zstd(random))))
})

test('the bound of a frame is at least its content and not far above it', async () => {
  const packed = { lz4: await compressors.lz4(sample), zstd: await compressors.zstd(sample) }
  for (const bound of [lz4OutputBound(packed.lz4), zstdOutputBound(packed.zstd)]) {
    assert.ok(bound >= sample.length, `${bound}`)
    assert.ok(bound <= sample.length + 4 * 1024 * 1024, `${bound}`)
  }
})

test('a codec that fails says which one it was', async () => {
  registerCodecs()
  const codec = CompressionCodecs[CompressionTypes.LZ4]!() as { decompress(bytes: Buffer): Promise<Buffer> }
  await assert.rejects(codec.decompress(Buffer.from('not lz4 at all')), {
    code: 'KAFKA_BATCH_UNREADABLE',
    message: /lz4/
  })
})
