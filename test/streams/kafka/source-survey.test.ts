import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer } from 'kafkajs'
import { BacklogGate, type PartitionOffsets } from '../../../src/streams/kafka/backlog.ts'
import type { ClusterView } from '../../../src/streams/kafka/source-cluster.ts'
import { resolveOptions } from '../../../src/streams/kafka/source-options.ts'
import { PartitionSurvey } from '../../../src/streams/kafka/source-survey.ts'
import { recorder } from '../../support/loggers.ts'

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
