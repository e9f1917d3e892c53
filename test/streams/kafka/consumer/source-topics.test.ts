import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafka } from '../../../support/brokers.ts'
import { KafkaTools } from '../../../support/kafka-tools.ts'
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
  const recreated: { topic: string; after: number }[] = []
  const running = startSource(connection, {
    group,
    topics: [topic],
    events: { onRecreated: topic => recreated.push({ topic, after: running.values.length }) }
  })
  await until('the old topic', () => running.values.length >= 20)

  await recreate(topic, 2)
  await tools.produce(topic, numbered('new', 60, 2))
  await until('the event', () => recreated.length > 0)
  // Some may have been read before it was known that the topic is another one. All are read again.
  await until('all of the new topic', () => new Set(running.values.slice(recreated[0]?.after)).size === 60)
  assert.deepEqual(
    recreated.map(({ topic }) => topic),
    [topic]
  )
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

test('a pattern: topics that are created later are read as a whole, from latest as well, and deleted ones leave', {
  skip
}, async () => {
  const stem = tools.name('pattern')
  const group = tools.name('group')
  const first = await tools.topic(`${stem}.a.x`)
  await tools.topic(`${stem}.a.written`)
  await tools.produce(first, numbered('old', 3))
  const running = startSource(connection, {
    group,
    from: 'latest',
    topics: [`${stem}.*`],
    exclude: [`${stem}.a.written`]
  })
  await until('the first topic', () => running.lags.has(`${first}/0`))
  await tools.produce(first, numbered('new', 4))
  await tools.produce(`${stem}.a.written`, numbered('written', 2))
  const second = await tools.topic(`${stem}.b.y`, { partitions: 2 })
  await tools.produce(second, numbered('second', 6, 2))
  await until('both topics', () => new Set(running.values).size >= 10)
  assert.deepEqual(running.source.subscribed(), [first, second])
  const empty = await tools.topic(`${stem}.c`)
  await until('the third topic', () => running.source.subscribed().includes(empty))
  await (await tools.admin()).deleteTopics({ topics: [empty] })
  await until('two topics left', () => running.source.subscribed().length === 2)
  await tools.produce(second, numbered('third', 2, 2))
  await until('what followed', () => new Set(running.values).size >= 12)
  await running.source.stop()
  assert.ok(!running.values.some(value => /^(old|written)/.test(value)), String(running.values))
})

test('from a date: by timestamp, where nothing is committed', { skip }, async () => {
  const from = Date.parse('2026-11-20T00:00:00Z')
  const at = (value: string, partition: number, days: number) => ({
    value,
    partition,
    timestamp: String(from + days * 86_400_000)
  })
  const topic = await tools.topic(tools.name(), { partitions: 3 })
  // The timestamps of the second partition are all before the date; those of the third are not in order.
  const messages = [at('before', 0, -1), at('exactly', 0, 0), at('after', 0, 2)]
  const others = [at('old', 1, -2), at('older', 1, -9), at('early', 2, -1), at('late', 2, 1), at('delayed', 2, -3)]
  await tools.produce(topic, [...messages, ...others])
  const group = tools.name('group')
  const running = startSource(connection, { group, from, topics: [topic] })
  await until('what is later', () => running.values.length >= 4)
  await tools.produce(topic, [at('new', 1, -5)])
  await until('what is new', () => running.values.length >= 5)
  await running.source.stop()
  assert.deepEqual(running.values.toSorted(), ['after', 'delayed', 'exactly', 'late', 'new'])

  // A group that has committed goes on, whatever the date.
  await tools.produce(topic, [at('more', 0, -8)])
  const next = startSource(connection, { group, from: from + 30 * 86_400_000, topics: [topic] })
  await until('what followed', () => next.values.length >= 1)
  await next.source.stop()
  assert.deepEqual(next.values, ['more'])
})
