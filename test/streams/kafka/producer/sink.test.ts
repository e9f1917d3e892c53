import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { HieraxError } from '../../../../src/errors.ts'
import { createPartitioner } from '../../../../src/streams/kafka/producer/partitioner.ts'
import { KafkaSink, type KafkaSinkOptions } from '../../../../src/streams/kafka/producer/sink.ts'
import type { OutputMessage } from '../../../../src/streams/types.ts'
import { kafka } from '../../../support/brokers.ts'
import { recorder, silent } from '../../../support/loggers.ts'
import { until } from '../../../support/until.ts'

const broker = await kafka()
const withKafka = { skip: broker.skip }

function sinkOf(t: TestContext, options: Partial<KafkaSinkOptions> = {}) {
  const sink = new KafkaSink({ connection: broker.connection, logger: silent, ...options })
  t.after(() => sink.close())
  return sink
}

function message(topic: string, key: string | null, value: string | Buffer): OutputMessage {
  return { topic, key, value: Buffer.from(value), headers: { id: `${key}` } }
}

test('key, value and headers arrive; a key stays in one partition, in order', withKafka, async t => {
  const topic = await broker.tools.topic(undefined, { partitions: 4 })
  const published = new Map<string, number>()
  const sink = sinkOf(t, { onPublished: (name, count) => published.set(name, (published.get(name) ?? 0) + count) })
  const messages = Array.from({ length: 600 }, (_, i) => message(topic, `ZTF${i % 30}`, `${i}`))
  // Several at once, as the partitions of the input do.
  await Promise.all([0, 200, 400].map(from => sink.send(messages.slice(from, from + 200))))
  const read = await broker.tools.read(topic, 600)
  assert.equal(read.length, 600)
  assert.equal(published.get(topic), 600)
  assert.equal(new Set(read.map(({ partition }) => partition)).size, 4)
  const choose = createPartitioner()
  const last = new Map<string, number>()
  for (const { key, value, headers, partition } of read) {
    assert.ok(key !== null && value !== null)
    assert.equal(headers.id, key)
    assert.equal(partition, choose(topic, key, 4))
    assert.ok(Number(value) > (last.get(key) ?? -1), `${value} after ${last.get(key)}`)
    last.set(key, Number(value))
  }
  assert.equal(sink.reason(), null)
})

test('requests are kept below the limit of the broker', withKafka, async t => {
  const topic = await broker.tools.topic()
  await sinkOf(t).send(Array.from({ length: 50 }, (_, i) => message(topic, null, Buffer.alloc(80_000, i))))
  const read = await broker.tools.read(topic, 50)
  assert.deepEqual(
    read.map(({ value }) => value?.[79_999]),
    Array.from({ length: 50 }, (_, i) => i)
  )
})

test(
  'a request that is too large for the topic is divided; a value that is too large is sent empty',
  withKafka,
  async t => {
    const topic = await broker.tools.topic(undefined, { config: { 'max.message.bytes': '20000' } })
    const sizes = [9000, 100, 30_000, 9000, 9000, 19_000, 5]
    await sinkOf(t).send(sizes.map((size, i) => message(topic, `${i}`, Buffer.alloc(size))))
    const read = await broker.tools.read(topic, sizes.length)
    assert.deepEqual(
      read.map(({ key, value }) => [key, value?.length]),
      sizes.map((size, i) => [`${i}`, size === 30_000 ? 0 : size])
    )
    assert.deepEqual(read[2]?.headers, { id: '2', 'value.omitted': 'true', 'value.bytes': '30000' })
  }
)

test('a topic that appears later is waited for, and readiness says so', withKafka, async t => {
  const topic = broker.tools.name()
  const retries: HieraxError[] = []
  const { logger, lines } = recorder()
  const sink = sinkOf(t, { logger, onRetry: (_, error) => retries.push(error) })
  const sent = sink.send([message(topic, 'k', 'v')])
  await until(() => retries.length >= 2)
  assert.notEqual(sink.reason(), null)
  await broker.tools.topic(topic)
  await sent
  assert.equal(sink.reason(), null)
  assert.equal((await broker.tools.read(topic, 1)).length, 1)
  // Two of each where the broker took longer to know the topic's leader than to know the topic.
  const levels = lines.map(({ level }) => level).filter(level => level !== 'debug')
  assert.match(levels.join(), /^(warn,info,?){1,2}$/)
})

