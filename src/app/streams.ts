import type { Config } from '../config/config.ts'
import { writtenTopics } from '../config/rules.ts'
import { HieraxError } from '../errors.ts'
import type { PartState } from '../service/schemas.ts'
import { ensureTopics, type TopicSpec } from '../streams/kafka/admin.ts'
import { createKafka } from '../streams/kafka/client.ts'
import {
  debugOnly,
  type KafkaConnection,
  kafkaError,
  kafkaProblem,
  protocolErrorType
} from '../streams/kafka/connection.ts'
import { maxRefusals } from '../streams/kafka/crash-policy.ts'
import { FailureLog } from '../streams/kafka/failure-log.ts'
import { KafkaSink } from '../streams/kafka/sink.ts'
import { KafkaSource } from '../streams/kafka/source.ts'
import { backoff, pause } from '../streams/kafka/timing.ts'
import type { BatchHandler, Sink } from '../streams/types.ts'
import { GatheredLog } from '../telemetry/gathered-log.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Input and output of the pipeline. */
export interface Streams {
  readonly sink: Sink
  /** Creates missing output topics, then delivers batches; see `Source.run`. */
  run(handler: BatchHandler): Promise<void>
  /** Lets the source finish its batches, then closes input and output. */
  stop(): Promise<void>
  health(): { readonly consumer: PartState; readonly producer: PartState }
}

/** What streams are made with. */
export interface StreamsDeps {
  readonly logger: Logger
  readonly metrics: Metrics
  /** Messages of a partition that are to be read; −1 if it belongs to another process. `held`: older nights are read first. */
  readonly onLag: (topic: string, partition: number, messages: number, held?: boolean) => void
}

export type StreamsFactory = (config: Config, deps: StreamsDeps) => Streams

/** First and longest pause before output topics are checked again, ms. */
const firstPause = 1000
const longestPause = 30_000

const refusals = ['credentials', 'authorization'] as const

/** Pause between two log lines on invalid timestamps, ms. */
const timestampPause = 600_000

/** Time for the last batches to be acknowledged when the service stops, ms: less than process managers allow. */
const stopTimeout = 20_000

/** Input and output on Kafka; connects when it runs. */
export const kafkaStreams: StreamsFactory = (config, { logger, metrics, onLag }) => {
  const { input } = config
  const connection = outputConnection(config)
  const timestampLog = new GatheredLog<{ topic: string; timestamp: string }>(timestampPause, (topics, first) =>
    logger.warn({ ...first, topics }, 'messages have no valid Kafka timestamp; the time of arrival is used')
  )
  const source = new KafkaSource({
    connection: { brokers: input.brokers, ssl: input.ssl, sasl: input.sasl, clientId: 'hierax', role: 'input' },
    logger,
    group: input.group,
    from: input.from === 'earliest' || input.from === 'latest' ? input.from : Date.parse(input.from),
    topics: input.topics,
    exclude: writtenTopics(config.output),
    programs: input.programs,
    nightsBack: input.nightsBack,
    backlog: input.backlog,
    limits: { stopTimeout },
    events: {
      onTopics: topics => metrics.inputTopics(topics),
      onPartition: status => {
        metrics.partition(status)
        onLag(status.topic, status.partition, status.lag, status.held)
      },
      onRebalance: () => metrics.increment('rebalances_total'),
      onRestart: () => metrics.increment('consumer_restarts_total'),
      onOutOfRange: (topic, _partition, messages) => metrics.expired(topic, messages),
      onRefused: reason => metrics.increment('kafka_refusals_total', 1, { cluster: 'input', reason }),
      onRecreated: () => metrics.increment('topics_recreated_total'),
      onInvalidTimestamps(topic, count, timestamp) {
        metrics.increment('invalid_timestamps_total', count)
        timestampLog.add(topic, { topic, timestamp }, count)
        timestampLog.write()
      }
    }
  })
  const sink = new KafkaSink({
    connection,
    logger,
    compression: config.output.compression,
    onRetry: (_topic, error) => {
      metrics.increment('publish_retries_total')
      countRefusal(error)
    }
  })
  for (const cluster of ['input', 'output'])
    for (const reason of refusals) metrics.increment('kafka_refusals_total', 0, { cluster, reason })

  function countRefusal(error: unknown): void {
    const reason = refusals.find(refusal => refusal === kafkaProblem(error))
    if (reason !== undefined) metrics.increment('kafka_refusals_total', 1, { cluster: 'output', reason })
  }

  /** Why the output topics are not ready. */
  let topicsReason: string | null = 'connecting'
  const stopping = new AbortController()

  async function prepare(): Promise<void> {
    const kafka = createKafka(connection, debugOnly(logger), { retries: 2 })
    const failures = new FailureLog(logger)
    for (let failed = 0, refused = 0; ; ) {
      const admin = kafka.admin()
      try {
        await admin.connect()
        await ensureTopics(admin, outputTopics(config), logger)
        await sink.connect()
        topicsReason = null
        failures.ended({}, 'output topics are ready')
        return
      } catch (thrown) {
        const error = kafkaError(thrown, connection)
        if (stopping.signal.aborted) return
        countRefusal(thrown)
        failed++
        refused = kafkaProblem(thrown) === 'credentials' ? refused + 1 : 0
        topicsReason = outputReason(error)
        if (refused >= maxRefusals) throw wrongCredentials('output', error)
        failures.failed(
          { code: error.code, reason: error.message },
          'output topics are not ready; consumption starts when they are'
        )
      } finally {
        await admin.disconnect().catch(() => {})
      }
      await pause(backoff(failed, firstPause, longestPause), stopping.signal)
    }
  }

  return {
    sink,
    health() {
      const { ready, reason } = source.health()
      return {
        consumer: { ready, reason: reason ?? 'running' },
        producer: partState(topicsReason ?? sink.reason())
      }
    },
    async run(handler) {
      await prepare()
      if (stopping.signal.aborted) return
      try {
        await source.run(handler)
      } catch (error) {
        throw kafkaProblem(error) === 'credentials' ? wrongCredentials('input', error) : error
      }
    },
    async stop() {
      stopping.abort()
      await source.stop()
      logger.debug({ part: 'source' }, 'closed')
      await sink.close()
    }
  }
}

function outputReason(error: HieraxError): string {
  if (error.code !== 'KAFKA_UNAVAILABLE') return error.message
  const problem = kafkaProblem(error)
  if (problem === 'credentials') return 'output cluster refuses the credentials'
  return problem === 'authorization' ? `output cluster: ${protocolErrorType(error)}` : 'output cluster unreachable'
}

/** The service can't start: its credentials never worked. */
function wrongCredentials(cluster: 'input' | 'output', cause: unknown): HieraxError {
  const { message } = HieraxError.from(cause)
  return new HieraxError('CONFIG_INVALID', `${cluster}.sasl: ${message}`, { cause })
}

/** How to reach the output cluster. */
export function outputConnection({ output }: Pick<Config, 'output'>): KafkaConnection {
  return { brokers: output.brokers, ssl: output.ssl, sasl: output.sasl, clientId: 'hierax', role: 'output' }
}

/** Every topic of classifications and dead letters. */
export function outputTopics({ output }: Config): TopicSpec[] {
  const names = new Set([output.classifications, output.deadLetters, ...output.routes.map(route => route.topic)])
  const replication = output.replication === null ? {} : { replication: output.replication }
  return [...names].map(topic => ({ topic, partitions: output.partitions, ...replication }))
}

/** The state of a part: ready unless there is a reason against it. */
export function partState(reason: string | null): PartState {
  return { ready: reason === null, reason: reason ?? 'running' }
}
