import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { suite, test } from 'node:test'
import { compressions } from '../../../../../src/compression/compressors.ts'
import { ProduceEncoding } from '../../../../../src/streams/kafka/producer/request/produce-encoding.ts'
import { encodeProduceRequest } from '../../../../../src/streams/kafka/producer/request/produce-request.ts'
import { KafkaSink } from '../../../../../src/streams/kafka/producer/sink.ts'
import { kafka } from '../../../../support/brokers.ts'
import { recorder } from '../../../../support/loggers.ts'

const broker = await kafka()
const Encoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder')

/** Only kafkajs's encoder of records calls this. */
const recordMember = 'writeVarLong'

for (const compression of compressions)
  test(`requests are encoded here, with the compression ${compression}`, { skip: broker.skip }, async t => {
    const theirs = t.mock.method(Encoder.prototype, recordMember)
    const { logger, lines } = recorder()
    const topic = await broker.tools.topic(undefined, { partitions: 3 })
    const sink = new KafkaSink({ connection: broker.connection, logger, compression })
    t.after(() => sink.close())
    const keys = Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? null : `ZTF${i % 40}é`))
    const messages = keys.map((key, i) => ({
      topic,
      key,
      value: Buffer.from(`${i} ${'x'.repeat(i)}`),
      headers: { id: `${i}`, published: '5', empty: '' }
    }))
    for (let at = 0; at < 300; at += 100) await sink.send(messages.slice(at, at + 100))
    await sink.send([{ topic, key: 'gone', value: new Uint8Array(), headers: {}, tombstone: true }])
    assert.equal(theirs.mock.callCount(), 0)
    const read = await broker.tools.read(topic, 301)
    const byId = new Map(read.map(message => [message.headers.id, message]))
    for (const { headers, key, value } of messages) {
      const found = byId.get(headers.id)
      assert.equal(found?.key, key)
      assert.deepEqual(found?.value, value)
      assert.deepEqual({ ...found?.headers }, headers)
    }
    const { key, value } = byId.get(undefined)!
    assert.deepEqual([key, value], ['gone', null])
    assert.deepEqual(
      lines.filter(({ level }) => level === 'warn'),
      []
    )
  })

interface Sent {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    encode(): Promise<{ readonly buffer: Buffer }>
  }
}

/** A producer's broker as kafkajs makes it, but for `changes`; what it sends, and what the log has. */
async function equippedBroker(changes: object = {}, version = { apiKey: 0, apiVersion: 7 }, members: object = {}) {
  const sent: Sent[] = []
  const connectionPool = {
    send: async (protocol: Sent) => {
      sent.push(protocol)
      return 'answer'
    }
  }
  const node = {
    connectionPool,
    produce: async (_request: object) =>
      connectionPool.send({ request: { ...version, encode: async () => ({ buffer: Buffer.from('theirs') }) } }),
    ...changes
  }
  const cluster = { findBroker: async (_node: object) => node, ...members }
  const create = Symbol('private:Kafka:createCluster')
  const client = { [create]: () => cluster, producer: () => client[create]() }
  const before = client[create]
  const { logger, lines } = recorder()
  const encoding = new ProduceEncoding(logger, 'none')
  assert.equal(encoding.producer(client as never, {}), cluster)
  assert.equal(client[create], before)
  return { broker: await cluster.findBroker({}), sent, lines, encoding }
}

const entry = { partition: 2, firstSequence: 9, messages: [{ key: 'a', value: Buffer.from('b'), headers: {} }] }
const requestFor = (...partitions: object[]) => ({
  producerId: '5',
  producerEpoch: 1,
  acks: -1,
  timeout: 100,
  topicData: [{ topic: 't', partitions }]
})
const bytesOf = async ({ request }: Sent) => (await request.encode()).buffer
const theirs = Buffer.from('theirs')

