import type { Config } from '../../config/config.ts'
import { classificationTopics } from '../../config/rules.ts'
import { HieraxError } from '../../errors.ts'
import type { DescTopic } from '../../messages/desc.ts'
import { publishedSchema, schemaText } from '../../messages/encoding.ts'
import type { OutputSettings } from '../../messages/outgoing.ts'
import type { Route } from '../../messages/routes.ts'
import { ensureTopics, type TopicSpec } from '../../streams/kafka/client/admin.ts'
import { createKafka } from '../../streams/kafka/client/client.ts'
import {
  debugOnly,
  type KafkaConnection,
  kafkaError,
  kafkaProblem,
  protocolErrorType
} from '../../streams/kafka/client/connection.ts'
import { FailureLog } from '../../streams/kafka/client/failure-log.ts'
import { backoff, pause } from '../../streams/kafka/client/timing.ts'
import { maxRefusals } from '../../streams/kafka/consumer/crash-policy.ts'
import { clusterReasons, KafkaSink } from '../../streams/kafka/producer/sink.ts'
import { refusesCredentials, SchemaRegistry } from '../../streams/schema-registry.ts'
import type { Sink } from '../../streams/types.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'

/** The output of a service. */
export interface Output {
  readonly sink: Sink
  /** For the encoding `confluent`, the ids of schemas by topic, once `prepare` has resolved. */
  readonly schemaIds: ReadonlyMap<string, number>
  /** Resolves when messages can be sent, or when the service stops. Rejects with CONFIG_INVALID if the credentials never worked, or the schema registry refuses the schema. */
  prepare(): Promise<void>
  /** Why messages can't be sent at present; null if they can. */
  reason(): string | null
}

/** Messages are dropped: classifications are on the page and in the API only, dead letters in the log only. */
export const noOutput: Output = {
  sink: { send: async () => {}, close: async () => {} },
  schemaIds: new Map(),
  prepare: async () => {},
  reason: () => null
}

/** First and longest pause before output topics are checked again, ms. */
const firstPause = 1000
const longestPause = 30_000

/** Reasons of `hierax_kafka_refusals_total`. */
export const refusals = ['credentials', 'authorization'] as const

/** Messages go to Kafka; missing topics are created. */
export function kafkaOutput(
  config: Config,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
  stopping: AbortSignal
): Output {
  const connection = outputConnection(config)
  const schemaIds = new Map<string, number>()
  /** Why the topics are not ready. */
  let topicsReason: string | null = 'connecting'

  function countRefusal(error: unknown): void {
    const reason = refusals.find(refusal => refusal === kafkaProblem(error))
    if (reason !== undefined) metrics.increment('kafka_refusals_total', 1, { cluster: 'output', reason })
  }

  const sink = new KafkaSink({
    connection,
    logger,
    compression: config.output.compression,
    onRetry: (_topic, error) => {
      metrics.increment('publish_retries_total')
      countRefusal(error)
    }
  })

  async function prepare(): Promise<void> {
    const kafka = createKafka(connection, debugOnly(logger), { retries: 2 })
    const failures = new FailureLog(logger)
    for (let failed = 0, refused = 0; ; ) {
      const admin = kafka.admin()
      try {
        await admin.connect()
        await ensureTopics(admin, outputTopics(config), logger)
        for (const [topic, id] of await findSchemaIds(config.output)) schemaIds.set(topic, id)
        await sink.connect()
        topicsReason = null
        failures.ended({}, 'output topics are ready')
        return
      } catch (thrown) {
        const error = kafkaError(thrown, connection)
        if (stopping.aborted) return
        if (error.code === 'CONFIG_INVALID') throw error
        if (error.code === 'REGISTRY_UNAVAILABLE') metrics.increment('registry_failures_total')
        else countRefusal(thrown)
        failed++
        const byRegistry = refusesCredentials(thrown)
        refused = byRegistry || kafkaProblem(thrown) === 'credentials' ? refused + 1 : 0
        topicsReason = reasonOf(error)
        if (refused >= maxRefusals) throw wrongCredentials(byRegistry ? 'output.registry' : 'output.sasl', error)
        failures.failed(
          { code: error.code, reason: error.message },
          'output topics are not ready; consumption starts when they are'
        )
      } finally {
        await admin.disconnect().catch(() => {})
      }
      await pause(backoff(failed, firstPause, longestPause), stopping)
    }
  }

  return { sink, schemaIds, prepare, reason: () => topicsReason ?? sink.reason() }
}

