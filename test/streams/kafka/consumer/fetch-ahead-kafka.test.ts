import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressionTypes } from '../../../../src/streams/kafka/client/codecs.ts'
import type { KafkaCluster } from '../../../../src/streams/kafka/client/topic-ids.ts'
import { FetchAhead } from '../../../../src/streams/kafka/consumer/fetch-ahead.ts'
import { kafka } from '../../../support/brokers.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection } = await kafka()

/** The parts of kafkajs that the test observes. */
interface Broker {
  readonly connectionPool: { send(protocol: { readonly request: { readonly apiName: string } }): Promise<unknown> }
  fetch(request: object): Promise<object>
}

/** Calls `observe` for each broker that a cluster finds, once. */
function observeBrokers(cluster: KafkaCluster, observe: (broker: Broker) => void): void {
  const find = cluster.findBroker.bind(cluster)
  const observed = new WeakSet<object>()
  cluster.findBroker = async node => {
    const broker = await find(node)
    if (!observed.has(broker)) observe(broker as unknown as Broker)
    observed.add(broker)
    return broker
  }
}

/** Large enough for several fetches, and read in place by the socket. */
const padding = 'x'.repeat(20_000)

test('the next fetch is made while messages are handled, with every compression and partition', {
  skip
}, async t => {
  /** Requests that were sent, and those that kafkajs made. */
  let [sent, made] = [0, 0]
  const attach = FetchAhead.prototype.attach
  t.mock.method(FetchAhead.prototype, 'attach', function (this: FetchAhead, cluster: KafkaCluster) {
    observeBrokers(cluster, ({ connectionPool }) => {
      const send = connectionPool.send.bind(connectionPool)
      connectionPool.send = protocol => {
        if (protocol.request.apiName === 'Fetch') sent++
        return send(protocol)
      }
    })
    attach.call(this, cluster)
    observeBrokers(cluster, broker => {
      const fetch = broker.fetch
      broker.fetch = request => {
        made++
        return fetch(request)
      }
    })
  })
  const partitions = 2
  const topic = await tools.topic(tools.name(), { partitions })
  const compressions = Object.values(compressionTypes)
  for (const compression of compressions)
    for (let turn = 0; turn < 4; turn++) {
      const messages = numbered(`c${compression}-${turn}`, 10, partitions)
      await tools.produce(
        topic,
        messages.map(({ partition, value }) => ({ partition, value: `${value} ${padding}` })),
        compression
      )
    }
  const count = compressions.length * 40
  let batches = 0
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: [topic],
    limits: { partitionBytes: 110_000 },
    before: async () => {
      if (batches++ === 0) await until('a request that kafkajs did not make', () => sent > made)
    }
  })
  await until('all messages', () => running.values.length >= count)
  await running.source.stop()
  const offsets = running.messages.map(({ source }) => source)
  for (let partition = 0; partition < partitions; partition++) {
    assert.deepEqual(
      offsets.filter(source => source.startsWith(`${topic}/${partition}/`)),
      Array.from({ length: count / partitions }, (_, offset) => `${topic}/${partition}/${offset}`)
    )
  }
  assert.ok(running.values.every(value => value.endsWith(padding)))
  assert.ok(!running.lines.some(({ message }) => message.includes('fetching without it')))
})
