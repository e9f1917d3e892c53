import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Consumer } from 'kafkajs'
import type { OffsetCommit, PartitionOffsets } from '../../../../src/streams/kafka/client/offsets.ts'
import { PartitionTracker, type TrackerContext } from '../../../../src/streams/kafka/consumer/partitions.ts'
import { recorder } from '../../../support/loggers.ts'
import { limitsOf, until } from './source-harness.ts'

type Partitions = readonly { topic: string; partitions?: readonly number[] }[]

/** A consumer that records its calls and throws after it was stopped, as kafkajs does. */
class FakeConsumer {
  readonly calls: string[] = []
  readonly events = { STOP: 'consumer.stop' }
  #stopped: (() => void)[] = []
  #ended = false

  on(name: string, listener: () => void): void {
    if (name === this.events.STOP) this.#stopped.push(listener)
  }

  stop(): void {
    this.#ended = true
    for (const listener of this.#stopped) listener()
  }

  pause(list: Partitions): void {
    this.#note('pause', list)
  }

  resume(list: Partitions): void {
    this.#note('resume', list)
  }

  seek({ topic, partition, offset }: { topic: string; partition: number; offset: string }): void {
    this.#note(`seek ${offset}`, [{ topic, partitions: [partition] }])
  }

  async commitOffsets(list: readonly OffsetCommit[]): Promise<void> {
    for (const { topic, partition, offset, metadata } of list)
      this.#note(`commit ${offset}${metadata ? ` ${metadata}` : ''}`, [{ topic, partitions: [partition] }])
  }

  #note(what: string, list: Partitions): void {
    for (const { topic, partitions = [] } of list) {
      for (const partition of partitions) this.calls.push(`${what} ${topic}/${partition}`)
    }
    if (this.#ended) throw new Error('Consumer group was not initialized, consumer#run must be called first')
  }
}

const trackers: PartitionTracker[] = []

// The tracker of a failed test would keep the process alive.
after(() => {
  for (const tracker of trackers) tracker.close()
})

/** A tracker of the topics with a consumer that records its calls; `readOffsets` answers for the cluster. */
function trackerOf(
  topics: readonly string[],
  fromTime: readonly string[],
  readOffsets: TrackerContext['readOffsets'],
  limits = { backlogInterval: 20, lagInterval: 20 },
  context: Partial<TrackerContext> = {}
) {
  const consumer = new FakeConsumer()
  const { logger, lines } = recorder()
  const tracker = new PartitionTracker({
    consumer: consumer as unknown as Consumer,
    logger,
    events: {},
    limits: limitsOf(limits),
    topics,
    fromTime: new Set(fromTime),
    since: 0,
    topicIds: new Map(),
    offsetsAt: async () => new Map([[0, 70n]]),
    describeTopics: async () => new Map(),
    onOutdated: () => {},
    onDenied: () => {},
    readOffsets,
    heldTopics: () => new Set(),
    ...context
  })
  trackers.push(tracker)
  return { tracker, consumer, lines }
}

const offsets = (topic: string, committed: bigint | null): PartitionOffsets => ({
  topic,
  partition: 0,
  low: 0n,
  high: 70n,
  committed
})

test('a stopped consumer gets no calls, even when offsets are being read', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const answers: (() => void)[] = []
  const { tracker, consumer } = trackerOf(['a'], ['a'], async () => {
    await new Promise<void>(resolve => answers.push(resolve))
    return [offsets('a', null)]
  })
  tracker.assign({ a: [0] })
  await new Promise(resolve => setImmediate(resolve))
  consumer.stop()
  answers[0]!()
  await new Promise(resolve => setImmediate(resolve))
  t.mock.timers.tick(60_000)
  await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(consumer.calls, ['pause a/0'])
  assert.equal(answers.length, 1)
})

