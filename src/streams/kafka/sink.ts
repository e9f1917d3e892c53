import type { Message } from 'kafkajs'
import { HieraxError } from '../../errors.ts'
import type { OutputMessage, Sink } from '../types.ts'
import { createKafka, type KafkaConnection, type KafkaLogger, kafkaError } from './client.ts'
import { type Entry, Lane, type LaneEvents, type Ticket, withoutValue } from './lane.ts'
import { createPartitioner } from './partitioner.ts'
import { protocolErrorType, RenewableProducer } from './producer.ts'
import { PartitionCounts } from './topics.ts'
import { within } from './within.ts'

export interface KafkaSinkOptions {
  readonly connection: KafkaConnection
  readonly logger: KafkaLogger
  /** Bytes of a request at most, about; kafkajs never divides one. Below the broker's `message.max.bytes`. */
  readonly maxRequestBytes?: number
  /** A request failed and comes again. */
  readonly onRetry?: (topic: string, error: HieraxError) => void
  /** So many messages were acknowledged. */
  readonly onPublished?: (topic: string, count: number) => void
}

/** A sink that writes to Kafka. */
export interface KafkaSink extends Sink {
  /** Connects ahead of the first message. Rejects with KAFKA_UNAVAILABLE. */
  connect(): Promise<void>
  /** Why messages don't get through just now, for readiness; null when they do. */
  reason(): string | null
}

/** kafkajs may give up soon: whoever waits is told, and the lane tries again. */
const briefRetry = { initialRetryTime: 100, maxRetryTime: 500, retries: 3 }

/** No broker takes a request beyond 100 MB (`socket.request.max.bytes`): it closes the connection. */
const largestValue = 64 * 1024 * 1024

/** Messages that wait for so long (ms) are spoken of, though no request has failed yet: kafkajs gives one half a minute. */
const silence = 10_000

/** How long a request in work may keep the sink from closing, ms. */
const closePatience = 3000

class SendTicket implements Ticket {
  readonly since = performance.now()
  readonly done: Promise<void>
  #left: number
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null