test('messages that wait for their topic are not overtaken', withKafka, async t => {
  const [known, late] = [await broker.tools.topic(), broker.tools.name()]
  const sink = sinkOf(t)
  await sink.send([message(known, 'k', '0')])
  const first = sink.send([message(known, 'k', '1'), message(late, 'k', '1')])
  const second = sink.send([message(known, 'k', '2')])
  await broker.tools.topic(late)
  await Promise.all([first, second])
  const read = await broker.tools.read(known, 3)
  assert.deepEqual(
    read.map(({ value }) => String(value)),
    ['0', '1', '2']
  )
})

test('a signal ends the wait with PUBLISH_FAILED, and the sink works on', withKafka, async t => {
  const [topic, other] = [await broker.tools.topic(), await broker.tools.topic()]
  const sink = sinkOf(t)
  await sink.send([message(topic, 'k', 'v')])
  const admin = await broker.tools.admin()
  await admin.deleteTopics({ topics: [topic] })
  await until(async () => !(await broker.tools.topics()).includes(topic))
  const giveUp = new AbortController()
  const sent = assert.rejects(sink.send([message(topic, 'k', 'v')], giveUp.signal), { code: 'PUBLISH_FAILED' })
  await until(() => sink.reason() !== null)
  giveUp.abort()
  await sent
  await sink.send([message(other, 'k', 'v')])
  assert.equal((await broker.tools.read(other, 1)).length, 1)
  await assert.rejects(sink.send([message(other, 'k', 'v')], AbortSignal.abort()), { code: 'PUBLISH_FAILED' })
})

test(
  'a message for a partition that is gone counts as published only when it is in another one',
  withKafka,
  async t => {
    const topic = await broker.tools.topic(undefined, { partitions: 4 })
    const published: number[] = []
    const sink = sinkOf(t, { onPublished: (_topic, count) => published.push(count) })
    const choose = createPartitioner()
    const key = Array.from({ length: 100 }, (_, at) => `k${at}`).find(key => choose(topic, key, 4) === 3) as string
    await sink.send([message(topic, key, 'before')])
    const admin = await broker.tools.admin()
    await admin.deleteTopics({ topics: [topic] })
    await until(async () => !(await broker.tools.topics()).includes(topic))
    await broker.tools.topic(topic, { partitions: 1 })
    const sent = sink.send([message(topic, key, 'after')])
    await until(() => sink.reason() === `output topic ${topic}: UNKNOWN_TOPIC_OR_PARTITION`)
    assert.deepEqual(published, [1])
    await sent
    assert.deepEqual(published, [1, 1])
    const read = await broker.tools.read(topic)
    assert.deepEqual(
      read.map(({ value }) => String(value)),
      ['after']
    )
  }
)

test('closing ends pending sends', withKafka, async t => {
  const sink = sinkOf(t)
  const sent = assert.rejects(sink.send([message(broker.tools.name(), 'k', 'v')]), { code: 'PUBLISH_FAILED' })
  await until(() => sink.reason() !== null)
  await sink.close()
  await sent
  await assert.rejects(sink.send([message('t', 'k', 'v')]), { code: 'PUBLISH_FAILED' })
})

test('no broker: connecting fails, sending waits', async t => {
  const connection = { brokers: ['127.0.0.1:1'], ssl: false, sasl: null, clientId: 'test' }
  const sink = sinkOf(t, { connection })
  await assert.rejects(sink.connect(), { code: 'KAFKA_UNAVAILABLE', message: /127\.0\.0\.1:1/ })
  const giveUp = new AbortController()
  const sent = assert.rejects(sink.send([message('t', 'k', 'v')], giveUp.signal), { code: 'PUBLISH_FAILED' })
  await until(() => sink.reason() === 'output cluster unreachable')
  giveUp.abort()
  await sent
})