suite('a request of a kafkajs producer', () => {
  test('is encoded here; its answer is passed on', async t => {
    t.mock.method(Date, 'now', () => 77)
    const { broker, sent, lines } = await equippedBroker()
    assert.equal(await broker.produce(requestFor(entry)), 'answer')
    const topics = [{ topic: 't', partitions: [entry] }]
    const request = { topics, producerId: 5n, producerEpoch: 1, acks: -1, timeout: 100, compression: 'none' } as const
    assert.deepEqual(await bytesOf(sent[0]!), await encodeProduceRequest(request, 77))
    assert.deepEqual(lines, [])
  })

  test('is encoded here for several partitions too', async t => {
    t.mock.method(Date, 'now', () => 77)
    const { broker, sent } = await equippedBroker()
    const partitions = [entry, { ...entry, partition: 4, firstSequence: 1 }]
    await broker.produce(requestFor(...partitions))
    const topics = [{ topic: 't', partitions }]
    const request = { topics, producerId: 5n, producerEpoch: 1, acks: -1, timeout: 100, compression: 'none' } as const
    assert.deepEqual(await bytesOf(sent[0]!), await encodeProduceRequest(request, 77))
  })

  for (const [name, request, version] of [
    ['of a transaction', { ...requestFor(entry), transactionalId: 'x' }],
    ['of an older version', requestFor(entry), { apiKey: 0, apiVersion: 2 }],
    ['of a later version', requestFor(entry), { apiKey: 0, apiVersion: 8 }]
  ] as const)
    test(`is left to kafkajs if it is ${name}`, async () => {
      const { broker, sent, lines } = await equippedBroker({}, version)
      await broker.produce(request)
      assert.deepEqual(await bytesOf(sent[0]!), theirs)
      assert.deepEqual(lines, [])
    })

  test('is left to kafkajs, with one warning, if it is not sent as expected', async () => {
    const sent: Sent[] = []
    const produce = async () => {
      await null
      sent.push({ request: { apiKey: 0, apiVersion: 7, encode: async () => ({ buffer: theirs }) } })
    }
    const { broker, lines } = await equippedBroker({ produce })
    for (let turn = 0; turn < 2; turn++) await broker.produce(requestFor(entry))
    assert.deepEqual(await Promise.all(sent.map(bytesOf)), [theirs, theirs])
    assert.deepEqual(
      lines.map(({ level }) => level),
      ['warn']
    )
  })
})

suite('that messages were acknowledged', () => {
  const others = { ...entry, partition: 4, messages: [{ ...entry.messages[0]! }] }

  test('is known for each partition of a request, also for a single one', async () => {
    const { broker: single, encoding: alone } = await equippedBroker()
    await single.produce(requestFor(entry))
    assert.equal(alone.wasAcknowledged(entry.messages), true)
    const { broker, encoding } = await equippedBroker()
    assert.equal(encoding.wasAcknowledged(entry.messages), false)
    await broker.produce(requestFor(entry, others))
    assert.equal(encoding.wasAcknowledged(entry.messages), true)
    assert.equal(encoding.wasAcknowledged(others.messages), true)
    assert.equal(encoding.wasAcknowledged([]), false)
  })

  test('is not known if the request failed', async () => {
    const produce = async () => {
      throw new Error('not the leader')
    }
    const { broker, encoding } = await equippedBroker({ produce })
    await assert.rejects(broker.produce(requestFor(entry, others)))
    assert.equal(encoding.wasAcknowledged(entry.messages), false)
  })
})

suite('the leader of a partition', () => {
  for (const [name, findLeaderForPartitions, expected] of [
    [
      'is that of the cluster',
      (topic: string, [partition]: number[]) => ({ [`${topic}${partition}`]: [partition] }),
      't3'
    ],
    ['is unknown if the cluster does not name it', () => ({}), null],
    [
      'is unknown if the cluster has no metadata of the topic',
      () => {
        throw new Error('not loaded')
      },
      null
    ],
    ['is unknown if kafkajs is another version', undefined, null]
  ] as const)
    test(name, async () => {
      const { encoding } = await equippedBroker({}, undefined, { findLeaderForPartitions })
      assert.equal(encoding.leaderOf('t', 3), expected)
    })

  test('is unknown before there is a producer', () => {
    assert.equal(new ProduceEncoding(recorder().logger, 'none').leaderOf('t', 3), null)
  })
})

suite('if kafkajs is another version, its own way is used, with one warning,', () => {
  test('for a client', () => {
    const { logger, lines } = recorder()
    const encoding = new ProduceEncoding(logger, 'none')
    const client = { producer: (config: object) => ({ config }) }
    for (let turn = 0; turn < 2; turn++)
      assert.deepEqual(encoding.producer(client as never, { idempotent: true }), { config: { idempotent: true } })
    assert.equal(lines.length, 1)
  })

  test('for a broker', async () => {
    const produce = async () => 'answer'
    const { broker, lines } = await equippedBroker({ produce, connectionPool: {} })
    assert.equal(broker.produce, produce)
    assert.equal(lines.length, 1)
  })
})
