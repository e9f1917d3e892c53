import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureTopics } from '../../../../src/streams/kafka/client/admin.ts'
import { createKafka } from '../../../../src/streams/kafka/client/client.ts'
import { KafkaSink } from '../../../../src/streams/kafka/producer/sink.ts'
import { kafka } from '../../../support/brokers.ts'
import { KafkaTools } from '../../../support/kafka-tools.ts'
import { silent } from '../../../support/loggers.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection, cluster } = await kafka({ nodes: 3 })

test('a night whose partitions have no leader any more is left out; the others go on', { skip }, async () => {
  const admin = await tools.admin()
  const [expired, live] = ['ztf_20240301_programid1', 'ztf_20240302_programid1']
  const replicas = [1, 2, 3]
  await admin.createTopics({
    waitForLeaders: false,
    topics: [
      { topic: expired, replicaAssignment: [{ partition: 0, replicas: [3] }] },
      { topic: live, replicaAssignment: [0, 1].map(partition => ({ partition, replicas })) }
    ]
  })
  await until('the leaders', () =>
    // Rejects while a broker does not know of the topics yet.
    admin.fetchTopicMetadata({ topics: [expired, live] }).then(
      ({ topics }) => topics.every(({ partitions }) => partitions.every(({ leader }) => leader > 0)),
      () => false
    )
  )
  await tools.produce(expired, numbered('expired', 4))
  const group = tools.name('group')
  const running = startSource(connection, { group, topics: [expired, live] })
  await until('the older night', () => running.values.length >= 4)
  await until('no lag', () => running.lags.get(`${expired}/0`) === 0)

  await cluster!.nodes[2]!.kill()
  await until('one topic left', () => running.source.subscribed().length === 1)
  // A producer that knows of the dead topic fails for every other as well.
  const producer = new KafkaTools(connection.brokers)
  await producer.produce(live, numbered('live', 6, 2))
  await producer.close()
  await until('the live night', () => running.values.length >= 10)
  assert.ok(running.lines.some(({ level, message }) => level === 'warn' && /no leader/.test(message)))
  await until('the dead night to have no lag', () => !running.lags.has(`${expired}/0`))

  // Neither does the output that is begun now, on the same cluster, though nobody named the dead topic to it.
  const output = tools.name('output')
  const outside = createKafka(connection, silent, { retries: 2 }).admin()
  await outside.connect()
  await ensureTopics(outside, [{ topic: output, partitions: 2, replication: 2 }], silent)
  await outside.disconnect()
  const sink = new KafkaSink({ connection, logger: silent })
  await sink.connect()
  await sink.send([{ topic: output, key: 'k', value: Buffer.from('published'), headers: {} }])
  await sink.close()
  const read = new KafkaTools(connection.brokers)
  assert.deepEqual(
    (await read.read(output, 1)).map(({ value }) => String(value)),
    ['published']
  )
  await read.close()

  // One that begins now does not stumble over it either.
  const another = startSource(connection, { group: tools.name('group'), topics: [expired, live] })
  await until('the live night again', () => another.values.length >= 6)

  await cluster!.nodes[2]!.start()
  await until('the night is back', () => another.values.length >= 10)
  await Promise.all([running.source.stop(), another.source.stop()])
})
