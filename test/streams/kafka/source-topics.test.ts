import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafka } from '../../support/brokers.ts'
import { KafkaTools } from '../../support/kafka-tools.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection } = await kafka()

/** The offset that the group committed for partition 0. */
async function committed(group: string, topic: string): Promise<number> {
  const [offsets] = await (await tools.admin()).fetchOffsets({ groupId: group, topics: [topic] })
  return Number(offsets?.partitions.find(({ partition }) => partition === 0)?.offset)
}

/** Deletes a topic and creates it again, with these many partitions. */
async function recreate(topic: string, partitions: number): Promise<void> {
  const admin = await tools.admin()
  await admin.deleteTopics({ topics: [topic] })
  await until('the topic to be gone', async () => !(await tools.topics()).includes(topic))
  await tools.topic(topic, { partitions })
}

test('a topic created again with more messages than were read is read from its start, and the log says so', {
  skip
}, async () => {
  const topic = await tools.topic(tools.name(), { partitions: 2 })
  const group = tools.name('group')
  await tools.produce(topic, numbered('old', 20, 2))
  const recreated: string[] = []
  const running = startSource(connection, {
    group,
    topics: [topic],
    events: { onRecreated: name => recreated.push(name) }
  })
  await until('the old topic', () => running.values.length >= 20)

  await recreate(topic, 2)
  await tools.produce(topic, numbered('new', 60, 2))
  await until('all of the new topic', () => new Set(running.values).size === 80)
  await until('the event', () => recreated.length > 0)
  assert.deepEqual(recreated, [topic])
  assert.deepEqual(running.restarts, [], 'no crash')
  const warnings = running.lines.filter(({ message }) => message.startsWith('the topic was deleted and created again'))
  assert.deepEqual(
    warnings.map(({ level, fields }) => ({ level, fields })),
    [{ level: 'warn', fields: { topic, partitions: [0, 1] } }]
  )
  await running.source.stop()

  // The commits belong to the new topic now: a restart neither repeats nor skips anything.
  await tools.produce(topic, numbered('more', 4, 2))
  const next = startSource(connection, { group, topics: [topic] })
  await until('what followed', () => next.values.length >= 4)
  await next.source.stop()
  assert.deepEqual(
    next.values.toSorted(),
    numbered('more', 4).map(({ value }) => value)
  )
})

test('from latest: a topic created again, and a partition that is added, are read as a whole', { skip }, async t => {
  const topic = await tools.topic()
  await tools.produce(topic, numbered('old', 5))
  const group = tools.name('group')
  const first = startSource(connection, { group, from: 'latest', topics: [topic] })
  await until('the commit of its end', async () => (await committed(group, topic)) === 5)
  await first.source.stop()

  // While nobody reads.
  await (await tools.admin()).createPartitions({ topicPartitions: [{ topic, count: 2 }] })
  await until('the second partition', async () => (await tools.offsets(topic)).ends.size === 2)
  // kafkajs drops messages for a partition that a producer does not know yet.
  const fresh = new KafkaTools(connection.brokers)
  t.after(() => fresh.close())
  await fresh.produce(topic, numbered('added', 6, 2))
  const second = startSource(connection, { group, from: 'latest', topics: [topic] })
  await until('what was added', () => second.values.length >= 6)
  assert.deepEqual(
    second.values.toSorted(),
    numbered('added', 6).map(({ value }) => value)
  )

  await recreate(topic, 1)
  await tools.produce(topic, numbered('new', 9))
  await until('the new topic', () => second.values.filter(value => value.startsWith('new')).length >= 9)
  await second.source.stop()
  assert.ok(![...first.values, ...second.values].some(value => value.startsWith('old')))
})
