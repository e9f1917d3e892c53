import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer } from 'kafkajs'
import { BacklogGate, type PartitionOffsets } from '../../../src/streams/kafka/backlog.ts'
import type { ClusterView } from '../../../src/streams/kafka/source-cluster.ts'
import { resolveOptions } from '../../../src/streams/kafka/source-options.ts'
import { PartitionSurvey } from '../../../src/streams/kafka/source-survey.ts'
import { recorder } from '../../support/loggers.ts'
import { until } from './source-harness.ts'

type Partitions = readonly { topic: string; partitions?: readonly number[] }[]

/** A consumer that takes down what it is told and throws after its end, as kafkajs does. */
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

  async commitOffsets(list: readonly { topic: string; partition: number; offset: string }[]): Promise<void> {
    for (const { topic, partition, offset } of list)
      this.#note(`commit ${offset}`, [{ topic, partitions: [partition] }])
  }

  #note(what: string, list: Partitions): void {
    for (const { topic, partitions = [] } of list) {
      for (const partition of partitions) this.calls.push(`${what} ${topic}/${partition}`)
    }
    if (this.#ended) throw new Error('Consumer group was not initialized, consumer#run must be called first')
  }
}

const surveys: PartitionSurvey[] = []

// A test that failed leaves its survey looking, and with it the process.
after(() => {
  for (const survey of surveys) survey.close()
})

/** A survey of the topics with a consumer that takes down what it is told; `look` answers what the cluster is asked. */
function surveyOf(topics: readonly string[], fromLatest: readonly string[], look: ClusterView['offsets']) {
  const consumer = new FakeConsumer()
  const { logger, lines } = recorder()
  const limits = { backlogInterval: 20, lagInterval: 20 }
  const connection = { brokers: [], ssl: false, sasl: null, clientId: 'test' }
  const base = { connection, logger, group: 'g', from: 'latest', topics, programs: [1], limits } as const
  const survey = new PartitionSurvey({
    consumer: consumer as unknown as Consumer,
    options: resolveOptions(base),
    cluster: { offsets: look, topicStates: async () => new Map(), close: async () => undefined },
    gate: new BacklogGate(),
    topics,
    fromLatest: new Set(fromLatest)
  })
  surveys.push(survey)
  return { survey, consumer, lines }
}

const offsets = (topic: string, committed: bigint | null): PartitionOffsets => ({
  topic,
  partition: 0,
  low: 0n,
  high: 70n,
  committed
})

test('a consumer that was stopped is told nothing, whichever look is under way', async () => {
  const answers: (() => void)[] = []
  const { survey, consumer } = surveyOf(['a'], ['a'], async () => {
    await new Promise<void>(resolve => answers.push(resolve))
    return [offsets('a', null)]
  })
  survey.assign({ a: [0] })
  consumer.stop()
  answers[0]!()
  await sleep(50)
  assert.deepEqual(consumer.calls, ['pause a/0'])
  assert.equal(answers.length, 1)
})

test('what begins at its end waits until that is known; the others do not wait for it', async () => {
  const known = { now: false }
  let looks = 0
  const { survey, consumer, lines } = surveyOf(['new', 'old'], ['new'], async () => {
    looks++
    return known.now ? [offsets('new', null), offsets('old', 30n)] : [offsets('old', 30n)]
  })
  survey.assign({ new: [0], old: [0] })
  await until('four looks', () => looks >= 4)
  assert.deepEqual(consumer.calls, ['pause new/0', 'pause old/0', 'resume old/0'])
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields]).slice(0, 2),
    ['warn', 'debug'].map(level => [level, { topics: ['new'], waiting: ['new/0'] }])
  )
  known.now = true
  await until('the partition to go on', () => consumer.calls.includes('resume new/0'))
  assert.deepEqual(consumer.calls.slice(3), ['seek 70 new/0', 'commit 70 new/0', 'resume new/0'])
  assert.equal(lines.filter(({ level }) => level === 'warn').length, 1)
})

test('a group that goes on where it was is not sent to the end, however late that is known', async () => {
  let looks = 0
  const { survey, consumer } = surveyOf(['a'], ['a'], async () => (++looks < 3 ? [] : [offsets('a', 30n)]))
  survey.assign({ a: [0] })
  await until('the partition to go on', () => consumer.calls.includes('resume a/0'))
  assert.deepEqual(consumer.calls, ['pause a/0', 'resume a/0'])
})

test('a look at many topics has the time of many', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const topics = ['a', 'b', 'c']
  const { survey, consumer } = surveyOf(topics, [], async () => {
    await new Promise(resolve => setTimeout(resolve, 14_000))
    return topics.map(topic => offsets(topic, 80n))
  })
  survey.assign({ a: [0] })
  t.mock.timers.tick(14_500)
  await new Promise(resolve => setImmediate(resolve))
  // Past the end, as in a log made anew: only who knows the offsets goes back.
  assert.deepEqual(consumer.calls, ['pause a/0', 'seek 0 a/0', 'commit 0 a/0', 'resume a/0'])
})
