import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, CompressionTypes, Kafka } from 'kafkajs'
import { HieraxError } from '../../../../src/errors.ts'
import { kafka } from '../../../support/brokers.ts'
import { beyondSession, numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection } = await kafka()

async function committed(group: string, topic: string): Promise<number[]> {
  const admin = await tools.admin()
  const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  return [...(offsets?.partitions ?? [])].sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset))
}

test('every message is handled once, in order, and a restart resumes after the commit', { skip }, async () => {
  const topic = await tools.topic(tools.name(), { partitions: 3 })
  const group = tools.name('group')
  await tools.produce(topic, numbered('a', 300, 3))
  const first = startSource(connection, { group, topics: [topic] })
  await until('300 messages', () => first.values.length >= 300)
  await until('lag 0', () => [0, 1, 2].every(partition => first.lags.get(`${topic}/${partition}`) === 0))
  assert.deepEqual(first.source.health(), { ready: true, reason: null })
  await first.source.stop()
  assert.deepEqual(await committed(group, topic), [100, 100, 100])
  assert.equal(new Set(first.values).size, 300)
  for (const partition of [0, 1, 2]) {
    const offsets = first.messages.map(({ source }) => source.split('/')).filter(([, p]) => p === String(partition))
    assert.deepEqual(
      offsets.map(([, , offset]) => Number(offset)),
      Array.from({ length: 100 }, (_, i) => i)
    )
  }
  assert.ok(first.messages.every(({ ingested }) => Math.abs(Date.now() - ingested) < 600_000))
  assert.ok([...first.lags.values()].every(lag => lag === -1))
  assert.deepEqual(first.source.health(), { ready: false, reason: 'stopped' })
  const { groups } = await (await tools.admin()).describeGroups([group])
  assert.equal(groups[0]?.members.length, 0)

  await tools.produce(topic, [...numbered('b', 9, 3), { partition: 0, value: null }])
  const second = startSource(connection, { group, topics: [topic] })
  await until('10 more', () => second.values.length >= 10)
  await until('lag 0', () => [0, 1, 2].every(partition => second.lags.get(`${topic}/${partition}`) === 0))
  await second.source.stop()
  assert.deepEqual(second.values.toSorted(), [...numbered('b', 9).map(({ value }) => value), 'null'].toSorted())
})

test('a rejected chunk is retried until it succeeds; nothing is skipped, repeated or committed before', {
  skip
}, async () => {
  const topic = await tools.topic(tools.name(), { partitions: 2 })
  const group = tools.name('group')
  await tools.produce(topic, numbered('m', 40, 2))
  let failures = 0
  const broken = { now: true }
  const running = startSource(connection, {
    group,
    topics: [topic],
    limits: { chunkMessages: 7 },
    before: batch => {
      if (!broken.now || !batch.some(({ source }) => source === `${topic}/0/10`)) return
      failures++
      throw new HieraxError('STORE_FAILED', 'the disk is full')
    }
  })
  await until('some failures and the other partition', () => failures >= 4 && running.values.length >= 27)
  await until('the commit of what came before', async () => (await committed(group, topic))[0] === 7)
  assert.deepEqual(running.source.health(), { ready: true, reason: 'retrying: STORE_FAILED' })
  broken.now = false
  await until('the rest', () => running.values.length >= 40)
  assert.equal(running.source.health().reason, null)
  await running.source.stop()
  assert.equal(new Set(running.values).size, 40)
  // Delivery is at least once: a rebalance (here, of a machine too busy for heartbeats) may repeat messages.
  if (running.rebalances === 1) assert.equal(running.values.length, 40)
  assert.deepEqual(await committed(group, topic), [20, 20])
})

test('stopping while a chunk is rejected leaves it for the next run', { skip, timeout: 300_000 }, async () => {
  const topic = await tools.topic()
  const group = tools.name('group')
  await tools.produce(topic, numbered('m', 10))
  const failing = startSource(connection, {
    group,
    topics: [topic],
    // A stop that waited for the retry would not end before the test's time limit.
    limits: { chunkMessages: 5, retryFirst: 3_600_000, retryLongest: 3_600_000, stopTimeout: 3_600_000 },
    before: batch => {
      if (batch.some(({ source }) => source.endsWith('/5'))) throw new Error('no')
    }
  })
  await until('a rejection', () => failing.source.health().reason === 'retrying: INTERNAL')
  await failing.source.stop()
  assert.deepEqual(await committed(group, topic), [5])
  const next = startSource(connection, { group, topics: [topic] })
  await until('the rest', () => next.values.length >= 5)
  await next.source.stop()
  assert.deepEqual(
    [...failing.values, ...next.values],
    numbered('m', 10).map(({ value }) => value)
  )
})