test('a partition read from its end waits until that is known; the others do not wait for it', async () => {
  const known = { now: false }
  let reads = 0
  const { tracker, consumer, lines } = trackerOf(['new', 'old'], ['new'], async () => {
    reads++
    return known.now ? [offsets('new', null), offsets('old', 30n)] : [offsets('old', 30n)]
  })
  tracker.assign({ new: [0], old: [0] })
  await until('four reads', () => reads >= 4)
  assert.deepEqual(consumer.calls, ['pause new/0', 'pause old/0', 'resume old/0'])
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields]).slice(0, 4),
    ['debug', 'debug', 'warn', 'debug'].map(level => [level, { topics: ['new'], waiting: ['new/0'] }])
  )
  known.now = true
  await until('the partition to be resumed', () => consumer.calls.includes('resume new/0'))
  assert.deepEqual(consumer.calls.slice(3), ['seek 70 new/0', `commit 70 ${noteOf(null, 0)} new/0`, 'resume new/0'])
  assert.equal(lines.filter(({ level }) => level === 'warn').length, 1)
})

test('one failed reading is repeated soon, without a warning', async () => {
  let reads = 0
  const answer = async () => (++reads === 1 ? [] : [offsets('a', 30n)])
  const { tracker, lines } = trackerOf(['a'], [], answer, { backlogInterval: 20, lagInterval: 60_000 })
  tracker.assign({ a: [0] })
  await until('a second reading', () => reads >= 2)
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['debug']
  )
})

test('a group with an offset is not sent to the end, however late the offset is known', async () => {
  let reads = 0
  const { tracker, consumer } = trackerOf(['a'], ['a'], async () => (++reads < 3 ? [] : [offsets('a', 30n)]))
  tracker.assign({ a: [0] })
  await until('the partition to be resumed', () => consumer.calls.includes('resume a/0'))
  assert.deepEqual(consumer.calls, ['pause a/0', 'resume a/0'])
})

test('the time limit for reading offsets grows with the number of topics', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const topics = ['a', 'b', 'c']
  const { tracker, consumer } = trackerOf(topics, [], async () => {
    await new Promise(resolve => setTimeout(resolve, 14_000))
    return topics.map(topic => offsets(topic, 80n))
  })
  tracker.assign({ a: [0] })
  await new Promise(resolve => setImmediate(resolve))
  t.mock.timers.tick(14_500)
  await new Promise(resolve => setImmediate(resolve))
  // Past the end, as in a recreated topic: the seek shows that the offsets were read.
  assert.deepEqual(consumer.calls, ['pause a/0', 'seek 0 a/0', 'commit 0 a/0', 'resume a/0'])
})

const described = (id: string) => new Map([['a', { id, readable: true }]])
const noteOf = (topicId: string | null, since: number | null) => JSON.stringify({ topicId, since })

test('a committed offset of a topic that was created again does not count, in this process or in one before', async () => {
  for (const { topicIds, note } of [
    { topicIds: new Map(), note: { topicId: 'k/1', since: null } },
    // The broker has dropped the commit with the topic.
    { topicIds: new Map([['a', 'k/1']]), note: undefined }
  ]) {
    const recreated: string[] = []
    const entry = { ...offsets('a', note === undefined ? null : 30n), low: 3n, ...(note === undefined ? {} : { note }) }
    const { tracker, consumer, lines } = trackerOf(['a'], ['a'], async () => [entry], undefined, {
      topicIds,
      describeTopics: async () => described('k/2'),
      events: { onRecreated: topic => recreated.push(topic) }
    })
    tracker.assign({ a: [0] })
    await until('the partition to be resumed', () => consumer.calls.includes('resume a/0'))
    assert.deepEqual(consumer.calls, ['pause a/0', 'seek 3 a/0', `commit 3 ${noteOf('k/2', 0)} a/0`, 'resume a/0'])
    assert.deepEqual(recreated, ['a'])
    assert.equal(topicIds.get('a'), 'k/2')
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 1)
    tracker.close()
  }
})

