import type { Config } from '../config/config.ts'
import { writtenTopics } from '../config/rules.ts'
import type { PartState } from '../service/schema/schemas.ts'
import { kafkaProblem } from '../streams/kafka/client/connection.ts'
import { KafkaSource } from '../streams/kafka/consumer/source.ts'
import type { BatchHandler, Sink } from '../streams/types.ts'
import { GatheredLog } from '../telemetry/gathered-log.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { kafkaOutput, noOutput, refusals, wrongCredentials } from './output/output.ts'

/** Input and output of the pipeline. */
export interface Streams {
  readonly sink: Sink
  /** For the encoding `confluent`, the ids of schemas by topic; known before the first batch. */
  readonly schemaIds?: ReadonlyMap<string, number>
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

/** Pause between two log lines on invalid timestamps, ms. */
const timestampPause = 600_000

/** Time for the last batches to be acknowledged when the service stops, ms: less than process managers allow. */
const stopTimeout = 20_000

/** Input and output on Kafka; connects when it runs. */
export const kafkaStreams: StreamsFactory = (config, { logger, metrics, onLag }) => {
  const { input } = config
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
    publicPrograms: input.publicPrograms,
    nightsBack: input.nightsBack,
    backlog: input.backlog,
    limits: { stopTimeout },
    events: {
      onTopics: topics => metrics.inputTopics(topics),
      onTopicStates(counts) {
        for (const [state, count] of Object.entries(counts)) metrics.set('input_topics', count, { state })
      },
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
  const stopping = new AbortController()
  const output = config.output.brokers === null ? noOutput : kafkaOutput(config, { logger, metrics }, stopping.signal)
  for (const cluster of ['input', 'output'])
    for (const reason of refusals) metrics.increment('kafka_refusals_total', 0, { cluster, reason })

  return {
    sink: output.sink,
    schemaIds: output.schemaIds,
    health() {
      const { ready, reason } = source.health()
      return {
        consumer: { ready, reason: reason ?? 'running' },
        producer: partState(output.reason())
      }
    },
    async run(handler) {
      await output.prepare()
      if (stopping.signal.aborted) return
      try {
        await source.run(handler)
      } catch (error) {
        throw kafkaProblem(error) === 'credentials' ? wrongCredentials('input.sasl', error) : error
      }
    },
    async stop() {
      stopping.abort()
      await source.stop()
      logger.debug({ part: 'source' }, 'closed')
      await output.sink.close()
    }
  }
}

/** The state of a part: ready unless there is a reason against it. */
export function partState(reason: string | null): PartState {
  return { ready: reason === null, reason: reason ?? 'running' }
}
