import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { createPartitioner } from '../../../../src/streams/kafka/producer/partitioner.ts'

test('keys go where Java clients put them', () => {
  // Computed with org.apache.kafka.common.utils.Utils: toPositive(murmur2(key bytes)) % n.
  const choose = createPartitioner()
  const golden = { '21': -973932308, foobar: -790332482, 'a-little-bit-long-string': -985981536 }
  for (const [key, hash] of Object.entries(golden))
    for (const partitions of [1, 3, 4, 97]) assert.equal(choose('t', key, partitions), (hash & 0x7fffffff) % partitions)
})

test('messages without a key are spread round robin', () => {
  const choose = createPartitioner()
  const turns = Array.from({ length: 8 }, () => choose('t', null, 4))
  assert.equal(new Set(turns.slice(0, 4)).size, 4)
  assert.deepEqual(turns.slice(0, 4), turns.slice(4))
})

test('a key has the partition that kafkajs gives it', () => {
  const choose = createPartitioner()
  const theirs = kafkajs.Partitioners.DefaultPartitioner()
  const key = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 300 }))
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 300 }), (key, partitions) => {
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        leader: 0,
        partitionErrorCode: 0,
        replicas: [],
        isr: []
      }))
      const expected = theirs({ topic: 't', partitionMetadata, message: { key, value: null } })
      assert.equal(choose('t', key, partitions), expected)
    }),
    { numRuns: 1000 }
  )
})
