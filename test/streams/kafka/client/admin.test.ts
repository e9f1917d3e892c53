import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterView, ensureTopics } from '../../../../src/streams/kafka/client/admin.ts'
import { createKafka } from '../../../../src/streams/kafka/client/client.ts'
import { kafka } from '../../../support/brokers.ts'
import { recorder, silent } from '../../../support/loggers.ts'
import { until } from '../consumer/source-harness.ts'

const broker = await kafka()
const withKafka = { skip: broker.skip }

async function partitionsOf(topic: string): Promise<number> {
  const { topics } = await (await broker.tools.admin()).fetchTopicMetadata({ topics: [topic] })
  return topics[0]?.partitions.length ?? 0
}

test('topics are created when absent, with leaders for every partition', withKafka, async () => {
  const [first, second] = [broker.tools.name(), broker.tools.name()]
  const specs = [
    { topic: first, partitions: 4 },
    { topic: second, partitions: 1, replication: 1 }
  ]
  await ensureTopics(await broker.tools.admin(), specs, silent)
  assert.equal(await partitionsOf(first), 4)
  assert.equal(await partitionsOf(second), 1)
})

test('a topic that exists is used as it is, with a warning when its partitions differ', withKafka, async () => {
  const topic = await broker.tools.topic(undefined, { partitions: 2 })
  const { logger, lines } = recorder()
  const admin = await broker.tools.admin()
  await ensureTopics(admin, [{ topic, partitions: 2 }], logger)
  assert.deepEqual(lines, [])
  await ensureTopics(admin, [{ topic, partitions: 4 }], logger)
  assert.equal(await partitionsOf(topic), 2)
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields]),
    [['warn', { topic, partitions: 2, configured: 4 }]]
  )
})

test('several processes may create the same topics at once', withKafka, async () => {
  const specs = [1, 2, 3].map(partitions => ({ topic: broker.tools.name(), partitions }))
  const admin = await broker.tools.admin()
  await Promise.all([1, 2, 3, 4].map(() => ensureTopics(admin, specs, silent)))
  for (const { topic, partitions } of specs) assert.equal(await partitionsOf(topic), partitions)
})

test('a cluster that refuses says why', withKafka, async () => {
  const admin = await broker.tools.admin()
  const tooMany = [{ topic: broker.tools.name(), partitions: 1, replication: 50 }]
  await assert.rejects(ensureTopics(admin, tooMany, silent), { code: 'TOPIC_NOT_CREATED', message: /replication/i })
  const misnamed = [{ topic: 'no spaces please', partitions: 1 }]
  await assert.rejects(ensureTopics(admin, misnamed, silent), {
    code: 'TOPIC_NOT_CREATED',
    message: /no spaces please/
  })
})

const sockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length

test('a cluster view closed in the middle of its requests leaves no connection open', withKafka, async () => {
  const topics = [await broker.tools.topic(), await broker.tools.topic(), await broker.tools.topic()]
  const before = sockets()
  for (let round = 0; round < 40; round++) {
    const view = new ClusterView(
      createKafka(broker.connection, silent, { retries: 2 }),
      broker.tools.name('group'),
      silent
    )
    const requests = [view.topicStates(topics), view.offsets(topics), view.offsets(topics)]
    for (const request of requests) request.catch(() => undefined)
    await sleep(round)
    await view.close()
    await Promise.allSettled(requests)
    await assert.rejects(view.topicStates(topics), /closed/)
    assert.deepEqual(await view.offsets(topics), [])
  }
  await until('connections to end', () => sockets() <= before)
})
