import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Classification } from '../messages/classification.ts'
import { ensureTopics, type TopicSpec } from '../streams/kafka/admin.ts'
import { createKafka, kafkaError } from '../streams/kafka/client.ts'
import { createKafkaSink } from '../streams/kafka/sink.ts'
import { createKafkaSource } from '../streams/kafka/source.ts'
import type { BatchHandler, Sink } from '../streams/types.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Health } from './health.ts'

/** The two ends of the pipeline. */
export interface Streams {
  readonly sink: Sink
  /** Makes what must be there before the first batch, then delivers batches; see `Source.run`. */
  run(handler: BatchHandler): Promise<void>
  /** Lets the source finish, then closes both ends. */
  stop(): Promise<void>
}

/** What streams report to. */
export interface StreamsContext {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly health: Health
  /** To be told of what was published where that is known to the streams only. */
  readonly onClassifications: (bodies: readonly Classification[]) => void
}

export type StreamsFactory = (config: Config, context: StreamsContext) => Streams

/** Pause before output topics are looked for again where the cluster does not answer, ms. */
const pause = 1000

/** How long the last batches may take to be acknowledged when the service ends, ms: below what process managers grant. */
const stopTimeout = 20_000

/** Input and output on Kafka, as the configuration says; nothing is connected yet. */
export const connectKafka: StreamsFactory = (config, { logger, metrics, health }) => {
  const { input, output } = config
  const outputConnection = { brokers: output.brokers, ssl: output.ssl, sasl: output.sasl, clientId: 'hierax' }
  const source = createKafkaSource({
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
      onLag: (topic, partition, lag, held) => {
        metrics.lag(topic, partition, lag)
        health.lag(topic, partition, lag, held)
      },
      onRebalance: () => metrics.increment('rebalances'),
      onRestart: () => metrics.increment('consumerRestarts'),
      onOutOfRange: (topic, _partition, messages) => metrics.expired(topic, messages)
    }
  })
  const sink = createKafkaSink({
    connection: outputConnection,
    logger,
    onRetry: () => metrics.increment('publishRetries')
  })
  health.streams(source, sink)
  const stopping = new AbortController()

  async function prepare(): Promise<void> {
    const kafka = createKafka(outputConnection, logger, { retries: 2 })
    for (;;) {
      const admin = kafka.admin()
      try {
        await admin.connect()
        await ensureTopics(admin, topicsOf(config), logger)
        await sink.connect()
        health.outputTopics(null)
        return
      } catch (thrown) {
        const error = kafkaError(thrown, outputConnection)
        if (stopping.signal.aborted) return
        health.outputTopics(error.code === 'KAFKA_UNAVAILABLE' ? 'output cluster unreachable' : error.message)
        logger.warn({ code: error.code, reason: error.message }, 'output topics not ready; input waits')
      } finally {
        await admin.disconnect().catch(() => {})
      }
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  return {
    sink,
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

/** Every topic that messages may go to. */
function topicsOf({ output }: Config): TopicSpec[] {
  const names = new Set([output.classifications, output.deadLetters, ...output.routes.map(route => route.topic)])
  const replication = output.replication === null ? {} : { replication: output.replication }
  return [...names].map(topic => ({ topic, partitions: output.partitions, ...replication }))
}