for (const [before, after] of [
  [5, 2],
  [2, 5],
  [3, 3]
] as const) {
  test(
    `a topic of ${before} partitions that is deleted and created again with ${after} is written to, in order`,
    withKafka,
    async t => {
      const topic = await broker.tools.topic(undefined, { partitions: before })
      const other = await broker.tools.topic(undefined, { partitions: 2 })
      const { logger, lines } = recorder()
      const sink = new KafkaSink({ connection: broker.connection, logger })
      t.after(() => sink.close())
      const batch = (from: number) =>
        Array.from({ length: 40 }, (_, n) => [message(topic, `ZTF${n % 20}`, `${from + n}`), message(topic, null, '-')])
          .flat()
          .concat(message(other, 'k', `${from}`))
      await sink.send(batch(0))
      await (await broker.tools.admin()).deleteTopics({ topics: [topic] })
      const sent = [100, 200, 300].map(from => sink.send(batch(from)))
      await until(() => sink.reason() === `output topic ${topic}: UNKNOWN_TOPIC_OR_PARTITION`)
      await broker.tools.topic(topic, { partitions: after })
      await Promise.all(sent)
      const changed = () => lines.filter(line => /another number of partitions/.test(line.message))
      if (before !== after) await until(() => changed().length > 0)
      await sink.send(batch(400))
      assert.equal(sink.reason(), null)

      const read = (await broker.tools.read(topic)).filter(({ key }) => key !== null)
      const choose = createPartitioner()
      const latest = new Map<string, number>()
      const seen = new Set<string>()
      for (const { key, value, partition } of read) {
        const number = Number(value)
        // Requests in flight may still go where the old number puts them, and may be repeated.
        if (number >= 400) assert.equal(partition, choose(topic, key, after))
        const before = latest.get(`${key}/${partition}`) ?? -1
        assert.ok(seen.has(`${value}`) || number > before, `${value} after ${before}`)
        latest.set(`${key}/${partition}`, Math.max(number, before))
        seen.add(`${value}`)
      }
      assert.equal([...seen].filter(value => Number(value) >= 100).length, 160, 'nothing is lost')
      assert.deepEqual(
        changed().map(({ level, fields }) => [level, fields]),
        before === after ? [] : [['warn', { topic, partitions: after, before }]]
      )
      assert.equal((await broker.tools.read(other)).length, 5)
    }
  )
}

test('a topic that gets more partitions is written to in all of them', withKafka, async t => {
  const topic = await broker.tools.topic(undefined, { partitions: 1 })
  const { logger, lines } = recorder()
  const sink = new KafkaSink({ connection: broker.connection, logger, countInterval: 50 })
  t.after(() => sink.close())
  const send = (value: string) => sink.send(Array.from({ length: 20 }, (_, n) => message(topic, `ZTF${n}`, value)))
  await send('before')
  await (await broker.tools.admin()).createPartitions({ topicPartitions: [{ topic, count: 3 }] })
  let times = 0
  await until(async () => {
    await send(`${++times}`)
    return lines.some(line => /another number of partitions/.test(line.message))
  })
  await send('after')
  const read = await broker.tools.read(topic, 20 * (times + 2))
  assert.equal(read.length, 20 * (times + 2))
  const choose = createPartitioner()
  for (const { key, partition } of read.filter(({ value }) => String(value) === 'after'))
    assert.equal(partition, choose(topic, key, 3))
})

test('partitions that recover one after the other redistribute the messages once', withKafka, async t => {
  const topic = await broker.tools.topic(undefined, { partitions: 3 })
  const missing = broker.tools.name()
  const { logger, lines } = recorder()
  let published = 0
  let retries = 0
  const onPublished = (_topic: string, count: number) => {
    published += count
  }
  const sink = new KafkaSink({ connection: broker.connection, logger, onPublished, onRetry: () => void retries++ })
  t.after(() => sink.close())
  const choose = createPartitioner()
  const batch = (value: string) => Array.from({ length: 40 }, (_, n) => message(topic, `ZTF${n}`, value))
  const batchOf = (partition: number) => batch('after').filter(({ key }) => choose(topic, key, 3) === partition)
  await sink.send(batch('before'))
  await (await broker.tools.admin()).deleteTopics({ topics: [topic] })
  // The pauses of the first partition have become longer when those of the second begin.
  const first = sink.send(batchOf(0))
  await until(() => retries >= 4)
  const second = sink.send(batchOf(1))
  await until(() => retries >= 6)
  // Until this topic exists, no redistribution can begin, and every partition that recovers asks for one.
  const blocked = sink.send([message(missing, 'k', 'v')])
  await broker.tools.topic(topic, { partitions: 8 })
  await Promise.all([first, second])
  assert.equal(published, 40 + batchOf(0).length + batchOf(1).length)
  await broker.tools.topic(missing, { partitions: 1 })
  await blocked
  await sink.send(batch('last'))
  const changes = lines.filter(line => /another number of partitions/.test(line.message))
  assert.deepEqual(
    changes.map(({ fields }) => fields),
    [{ topic, partitions: 8, before: 3 }]
  )
  for (const { key, value, partition } of await broker.tools.read(topic))
    if (String(value) === 'last') assert.equal(partition, choose(topic, key, 8))
})
