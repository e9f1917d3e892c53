import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordMetadata } from 'kafkajs'
import { assertAcknowledged } from '../../../../src/streams/kafka/producer/producer.ts'

const asked = [
  { topic: 't', partition: 0 },
  { topic: 't', partition: 1 }
]
const answersOf = (...partitions: number[]): RecordMetadata[] =>
  partitions.map(partition => ({ topicName: 't', partition, errorCode: 0 }))

test('a request is acknowledged if every partition of it is', () => {
  assertAcknowledged(answersOf(1, 0), asked)
  assertAcknowledged([], [])
})

for (const answers of [answersOf(), answersOf(1), answersOf(1, 1), answersOf(0, 2, 3)])
  test(`it is not with answers of the partitions ${answers.map(({ partition }) => partition).join(', ') || '(none)'}`, () => {
    assert.throws(() => assertAcknowledged(answers, asked), { type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })
  })