function reasonOf(error: HieraxError): string {
  if (error.code === 'REGISTRY_UNAVAILABLE')
    return refusesCredentials(error) ? 'schema registry refuses the credentials' : 'schema registry unreachable'
  if (error.code !== 'KAFKA_UNAVAILABLE') return error.message
  const problem = kafkaProblem(error)
  const reason = clusterReasons[problem]
  if (reason !== undefined) return reason
  return problem === 'authorization' ? `output cluster: ${protocolErrorType(error)}` : 'output cluster unreachable'
}

/** The service can't start: its credentials never worked. */
export function wrongCredentials(where: 'input.sasl' | 'output.sasl' | 'output.registry', cause: unknown): HieraxError {
  const { message } = HieraxError.from(cause)
  return new HieraxError('CONFIG_INVALID', `${where}: ${message}`, { cause })
}

/**
 * How to reach the output cluster.
 *
 * @throws {HieraxError} CONFIG_INVALID if there is none
 */
export function outputConnection({ output: { brokers, ssl, sasl } }: Pick<Config, 'output'>): KafkaConnection {
  if (brokers === null)
    throw new HieraxError('CONFIG_INVALID', 'output.brokers: is none; name the cluster with the output topics')
  return { brokers, ssl, sasl, clientId: 'hierax', role: 'output' }
}

/** Every topic of classifications, current classifications and dead letters. */
export function outputTopics({ output }: Pick<Config, 'output'>): TopicSpec[] {
  const { current, desc } = output
  const names = [...classificationTopics(output), output.deadLetters, ...(desc.topic === null ? [] : [desc.topic])]
  const replication = output.replication === null ? {} : { replication: output.replication }
  const specs: TopicSpec[] = names.map(topic => ({ topic, partitions: output.partitions, ...replication }))
  return current === null ? specs : [...specs, { ...(specs[0] as TopicSpec), topic: current, settings: compacted }]
}

/** Settings of compacted topics: soon after a message, only the last one of its key is kept. */
export const compacted = { 'cleanup.policy': 'compact', 'segment.ms': '3600000', 'min.cleanable.dirty.ratio': '0.1' }

/** Settings for making messages. */
export function outputSettings(
  { output, input }: Config,
  routes: readonly Route[],
  desc: DescTopic | null,
  schemaIds: ReadonlyMap<string, number> = new Map()
): OutputSettings {
  const current = output.current === null ? null : { topic: output.current, group: input.group }
  return { ...output, routes, desc, schemaIds, current }
}

/** The registry of the configuration; null without one. */
export function registryOf({ registry }: Pick<Config['output'], 'registry'>): SchemaRegistry | null {
  const { url, ...credentials } = registry
  return url === null ? null : new SchemaRegistry({ url, ...credentials })
}

/**
 * The id of the schema by topic, where `output.encoding` needs a registry. The subject of a topic is its name and `-value`. Rejects with
 * REGISTRY_UNAVAILABLE, and with CONFIG_INVALID if the registry refuses the schema or does not have it.
 */
export async function findSchemaIds(output: Config['output']): Promise<Map<string, number>> {
  const ids = new Map<string, number>()
  const registry = output.encoding === 'confluent' ? registryOf(output) : null
  if (registry === null) return ids
  const { current } = output
  for (const topic of [...classificationTopics(output), ...(current === null ? [] : [current])]) {
    const subject = `${topic}-value`
    const id = output.registry.autoRegister
      ? registry.register(subject, schemaText)
      : registry.lookUp(subject, [schemaText, publishedSchema])
    ids.set(topic, await id)
  }
  return ids
}
