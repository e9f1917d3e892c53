import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { suite, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { compressions } from '../../../../../src/compression/compressors.ts'
import { compressionTypes, registerCodecs } from '../../../../../src/streams/kafka/client/codecs.ts'
import {
  encodeProduceRequest,
  type ProduceRequest
} from '../../../../../src/streams/kafka/producer/request/produce-request.ts'

const request: (fields: object) => { encode(): Promise<{ readonly buffer: Buffer }> } = createRequire(import.meta.url)(
  'kafkajs/src/protocol/requests/produce/v7/request'
)
registerCodecs()

/** Also texts that are no valid UTF-16, and lengths at which the encoding changes. */
const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.constantFrom('', '\ud800', 'é'.repeat(32), 'k'.repeat(63), 'k'.repeat(64), 'k'.repeat(100), 'k'.repeat(8192))
)
const value = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array)),
  fc.constantFrom(Buffer.alloc(0), Buffer.alloc(63), Buffer.alloc(64), Buffer.alloc(8191), Buffer.alloc(8192, 'v'))
)
const message = fc.record({
  key: fc.option(fc.oneof(text, value)),
  value: fc.option(value),
  headers: fc.dictionary(text, text, { maxKeys: 8 })
})
const partition = fc.record({
  partition: fc.nat(),
  messages: fc.array(message, { minLength: 1, maxLength: 70 }),
  firstSequence: fc.nat()
})
const topic = fc.record({
  topic: fc.oneof(fc.constant('hierax.classifications'), fc.string({ minLength: 1, maxLength: 30 })),
  partitions: fc.array(partition, { minLength: 1, maxLength: 4 })
})
const requests: fc.Arbitrary<ProduceRequest> = fc.record({
  topics: fc.array(topic, { minLength: 1, maxLength: 3 }),
  compression: fc.constantFrom(...compressions),
  acks: fc.constantFrom(-1, 1),
  timeout: fc.nat(),
  producerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
  producerEpoch: fc.integer({ min: -1, max: 2 ** 15 - 1 })
})
const time = fc.oneof(fc.constant(0), fc.nat(Number.MAX_SAFE_INTEGER))

/** The same request in the bytes of kafkajs, which reads the clock itself. */
async function encodedByKafkajs(t: TestContext, fields: ProduceRequest, now: number): Promise<Buffer> {
  const { topics: topicData, compression, producerId, ...rest } = fields
  const producer = { ...rest, producerId: String(producerId), compression: compressionTypes[compression] }
  const clock = t.mock.method(Date, 'now', () => now)
  try {
    return (await request({ ...producer, topicData }).encode()).buffer
  } finally {
    clock.mock.restore()
  }
}

suite('a request to produce', () => {
  test('has the bytes that kafkajs gives it', async t => {
    await fc.assert(
      fc.asyncProperty(requests, time, async (fields, now) => {
        const expected = await encodedByKafkajs(t, fields, now)
        assert.ok((await encodeProduceRequest(fields, now)).equals(expected))
      }),
      { numRuns: 400 }
    )
  })

  test('has them also when it is large', async t => {
    const messages = Array.from({ length: 9000 }, (_, i) => ({
      key: `ZTF${i}`,
      value: Buffer.alloc(i % 300, i),
      headers: { id: `${i}` }
    }))
    messages.push({ key: 'large', value: Buffer.alloc(3_000_000, 7), headers: { id: 'x'.repeat(1_200_000) } })
    for (const compression of compressions) {
      const topics = [{ topic: 't', partitions: [{ partition: 3, messages, firstSequence: 2 ** 31 - 1 }] }]
      const fields = { topics, compression, acks: -1, timeout: 30_000, producerId: 7n, producerEpoch: 2 }
      assert.ok((await encodeProduceRequest(fields, 5)).equals(await encodedByKafkajs(t, fields, 5)), compression)
    }
  })
})