  constructor(count: number) {
    this.#left = count
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  get ended(): boolean {
    return this.#settle === null
  }

  acknowledged(count: number): void {
    this.#left -= count
    if (this.#left > 0) return
    this.#settle?.resolve()
    this.#settle = null
  }

  giveUp(error: Error): void {
    this.#settle?.reject(error)
    this.#settle = null
  }
}

function entryOf(output: OutputMessage, partition: number, ticket: Ticket): Entry {
  const value = Buffer.from(output.value.buffer, output.value.byteOffset, output.value.byteLength)
  const full: Message = { partition, key: output.key, value, headers: { ...output.headers } }
  const message = value.length > largestValue ? withoutValue(full) : full
  let bytes = 64 + (message.value?.length ?? 0) + (output.key?.length ?? 0)
  for (const [name, header] of Object.entries(output.headers)) bytes += name.length + header.length + 4
  return { message, bytes, ticket }
}

/**
 * A sink that writes to Kafka so that nothing acknowledged is lost and the messages of one key stay in order: an
 * idempotent producer, all in-sync replicas, and one request at a time to each partition, one partition a request.
 * It keeps trying until a send's signal is aborted or it is closed.
 *
 * A message's partition rests on the number of partitions that its topic had when it was first written to.
 *
 * @throws {HieraxError} CONFIG_INVALID when a PEM file can't be read.
 */
export function createKafkaSink(options: KafkaSinkOptions): KafkaSink {
  return new PartitionedSink(options)
}

class PartitionedSink implements KafkaSink, LaneEvents {
  readonly #options: KafkaSinkOptions
  readonly #producer: RenewableProducer
  readonly #counts: PartitionCounts
  readonly #choose = createPartitioner()
  readonly #lanes = new Map<string, Lane[]>()
  readonly #tickets = new Set<SendTicket>()
  readonly #failing = new Map<Lane | string, string>()
  readonly #closing = new AbortController()
  /** Calls that wait for a topic's number of partitions; later calls go behind them. */
  #waiting = 0
  #lastEnqueued: Promise<void> = Promise.resolve()

  constructor(options: KafkaSinkOptions) {
    this.#options = options
    const kafka = createKafka(options.connection, quieter(options.logger), briefRetry)
    this.#producer = new RenewableProducer(kafka)
    this.#counts = new PartitionCounts(kafka)
  }

  async connect(): Promise<void> {
    try {
      await this.#producer.connect()
    } catch (error) {
      throw kafkaError(error, this.#options.connection)
    }
  }

  reason(): string | null {
    const [reason] = this.#failing.values()
    if (reason !== undefined) return reason
    const [oldest] = this.#tickets
    return oldest && performance.now() - oldest.since > silence ? 'output cluster does not answer' : null
  }

  async send(messages: readonly OutputMessage[], signal?: AbortSignal): Promise<void> {
    if (messages.length === 0) return
    const ticket = new SendTicket(messages.length)
    const giveUp = () => ticket.giveUp(notPublished(this.reason(), signal?.reason))
    if (signal?.aborted || this.#closing.signal.aborted) giveUp()
    else {
      this.#tickets.add(ticket)
      signal?.addEventListener('abort', giveUp, { once: true })
      this.#enqueue(messages, ticket)
    }
    try {
      await ticket.done
    } finally {
      signal?.removeEventListener('abort', giveUp)
      this.#tickets.delete(ticket)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const ticket of this.#tickets) ticket.giveUp(notPublished('the sink was closed'))
    // A cluster that does not answer is given half a minute by kafkajs; nobody waits for what it would say.
    await within(this.#producer.close(), closePatience).catch(() => {})
  }

  published(lane: Lane, count: number): void {
    this.#recovered(lane)
    this.#options.onPublished?.(lane.topic, count)
  }

  failed(lane: Lane | string, error: unknown): void {
    const topic = typeof lane === 'string' ? lane : lane.topic
    const failure = kafkaError(error, this.#options.connection)
    const type = protocolErrorType(error)
    if (this.#failing.size === 0)
      this.#options.logger.warn({ topic, reason: failure.message }, 'output not accepted; input waits')
    this.#failing.set(lane, type === null ? 'output cluster unreachable' : `output topic ${topic}: ${type}`)
    this.#options.onRetry?.(topic, failure)
  }

  #recovered(what: Lane | string): void {
    if (this.#failing.delete(what) && this.#failing.size === 0) this.#options.logger.info({}, 'output accepted again')
  }

  omitted(lane: Lane, bytes: number): void {
    this.#options.logger.warn({ topic: lane.topic, bytes }, 'value too large for the output; sent without it')
  }

  /** Puts messages into their lanes, in the order of the calls. */
  #enqueue(messages: readonly OutputMessage[], ticket: SendTicket): void {
    const unknown = new Set(messages.map(({ topic }) => topic).filter(topic => !this.#lanes.has(topic)))
    if (unknown.size === 0 && this.#waiting === 0) {
      this.#distribute(messages, ticket)
      return
    }
    this.#waiting++
    this.#lastEnqueued = this.#lastEnqueued.then(async () => {
      for (const topic of unknown) await this.#open(topic, ticket)
      this.#waiting--
      if (!ticket.ended) this.#distribute(messages, ticket)
    })
  }

  #distribute(messages: readonly OutputMessage[], ticket: SendTicket): void {
    for (const message of messages) {
      const lanes = this.#lanes.get(message.topic) ?? []
      const partition = this.#choose(message.topic, message.key, lanes.length)
      lanes[partition]?.push(entryOf(message, partition, ticket))
    }
  }

  /** Learns how many partitions a topic has and makes its lanes, as long as somebody waits for it. */
  async #open(topic: string, ticket: SendTicket): Promise<void> {
    if (this.#lanes.has(topic)) return
    const count = await this.#counts.wait(topic, {
      wanted: () => !ticket.ended,
      closing: this.#closing.signal,
      onFailure: error => this.failed(topic, error)
    })
    this.#recovered(topic)
    if (count === null) return
    const { maxRequestBytes = 900_000 } = this.#options
    const settings = { maxRequestBytes, closing: this.#closing.signal }
    const lane = (_: unknown, partition: number) => new Lane({ topic, partition }, this.#producer, this, settings)
    this.#lanes.set(topic, Array.from({ length: count }, lane))
  }
}

function notPublished(reason: string | null, cause?: unknown): HieraxError {
  return new HieraxError('PUBLISH_FAILED', `Messages were not acknowledged: ${reason ?? 'given up'}`, { cause })
}

/** What kafkajs calls an error here is retried and reported by the sink itself. */
function quieter(logger: KafkaLogger): KafkaLogger {
  const debug = (fields: object, message: string) => logger.debug(fields, message)
  return { debug, info: debug, warn: debug, error: debug }
}
