import type { Kafka } from 'kafkajs'
import type { Compression } from '../../../compression/compressors.ts'
import { HieraxError } from '../../../errors.ts'
import type { OutputMessage, Sink } from '../../types.ts'
import { partitionsOf, withAdmin } from '../client/admin.ts'
import { createKafka, retries } from '../client/client.ts'
import {
  debugOnly,
  type KafkaConnection,
  type KafkaLogger,
  type KafkaProblem,
  kafkaError,
  kafkaProblem,
  protocolErrorType
} from '../client/connection.ts'
import { keyOf } from '../client/offsets.ts'
import { backoff, pause, withTimeout } from '../client/timing.ts'
import { CombinedRequests } from './combined-requests.ts'
import { PartitionQueue, PendingSend } from './partition-queue.ts'
import { createPartitioner } from './partitioner.ts'
import { RenewableProducer, requestBytes } from './producer.ts'

export interface KafkaSinkOptions {
  readonly connection: KafkaConnection
  readonly logger: KafkaLogger
  /** Compression of record batches; default: none. */
  readonly compression?: Compression
  /** Approximate limit of a request before compression, bytes. Must be below the broker's `message.max.bytes`: kafkajs never divides a request. */
  readonly maxRequestBytes?: number
  /** How often the partitions of the topics in use are counted, ms; default: a minute. */
  readonly countInterval?: number
  /** A request failed and will be repeated. */
  readonly onRetry?: (topic: string, error: HieraxError) => void
  /** This many messages were acknowledged. */
  readonly onPublished?: (topic: string, count: number) => void
}

/** A message unacknowledged for this time (ms) makes the sink not ready. kafkajs itself reports a failure only after half a minute. */
const silenceLimit = 10_000

/** Reasons for not being ready that concern the whole cluster. */
export const clusterReasons: Partial<Record<KafkaProblem, string>> = {
  credentials: 'output cluster refuses the credentials',
  security: 'output cluster: wrong security settings'
}

const countInterval = 60_000

/** How long a request in flight may delay closing, ms. */
const closeTimeout = 3000

/**
 * A sink that writes to Kafka so that nothing acknowledged is lost and the messages of one key stay in order: an
 * idempotent producer, acknowledgement by all in-sync replicas, and one request at a time for each partition. A request may serve
 * several partitions.
 * It retries until a send's signal is aborted or it is closed.
 *
 * If the number of a topic's partitions changes, because the topic was recreated or enlarged, messages are assigned to the new partitions.
 */
export class KafkaSink implements Sink {
  readonly #options: KafkaSinkOptions
  readonly #kafka: Kafka
  readonly #producer: RenewableProducer
  readonly #requests: CombinedRequests
  readonly #partition = createPartitioner()
  /** By topic, one queue for each partition. */
  readonly #queues = new Map<string, PartitionQueue[]>()
  readonly #pending = new Set<PendingSend>()
  /** Reasons of current failures, by `topic/partition`, or by topic while its partitions are unknown. */
  readonly #failing = new Map<string, string>()
  readonly #closing = new AbortController()
  /** Number of calls that wait until the partitions of a topic are known. Later calls wait behind them. */
  #waiting = 0
  /** When the partitions of a topic were counted last; infinite while they are being counted. */
  readonly #counted = new Map<string, number>()
  #lastEnqueued: Promise<void> = Promise.resolve()

  /** @throws {HieraxError} CONFIG_INVALID when a PEM file can't be read. */
  constructor(options: KafkaSinkOptions) {
    this.#options = options
    this.#kafka = createKafka(options.connection, debugOnly(options.logger), retries.brief)
    this.#producer = new RenewableProducer(this.#kafka, options.compression ?? 'none', options.logger)
    this.#requests = new CombinedRequests(this.#producer)
  }

