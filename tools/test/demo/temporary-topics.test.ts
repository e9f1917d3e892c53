import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbered, startSource, until } from '../../../test/streams/kafka/consumer/source-harness.ts'
import { kafka } from '../../../test/support/brokers.ts'
import { createTemporaryTopics, deleteTemporaryTopics } from '../../src/demo/temporary-topics.ts'

const broker = await kafka()
const withKafka = { skip: broker.skip }

test('temporary topics are deleted, and their group once its last member has left', withKafka, async () => {
  const [topic, group] = [broker.tools.name(), broker.tools.name('group')]
  await createTemporaryTopics(broker.connection, [{ topic, partitions: 1 }])
  await broker.tools.produce(topic, numbered('m', 3))
  const running = startSource(broker.connection, { group, topics: [topic] })
  await until('all', () => running.values.length === 3)
  const gone = deleteTemporaryTopics(broker.connection, [topic, 'never-created'], group)
  // The group is deleted after its topics.
  await until('the topic to be deleted', async () => !(await broker.tools.topics()).includes(topic))
  await running.source.stop()
  await gone
  assert.ok(!(await broker.tools.topics()).includes(topic))
  const { groups } = await (await broker.tools.admin()).listGroups()
  assert.ok(!groups.some(({ groupId }) => groupId === group))
  await deleteTemporaryTopics(broker.connection, [topic], group)
})