test('a topic created again while it is read ends the session before anything is committed for it', async () => {
  let id = 'k/1'
  let outdated = 0
  const { tracker, consumer } = trackerOf(['a'], [], async () => [offsets('a', 30n)], undefined, {
    describeTopics: async () => described(id),
    onOutdated: () => outdated++
  })
  tracker.assign({ a: [0] })
  await until('the partition to be resumed', () => consumer.calls.includes('resume a/0'))
  assert.deepEqual(consumer.calls, ['pause a/0', `commit 30 ${noteOf('k/1', null)} a/0`, 'resume a/0'])
  id = 'k/2'
  await until('the end', () => outdated > 0)
  assert.equal(tracker.noteOf({ topic: 'a', partition: 0 }), noteOf('k/1', null), 'offsets are those of the old topic')
})

test('brokers that can not describe topics change nothing', async () => {
  const { tracker, consumer } = trackerOf(['a'], [], async () => [offsets('a', 30n)], undefined, {
    topicIds: new Map([['a', 'k/1']]),
    describeTopics: async () => new Map()
  })
  tracker.assign({ a: [0] })
  await until('the partition to be resumed', () => consumer.calls.includes('resume a/0'))
  assert.ok(!consumer.calls.some(call => call.startsWith('seek')))
})

test('from latest: the first message since the group began, by the earliest time that any commit names', async () => {
  const asked: number[] = []
  let answers = false
  const entries: PartitionOffsets[] = [
    { ...offsets('a', 30n), note: { topicId: null, since: 500 } },
    { ...offsets('a', null), partition: 1 }
  ]
  const { tracker, consumer } = trackerOf(['a'], ['a'], async () => entries, undefined, {
    since: 900,
    offsetsAt: async (_topic, time) => {
      asked.push(time)
      if (!answers) throw new Error('not authorized')
      return new Map([
        [0, 31n],
        [1, 4n]
      ])
    }
  })
  tracker.assign({ a: [0, 1] })
  await until('two look-ups', () => asked.length >= 2)
  assert.deepEqual(consumer.calls, ['pause a/0', 'pause a/1', 'resume a/0'])
  answers = true
  await until('the partition to be resumed', () => consumer.calls.includes('resume a/1'))
  assert.deepEqual(consumer.calls.slice(3), ['seek 4 a/1', `commit 4 ${noteOf(null, 900)} a/1`, 'resume a/1'])
  assert.ok(asked.every(time => time === 500))
})

test('a topic that may not be read waits and is named; the others are read, and it too when that is allowed', async () => {
  let readable = false
  const deniedNow: string[][] = []
  const { tracker, consumer, lines } = trackerOf(
    ['a', 'b'],
    [],
    async () => [offsets('a', 3n), offsets('b', 4n)],
    undefined,
    {
      describeTopics: async () =>
        new Map([
          ['a', { id: 'k/1', readable }],
          ['b', { id: 'k/2', readable: true }]
        ]),
      onDenied: topics => deniedNow.push([...topics])
    }
  )
  tracker.assign({ a: [0], b: [0] })
  await until('three refreshes', () => deniedNow.length >= 3)
  const moves = () => consumer.calls.filter(call => /^(pause|resume)/.test(call))
  assert.deepEqual(moves(), ['pause a/0', 'pause b/0', 'resume b/0'])
  assert.ok(deniedNow.every(topics => topics.join() === 'a'))
  const said = () => lines.filter(({ level }) => level !== 'debug').map(({ level, fields }) => [level, fields])
  assert.deepEqual(said(), [['warn', { topic: 'a' }]])
  readable = true
  await until('the partition to be resumed', () => moves().includes('resume a/0'))
  assert.deepEqual(deniedNow.at(-1), [])
  assert.deepEqual(said(), [
    ['warn', { topic: 'a' }],
    ['info', { topic: 'a' }]
  ])
})