test('stop lets the running handler finish and commits its messages', { skip }, async () => {
  const topic = await tools.topic()
  const group = tools.name('group')
  await tools.produce(topic, numbered('m', 20))
  let chunks = 0
  const stops: Promise<void>[] = []
  const running = startSource(connection, {
    group,
    topics: [topic],
    limits: { chunkMessages: 5 },
    before: () => {
      if (++chunks === 2) stops.push(running.source.stop())
      return sleep(400)
    }
  })
  await until('the second chunk', () => stops.length > 0)
  await stops[0]
  assert.equal(running.values.length, 10)
  assert.deepEqual(await committed(group, topic), [10])
})

test('stop does not wait for a refresh of the topics that has no answer', { skip }, async t => {
  const topic = await tools.topic()
  await tools.produce(topic, numbered('m', 50))
  let resolve = () => {}
  const answer = new Promise<void>(done => {
    resolve = done
  })
  const refreshes = { hang: false, hanging: false }
  const create = Kafka.prototype.admin
  t.mock.method(Kafka.prototype, 'admin', function (this: Kafka): Admin {
    const admin = create.call(this)
    const ask = admin.fetchTopicMetadata
    admin.fetchTopicMetadata = (async (options: { topics: string[] }) => {
      if (refreshes.hang) {
        refreshes.hanging = true
        await answer
      }
      return ask(options)
    }) as typeof ask
    return admin
  })
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: [topic],
    limits: { chunkMessages: 1, listInterval: 100 },
    before: () => sleep(200)
  })
  await until('the first message', () => running.values.length >= 1)
  refreshes.hang = true
  await until('a refresh without an answer', () => refreshes.hanging)
  const before = running.values.length
  await running.source.stop()
  resolve()
  // The one in progress.
  assert.ok(running.values.length <= before + 1, `${running.values.length - before} more were handled`)
})

test('a handler slower than the session is neither evicted nor repeated', { skip }, async () => {
  const topic = await tools.topic()
  const group = tools.name('group')
  await tools.produce(topic, numbered('m', 3))
  const running = startSource(connection, { group, topics: [topic], before: () => sleep(beyondSession) })
  await until('the messages', () => running.values.length >= 3)
  await until('the commit', async () => (await committed(group, topic))[0] === 3)
  await running.source.stop()
  assert.deepEqual(running.values, ['m-0', 'm-1', 'm-2'])
  assert.equal(running.rebalances, 1)
  assert.deepEqual(await committed(group, topic), [3])
})

test('a second member takes its share in mid-work; nothing is lost', { skip }, async () => {
  const topic = await tools.topic(tools.name(), { partitions: 4 })
  const group = tools.name('group')
  await tools.produce(topic, numbered('m', 800, 4))
  // Slow until the second has begun, so that it finds work left however long it takes to join.
  let begun = false
  const options = { group, topics: [topic], limits: { chunkMessages: 5 } }
  const one = startSource(connection, { ...options, before: () => sleep(begun || one.values.length < 100 ? 25 : 1000) })
  await until('some work', () => one.values.length >= 100)
  const two = startSource(connection, {
    ...options,
    before: () => {
      begun = true
      return sleep(25)
    }
  })
  await until('all', () => new Set([...one.values, ...two.values]).size === 800)
  assert.ok(two.values.length > 100, `the second member did ${two.values.length}`)
  const repeated = one.values.length + two.values.length - 800
  // The chunks in flight were finished and committed before the group was joined again.
  assert.equal(repeated, 0)
  const owners = (running: typeof one) => [...running.lags].filter(([, lag]) => lag >= 0).length
  await until('two partitions each', () => owners(one) === 2 && owners(two) === 2)
  await one.source.stop()
  await tools.produce(topic, numbered('n', 8, 4))
  await until('the other takes over', () => two.values.filter(value => value.startsWith('n')).length === 8)
  await two.source.stop()
})

test('a new group that begins at the end reads what comes from then on, and later topics whole', { skip }, async () => {
  const [topic, later] = [await tools.topic(tools.name(), { partitions: 2 }), tools.name('later')]
  const group = tools.name('group')
  await tools.produce(topic, numbered('old', 10, 2))
  const running = startSource(connection, { group, from: 'latest', topics: [topic, later] })
  await until('the end', () => running.lags.get(`${topic}/0`) === 0 && running.lags.get(`${topic}/1`) === 0)
  await tools.produce(topic, numbered('new', 4, 2))
  await until('what is new', () => running.values.length >= 4)
  await tools.topic(later)
  await tools.produce(later, numbered('later', 3))
  await until('the later topic', () => running.values.length >= 7)
  await running.source.stop()
  const expected = [...numbered('new', 4), ...numbered('later', 3)].map(({ value }) => value)
  assert.deepEqual(running.values.toSorted(), expected.toSorted())
})

