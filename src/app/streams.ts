import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { PartState } from '../service/schemas.ts'
import { ensureTopics, type TopicSpec } from '../streams/kafka/admin.ts'
import { createKafka } from '../streams/kafka/client.ts'
import { type KafkaConnection, kafkaError } from '../streams/kafka/connection.ts'
import { KafkaSink } from '../streams/kafka/sink.ts'
import { KafkaSource } from '../streams/kafka/source.ts'
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

/** Pause before output topics are checked again, ms. */
const retryPause = 1000

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
    connection: { brokers: input.brokers, ssl: input.ssl, sasl: input.sasl, clientId: 'hierax' },
    logger,
    group: input.group,
    from: input.from,
    topics: input.topics,
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
    onRetry: () => metrics.increment('publish_retries_total')
  })
  /** Why the output topics are not ready. */
  let topicsReason: string | null = 'connecting'
  const stopping = new AbortController()

  async function prepare(): Promise<void> {
    const kafka = createKafka(connection, logger, { retries: 2 })
    for (;;) {
      const admin = kafka.admin()
      try {
        await admin.connect()
        await ensureTopics(admin, outputTopics(config), logger)
        await sink.connect()
        topicsReason = null
        return
      } catch (thrown) {
        const error = kafkaError(thrown, connection)
        if (stopping.signal.aborted) return
        topicsReason = error.code === 'KAFKA_UNAVAILABLE' ? 'output cluster unreachable' : error.message
        logger.warn(
          { code: error.code, reason: error.message },
          'output topics are not ready; consumption starts when they are'
        )
      } finally {
        await admin.disconnect().catch(() => {})
      }
      await sleep(retryPause, undefined, { signal: stopping.signal }).catch(() => {})
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
      if (!stopping.signal.aborted) await source.run(handler)
    },
    async stop() {
      stopping.abort()
      await source.stop()
      logger.debug({ part: 'source' }, 'closed')
      await sink.close()
    }
  }
}

/** How to reach the output cluster. */
export function outputConnection({ output }: Pick<Config, 'output'>): KafkaConnection {
  return { brokers: output.brokers, ssl: output.ssl, sasl: output.sasl, clientId: 'hierax' }
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
