import assert from 'node:assert/strict'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaConnection } from '../../../../src/streams/kafka/client/connection.ts'
import { defaultLimits, type SourceLimits } from '../../../../src/streams/kafka/consumer/limits.ts'
import { KafkaSource, type KafkaSourceOptions } from '../../../../src/streams/kafka/consumer/source.ts'
import type { BatchControl, InputMessage } from '../../../../src/streams/types.ts'
import { type LogLine, recorder } from '../../../support/loggers.ts'
import '../../../support/overwrite-frames.mjs'
import { patienceMs } from '../../../support/until.ts'

/** A connection to nowhere, for parts that are tested without a cluster. */
export const nowhere: KafkaConnection = { brokers: ['127.0.0.1:1'], ssl: false, sasl: null, clientId: 'test' }

/** Limits for parts that are tested without a cluster. */
export function limitsOf(limits: Partial<SourceLimits>): SourceLimits {
  return { ...defaultLimits, ...limits }
}

/** A slow handler in a test takes longer than the session of {@link quickLimits}. */
export const beyondSession = 13_000

/** Limits for tests: what is waited for is short, but for a session, which a busy machine is not to end. */
const quickLimits: Partial<SourceLimits> = {
  sessionTimeout: 10_000,
  rebalanceTimeout: 20_000,
  listInterval: 1000,
  backlogInterval: 200,
  lagInterval: 500,
  commitInterval: 50,
  retryFirst: 50,
  stopTimeout: 10_000
}

/** A running source and everything that it reported. */
export interface Running {
  readonly source: KafkaSource
  /** Values in the order in which they were handled. */
  readonly values: string[]
  readonly messages: InputMessage[]
  readonly lags: Map<string, number>
  readonly lines: LogLine[]
  readonly restarts: string[]
  readonly outOfRange: { topic: string; partition: number; messages: number }[]
  rebalances: number
  readonly ended: Promise<void>
}

/** What a test changes. */
export interface StartOptions extends Partial<Omit<KafkaSourceOptions, 'limits'>> {
  readonly limits?: Partial<SourceLimits>
  /** Called before the messages are recorded; its errors are the handler's. */
  readonly before?: (batch: readonly InputMessage[], control: BatchControl) => Promise<void> | void
}

const sources: KafkaSource[] = []

// The source of a failed test would keep the process alive.
after(() => Promise.all(sources.map(source => source.stop())))

/** Starts a source that records its messages. */
export function startSource(connection: KafkaConnection, options: StartOptions): Running {
  const { before, limits, ...rest } = options
  const { logger, lines } = recorder()
  const lags = new Map<string, number>()
  const restarts: string[] = []
  const outOfRange: Running['outOfRange'] = []
  const values: string[] = []
  const messages: InputMessage[] = []
  const source = new KafkaSource({
    connection,
    logger,
    group: 'unset',
    from: 'earliest',
    topics: [],
    programs: [1],
    events: {
      onTopics: topics => {
        for (const key of lags.keys()) if (!topics.includes(key.slice(0, key.lastIndexOf('/')))) lags.delete(key)
      },
      onPartition: ({ topic, partition, lag }) => lags.set(`${topic}/${partition}`, lag),
      onRebalance: () => {
        running.rebalances++
      },
      onRestart: reason => restarts.push(reason),
      onOutOfRange: (topic, partition, count) => outOfRange.push({ topic, partition, messages: count })
    },
    ...rest,
    limits: { ...quickLimits, ...limits }
  })
  sources.push(source)
  const ended = source.run(async (batch, control) => {
    await before?.(batch, control)
    for (const message of batch) {
      values.push(String(message.value === null ? null : Buffer.from(message.value)))
      messages.push(message)
    }
  })
  ended.catch(() => undefined)
  const running: Running = { source, values, messages, lags, lines, restarts, outOfRange, rebalances: 0, ended }
  return running
}

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !(await holds()); await sleep(20)) {
    assert.ok(performance.now() - began < patienceMs, `waited ${patienceMs} ms for: ${what}`)
  }
}

/** `count` short values with a common stem, spread over partitions. */
export function numbered(stem: string, count: number, partitions = 1): { partition: number; value: string }[] {
  return Array.from({ length: count }, (_, i) => ({ partition: i % partitions, value: `${stem}-${i}` }))
}
