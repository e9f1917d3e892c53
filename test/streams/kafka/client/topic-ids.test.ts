import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitNote } from '../../../../src/streams/kafka/client/offsets.ts'
import {
  describeTopics,
  isOtherTopic,
  type KafkaCluster,
  metadataRequest
} from '../../../../src/streams/kafka/client/topic-ids.ts'

/** A metadata response of version 10 as a broker of Kafka 3.9 sends it, with two brokers and three topics. */
const response = Buffer.from(
  [
    '00', // tags of the header
    '00000000', // throttle time
    '03', // two brokers
    '00000001 0a 3132372e302e302e31 00002384 00 00',
    '00000002 0a 3132372e302e302e31 00002385 03 7231 01 05 02 aabb',
    '05 61626364', // cluster
    '00000001', // controller
    '04', // three topics
    // name, topic id, not internal, one partition with two replicas, operations: 3 (read) and 8 (describe)
    '0000 02 61 0102030405060708090a0b0c0d0e0f10 00',
    '02 0000 00000000 00000001 00000007 03 00000001 00000002 03 00000001 00000002 01 00',
    '00000108 00',
    // no partition, describe only
    '0000 02 62 1102030405060708090a0b0c0d0e0f10 00 01 00000100 00',
    // unknown topic
    '0003 02 63 00000000000000000000000000000000 00 01 80000000 00',
    '80000000 00'
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex'
)

interface FakeProtocol {
  readonly request: { encode(): Promise<{ buffer: Buffer }> }
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(data: unknown): Promise<unknown> }
}

/** A cluster whose broker knows the request up to a version, and what it was asked. */
function clusterOf(maxVersion: number): { cluster: KafkaCluster; requests: Buffer[] } {
  const requests: Buffer[] = []
  const broker = {
    versions: { 3: { minVersion: 0, maxVersion } },
    connectionPool: {
      async send({ request, response: { decode, parse } }: FakeProtocol) {
        requests.push((await request.encode()).buffer)
        return parse(await decode(response))
      }
    }
  }
  return { cluster: { findControllerBroker: async () => broker } as unknown as KafkaCluster, requests }
}

test('topics are described by their ids and by whether they may be read; unknown ones are left out', async () => {
  const { cluster, requests } = clusterOf(12)
  assert.deepEqual(
    [...(await describeTopics(cluster, ['a', 'b', 'c']))],
    [
      ['a', { id: 'abcd/0102030405060708090a0b0c0d0e0f10', readable: true }],
      ['b', { id: 'abcd/1102030405060708090a0b0c0d0e0f10', readable: false }]
    ]
  )
  const noId = '00'.repeat(16)
  assert.equal(requests[0]?.toString('hex'), `0004${noId}026100${noId}026200${noId}02630000000100`)
  assert.equal(metadataRequest(null).toString('hex'), '000000000100', 'all topics')
})

test('brokers that know no topic ids are not asked for them', async () => {
  const { cluster, requests } = clusterOf(9)
  assert.equal((await describeTopics(cluster, ['a'])).size, 0)
  assert.equal(requests.length, 0)
})

test('a topic is another one only if both ids are known, of one cluster, and differ', () => {
  assert.equal(isOtherTopic('k/1', 'k/2'), true)
  for (const [before, now] of [
    ['k/1', 'k/1'],
    [null, 'k/1'],
    ['k/1', null],
    // Committed offsets that a mirror has translated for its own topics.
    ['k/1', 'mirror/2']
  ] as const)
    assert.equal(isOtherTopic(before, now), false)
})

test('commits of other programs and of earlier releases say nothing', () => {
  assert.deepEqual(commitNote('{"topicId":"k/1","since":7}'), { topicId: 'k/1', since: 7 })
  for (const metadata of [undefined, null, '', 'x', '3', '[]', '{}', '{"topicId":5,"since":"x"}'])
    assert.deepEqual(commitNote(metadata), { topicId: null, since: null }, String(metadata))
})