test('messages removed by retention are counted, and reading resumes at the earliest offset', { skip }, async () => {
  const topic = await tools.topic()
  const group = tools.name('group')
  await tools.produce(topic, numbered('a', 10))
  const admin = await tools.admin()
  const first = startSource(connection, { group, topics: [topic] })
  await until('10', () => first.values.length >= 10)
  await first.source.stop()
  await tools.produce(topic, numbered('b', 20))
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '25' }] })
  const second = startSource(connection, { group, topics: [topic], from: 'latest', limits: { chunkMessages: 1 } })
  await until('5', () => second.values.length >= 5)
  assert.deepEqual(second.outOfRange, [{ topic, partition: 0, messages: 15 }])
  const warning = second.lines.find(({ message }) => message.startsWith('15 messages expired before they were read'))
  assert.equal(warning?.level, 'warn')
  assert.deepEqual(warning?.fields, { topic, partition: 0, expected: '10', first: '25', next: '30', messages: 15 })
  await second.source.stop()
  assert.deepEqual(await committed(group, topic), [30])
})

test('messages removed under a reader that lags are counted as well', { skip }, async () => {
  const topic = await tools.topic()
  const group = tools.name('group')
  const admin = await tools.admin()
  const large = Array.from({ length: 40 }, (_, i) => ({ partition: 0, value: `${i}:`.padEnd(50_000, 'x') }))
  for (let i = 0; i < 40; i += 5) await tools.produce(topic, large.slice(i, i + 5))
  const gate = { reached: false, open: false }
  const running = startSource(connection, {
    group,
    topics: [topic],
    limits: { partitionBytes: 300_000, fetchBytes: 300_000 },
    before: () => {
      gate.reached = true
      return until('the gate', () => gate.open)
    }
  })
  await until('the first batch', () => gate.reached)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '30' }] })
  gate.open = true
  await until('the last', () => running.values.some(value => value.startsWith('39:')))
  await until('the count', () => running.outOfRange.length > 0)
  await running.source.stop()
  const before = running.values.filter(value => Number(value.split(':')[0]) < 30).length
  assert.deepEqual(running.outOfRange, [{ topic, partition: 0, messages: 30 - before }])
  assert.equal(running.values.length, before + 10)
})

test('compressed topics are read', { skip }, async () => {
  const topic = await tools.topic()
  const codecs = [CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD]
  for (const codec of codecs) await tools.produce(topic, numbered(`c${codec}`, 5), codec)
  const running = startSource(connection, { group: tools.name('group'), topics: [topic] })
  await until('20', () => running.values.length >= 20)
  await running.source.stop()
  assert.equal(new Set(running.values).size, 20)
})

test('a topic deleted while it is read is dropped, the others are read on', { skip }, async () => {
  const [kept, deleted] = [await tools.topic(), await tools.topic()]
  const running = startSource(connection, { group: tools.name('group'), topics: [kept, deleted] })
  await tools.produce(kept, numbered('a', 3))
  await tools.produce(deleted, numbered('b', 3))
  await until('both', () => running.values.length >= 6)
  await until('no lag', () => running.lags.get(`${deleted}/0`) === 0)
  await (await tools.admin()).deleteTopics({ topics: [deleted] })
  await until('one left', () => running.source.subscribed().length === 1)
  await tools.produce(kept, numbered('c', 3))
  await until('more', () => running.values.length >= 9)
  await until('the deleted topic to have no lag', () => !running.lags.has(`${deleted}/0`))
  await running.source.stop()
})

test('markers and aborted transactions are passed over: no lag remains, and they are committed', { skip }, async () => {
  const topic = await tools.topic()
  const group = tools.name('group')
  const producer = tools.kafka.producer({ transactionalId: tools.name(), idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const send = async (stem: string, end: 'commit' | 'abort') => {
    const transaction = await producer.transaction()
    for (let i = 0; i < 3; i++) await transaction.send({ topic, messages: [{ value: `${stem}-${i}` }] })
    await transaction[end]()
  }
  /** Waits until all is passed over up to `high`, the last of its markers included. */
  const passed = async (running: ReturnType<typeof startSource>, high: number) => {
    await until('the marker', async () => (await tools.offsets(topic)).ends.get(0)?.high === BigInt(high))
    await until('the commit', async () => (await committed(group, topic))[0] === high)
    await until('no lag', () => running.lags.get(`${topic}/0`) === 0)
  }
  const first = startSource(connection, { group, topics: [topic] })
  await until('the group', () => first.lags.get(`${topic}/0`) === 0)
  await send('kept', 'commit')
  await until('the messages', () => first.values.length >= 3)
  await send('dropped', 'abort')
  await passed(first, 8)
  await first.source.stop()

  // A member that finds nothing else commits as well.
  await send('dropped', 'abort')
  await producer.disconnect()
  const second = startSource(connection, { group, topics: [topic] })
  await passed(second, 12)
  await second.source.stop()
  assert.deepEqual([...first.values, ...second.values], ['kept-0', 'kept-1', 'kept-2'])
})
