import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTopics, removeTopics } from '../../../src/streams/kafka/temporary-topics.ts'
import { kafka } from '../../support/brokers.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection } = await kafka()

test('topics of one run go with it, and their group when its last member has left', { skip }, async () => {
  const [topic, group] = [tools.name(), tools.name('group')]
  await makeTopics(connection, [{ topic, partitions: 1 }])
  await tools.produce(topic, numbered('m', 3))
  const running = startSource(connection, { group, topics: [topic] })
  await until('all', () => running.values.length === 3)
  const gone = removeTopics(connection, [topic, 'never-made'], group)
  await sleep(500)
  await running.source.stop()
  await gone
  assert.ok(!(await tools.topics()).includes(topic))
  const { groups } = await (await tools.admin()).listGroups()
  assert.ok(!groups.some(({ groupId }) => groupId === group))
  await removeTopics(connection, [topic], group)
})