  /** Connects ahead of the first message. Rejects with KAFKA_UNAVAILABLE. */
  async connect(): Promise<void> {
    try {
      await this.#producer.connect()
    } catch (error) {
      throw kafkaError(error, this.#options.connection)
    }
  }

  /** Why messages cannot be published now, for readiness; null if they can. */
  reason(): string | null {
    const [reason] = this.#failing.values()
    if (reason !== undefined) return reason
    const [oldest] = this.#pending
    return oldest && performance.now() - oldest.since > silenceLimit ? 'output cluster does not answer' : null
  }

  async send(messages: readonly OutputMessage[], signal?: AbortSignal): Promise<void> {
    if (messages.length === 0) return
    const send = new PendingSend(messages.length)
    const giveUp = () => send.giveUp(notPublished(this.reason(), signal?.reason))
    if (signal?.aborted || this.#closing.signal.aborted) giveUp()
    else {
      this.#pending.add(send)
      signal?.addEventListener('abort', giveUp, { once: true })
      this.#enqueue(messages, send)
    }
    try {
      await send.done
    } finally {
      signal?.removeEventListener('abort', giveUp)
      this.#pending.delete(send)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const send of this.#pending) send.giveUp(notPublished('the sink was closed'))
    // kafkajs waits half a minute for a cluster that does not answer. The result is not needed.
    await withTimeout(this.#producer.close(), closeTimeout).catch(() => undefined)
  }

  #failed(key: string, topic: string, error: unknown): void {
    const failure = kafkaError(error, this.#options.connection)
    const type = protocolErrorType(error)
    if (this.#failing.size === 0)
      this.#options.logger.warn(
        { topic, reason: failure.message },
        'publishing failed; consumption is paused until it succeeds'
      )
    const clusters = clusterReasons[kafkaProblem(error)]
    this.#failing.set(
      key,
      clusters ?? (type === null ? 'output cluster unreachable' : `output topic ${topic}: ${type}`)
    )
    this.#options.onRetry?.(topic, failure)
  }

  /** Returns true if there was a failure. */
  #recovered(key: string): boolean {
    const hadFailed = this.#failing.delete(key)
    if (hadFailed && this.#failing.size === 0)
      this.#options.logger.info({}, 'publishing succeeds again; consumption resumes')
    return hadFailed
  }

  /** Puts messages into their queues, in the order of the calls. */
  #enqueue(messages: readonly OutputMessage[], send: PendingSend): void {
    const topics = new Set<string>()
    for (const { topic } of messages) topics.add(topic)
    const unknown = [...topics].filter(topic => !this.#queues.has(topic))
    if (unknown.length === 0 && this.#waiting === 0) {
      this.#distribute(messages, topics, send)
      return
    }
    this.#waiting++
    this.#lastEnqueued = this.#lastEnqueued.then(async () => {
      for (const topic of unknown) await this.#open(topic, send)
      this.#waiting--
      if (!send.ended) this.#distribute(messages, topics, send)
    })
  }

  #distribute(messages: readonly OutputMessage[], topics: ReadonlySet<string>, send: PendingSend): void {
    for (const topic of topics) void this.#recount(topic, this.#options.countInterval ?? countInterval)
    for (const message of messages) {
      const queues = this.#queues.get(message.topic) ?? []
      queues[this.#partition(message.topic, message.key, queues.length)]?.push(message, send)
    }
  }

  /** Creates the queues of a topic once its partitions are known, unless `send` ends before. */
  async #open(topic: string, send: PendingSend): Promise<void> {
    if (this.#queues.has(topic)) return
    const closing = this.#closing.signal
    for (let failures = 1; !send.ended && !closing.aborted; failures++) {
      try {
        const partitions = await withAdmin(this.#kafka, admin => partitionsOf(admin, topic))
        if (partitions.length === 0) throw new Error(`the topic ${topic} does not exist`)
        const queues = partitions.map((_, partition) => this.#queueOf(topic, partition))
        this.#queues.set(topic, queues)
        this.#counted.set(topic, performance.now())
        break
      } catch (error) {
        this.#failed(topic, topic, error)
        await pause(backoff(failures), closing)
      }
    }
    this.#recovered(topic)
  }

  /** Counts the partitions of a topic again if the last count is older than `interval` ms. Redistributes its messages if the number has changed. */
  async #recount(topic: string, interval: number): Promise<void> {
    const age = performance.now() - (this.#counted.get(topic) ?? performance.now())
    if (age < interval || this.#closing.signal.aborted) return
    this.#counted.set(topic, Number.POSITIVE_INFINITY)
    // A failure here is ignored: if it matters, publishing fails too.
    const partitions = await withAdmin(this.#kafka, admin => partitionsOf(admin, topic)).catch(() => [])
    this.#counted.set(topic, performance.now())
    this.#redistribute(topic, partitions.length)
  }

  /** Moves the unacknowledged messages of a topic to new queues. Later calls wait for that, so that each key stays in order. */
  #redistribute(topic: string, partitions: number): void {
    const isCurrent = () => partitions === 0 || partitions === this.#queues.get(topic)?.length
    if (isCurrent()) return
    this.#waiting++
    this.#lastEnqueued = this.#lastEnqueued.then(async () => {
      // Another call may already have redistributed the messages while this one waited.
      if (!isCurrent()) await this.#move(topic, partitions)
      this.#waiting--
    })
  }

  async #move(topic: string, partitions: number): Promise<void> {
    const before = this.#queues.get(topic) ?? []
    this.#options.logger.warn(
      { topic, partitions, before: before.length },
      'the output topic has another number of partitions than before; messages are distributed over these'
    )
    const left = (await Promise.all(before.map(queue => queue.release()))).flat()
    this.#producer.renew()
    const queues = Array.from({ length: partitions }, (_, partition) => this.#queueOf(topic, partition))
    this.#queues.set(topic, queues)
    for (const queued of left) queues[this.#partition(topic, queued.key, partitions)]?.take(queued)
    for (const partition of before.keys()) this.#recovered(keyOf({ topic, partition }))
  }

  #queueOf(topic: string, partition: number): PartitionQueue {
    const { logger, maxRequestBytes = requestBytes, onPublished } = this.#options
    const key = keyOf({ topic, partition })
    return new PartitionQueue({
      partition,
      request: messages => this.#requests.send({ topic, partition, messages }),
      maxRequestBytes,
      closing: this.#closing.signal,
      onPublished: count => {
        // Since the failure, the topic may have been created again.
        if (this.#recovered(key)) void this.#recount(topic, 0)
        onPublished?.(topic, count)
      },
      onFailure: error => {
        this.#failed(key, topic, error)
        if (protocolErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') void this.#recount(topic, 1000)
      },
      onOmitted: bytes =>
        logger.warn({ topic, bytes }, 'value too large for the output topic; sending the message without its value')
    })
  }
}

function notPublished(reason: string | null, cause?: unknown): HieraxError {
  return new HieraxError('PUBLISH_FAILED', `Messages were not acknowledged: ${reason ?? 'given up'}`, { cause })
}
