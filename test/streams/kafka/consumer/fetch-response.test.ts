import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { HieraxError } from '../../../../src/errors.ts'
import { compressionTypes, registerCodecs } from '../../../../src/streams/kafka/client/codecs.ts'
import { decodeFetchResponse, UnknownFormat } from '../../../../src/streams/kafka/consumer/fetch-response.ts'

// kafkajs's own encoder and decoder: messages here must be those that it would give.
const internal = createRequire(import.meta.url)
const { RecordBatch } = internal('kafkajs/src/protocol/recordBatch/v0')
const RecordEncoder = internal('kafkajs/src/protocol/recordBatch/record/v0')
const Encoder = internal('kafkajs/src/protocol/encoder')
const kafkajs: { decode(bytes: Buffer): Promise<unknown> } = internal(
  'kafkajs/src/protocol/requests/fetch/v11/response'
)
registerCodecs()

const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
const offset = fc.bigInt({ min: 0n, max: 2n ** 62n })
const timestamp = fc.oneof(fc.bigInt({ min: -1n, max: 2n ** 43n }), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }))
/** kafkajs adds inherited members to headers that have their names. */
const name = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('a', '')).filter(name => !(name in {}))
const record = fc.record({
  offsetDelta: fc.nat(100_000),
  timestampDelta: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(name, fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })), { maxKeys: 3 })
})
const batch = fc.record({
  compression: fc.constantFrom(...Object.values(compressionTypes)),
  firstOffset: offset,
  firstTimestamp: timestamp,
  maxTimestamp: timestamp,
  partitionLeaderEpoch: fc.integer(),
  lastOffsetDelta: fc.nat(1000),
  transactional: fc.boolean(),
  isControl: fc.boolean(),
  isAppendTime: fc.boolean(),
  producerId: offset,
  producerEpoch: fc.nat(1000),
  firstSequence: fc.nat(),
  records: fc.array(record, { maxLength: 5 })
})
const partition = fc.record({
  partition: fc.nat(1000),
  errorCode: fc.constantFrom(0, 1, 6),
  offsets: fc.tuple(offset, offset, offset),
  aborted: fc.array(fc.tuple(offset, offset), { maxLength: 3 }),
  replica: fc.integer({ min: -1, max: 9 }),
  batches: fc.array(batch, { maxLength: 3 }),
  /** Bytes that are missing at the end. */
  cut: fc.oneof(fc.constant(0), fc.nat(400))
})
const topics = fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.array(partition, { maxLength: 3 })), { maxLength: 3 })

type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never
type Topics = typeof topics extends fc.Arbitrary<infer T> ? T : never

async function encodedBatch({ records, isControl, isAppendTime, ...fields }: Batch): Promise<Buffer> {
  const encoded = await RecordBatch({ ...fields, records: records.map(fields => RecordEncoder(fields)) })
  const attributesAt = 21
  const flags = (isControl ? 0x20 : 0) | (isAppendTime ? 0x08 : 0)
  encoded.buffer.writeInt16BE(encoded.buffer.readInt16BE(attributesAt) | flags, attributesAt)
  return encoded.buffer
}

async function encodedResponse(topics: Topics): Promise<Buffer> {
  const encoder = new Encoder().writeInt32(7).writeInt16(0).writeInt32(3).writeInt32(topics.length)
  for (const [topic, partitions] of topics) {
    encoder.writeString(topic).writeInt32(partitions.length)
    for (const { partition, errorCode, offsets, aborted, replica, batches, cut } of partitions) {
      encoder.writeInt32(partition).writeInt16(errorCode)
      for (const offset of offsets) encoder.writeInt64(offset)
      encoder.writeInt32(aborted.length)
      for (const offset of aborted.flat()) encoder.writeInt64(offset)
      const set = Buffer.concat(await Promise.all(batches.map(encodedBatch)))
      // kafkajs rejects fewer bytes than have the magic number.
      const length = set.length - cut < 17 ? 0 : set.length - cut
      encoder.writeInt32(replica).writeBytes(set.subarray(0, length))
    }
  }
  return encoder.buffer
}

suite('the response to a fetch', () => {
  test('is decoded as kafkajs decodes it', async () => {
    await fc.assert(
      fc.asyncProperty(topics, async topics => {
        const encoded = await encodedResponse(topics)
        assert.deepEqual(await decodeFetchResponse(encoded), await kafkajs.decode(encoded))
      }),
      { numRuns: 200, endOnFailure: true }
    )
  })

  test('that is damaged is decoded or rejected, never read beyond its end', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(topics, damage, async (topics, places) => {
        const encoded = await encodedResponse(topics)
        for (const [at, byte] of places) encoded[at % encoded.length] = byte
        await decodeFetchResponse(encoded).catch(error =>
          assert.ok(error instanceof UnknownFormat || error instanceof HieraxError, error)
        )
      }),
      { numRuns: 200, endOnFailure: true }
    )
  })

  test('with messages of an old format is left to kafkajs', async () => {
    const partitions = [{ partition: 0, errorCode: 0, offsets: [9n, 9n, 0n], aborted: [], replica: -1, cut: 0 }]
    const encoded = await encodedResponse([['old', [{ ...partitions[0], batches: [await oneBatch()] }]]] as never)
    encoded[encoded.indexOf(2, encoded.length - 60)] = 1
    await assert.rejects(decodeFetchResponse(encoded), UnknownFormat)
  })
})

const oneBatch = async (): Promise<Batch> => ({
  compression: 0,
  firstOffset: 0n,
  firstTimestamp: 0n,
  maxTimestamp: 0n,
  partitionLeaderEpoch: 0,
  lastOffsetDelta: 0,
  transactional: false,
  isControl: false,
  isAppendTime: false,
  producerId: 0n,
  producerEpoch: 0,
  firstSequence: 0,
  records: []
})
