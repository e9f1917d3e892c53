import type { Kafka, Message, Producer, RecordMetadata } from 'kafkajs'
import type { Compression } from '../../../compression/compressors.ts'
import { compressionTypes } from '../client/codecs.ts'
import { type KafkaLogger, protocolErrorType } from '../client/connection.ts'
import { keyOf, type TopicPartition } from '../client/offsets.ts'
import { ProduceEncoding } from './request/produce-encoding.ts'
import type { ProducedMessage } from './request/produce-request.ts'

/** A larger request (bytes) may exceed the broker's default limit of 1 MiB; kafkajs never splits one. */
export const requestBytes = 900_000

/** What to do after a failed request: repeat it, repeat it with a new producer, or divide it. */
export type RetryDecision = 'retry' | 'renew' | 'too-large'

/** Answers after which kafkajs's sequence numbers and the broker's no longer agree. */
const lostSequence = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'PRODUCER_FENCED'
])

/** What to do after a request failed with `error`. */
export function retryDecision(error: unknown): RetryDecision {
  const type = protocolErrorType(error)
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return 'too-large'
  if (type !== null) return lostSequence.has(type) ? 'renew' : 'retry'
  const { name, retriable } = error as { name?: unknown; retriable?: unknown }
  // kafkajs has used up its own retries. The same request may be repeated with the same sequence numbers.
  if (name === 'KafkaJSNumberOfRetriesExceeded' || retriable === true) return 'retry'
  return 'renew'
}

/**
 * Throws if a partition has not acknowledged its messages. kafkajs skips partitions that the topic does not have (any more), or whose
 * leader has changed during a request to several partitions, and resolves without an error.
 */
export function assertAcknowledged(answers: readonly RecordMetadata[], batches: readonly TopicPartition[]): void {
  const answered = new Set(answers.map(({ topicName, partition }) => keyOf({ topic: topicName, partition })))
  const skipped = batches.find(batch => !answered.has(keyOf(batch)))
  if (skipped === undefined) return
  const error = new Error(`the topic ${skipped.topic} has fewer partitions than it had when it was first written to`)
  throw Object.assign(error, { type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })
}

/** A message with the number of its partition. */
export interface PartitionMessage extends ProducedMessage {
  readonly key: string | null
  readonly partition: number
}

/** Messages for one partition of a topic. */
export interface PartitionBatch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly PartitionMessage[]
}

/** How a request ended. */
export type SendResult =
  | { readonly acknowledged: true }
  | {
      readonly acknowledged: false
      readonly error: unknown
      readonly decision: RetryDecision
      /** Call this if the request will not be repeated, because no other request may use its sequence numbers. */
      readonly abandon: () => void
    }

/** A kafkajs producer with its own sequence numbers, and the number of its requests in flight. */
interface Generation {
  readonly connected: Promise<Producer>
  inFlight: number
  stale: boolean
}

/**
 * One idempotent producer, shared by all partitions, and replaced when its sequence numbers are lost.
 *
 * A request with an unknown outcome must be repeated unchanged, or by a new producer. The broker would treat another request with its
 * sequence number as a duplicate, acknowledge it and drop it.
 */
export class RenewableProducer {
  readonly #kafka: Kafka
  readonly #compression: number
  readonly #encoding: ProduceEncoding
  #current: Generation | null = null
  #retiring: Promise<void> = Promise.resolve()
  #retired: () => void = () => {}
  #closed = false

  constructor(kafka: Kafka, compression: Compression, logger: KafkaLogger) {
    this.#kafka = kafka
    this.#compression = compressionTypes[compression]
    this.#encoding = new ProduceEncoding(logger, compression)
  }

  /** Connects, unless connected. Rejects with kafkajs's error. */
  async connect(): Promise<void> {
    await (await this.#generation()).connected
  }

  /** The broker that leads a partition, as far as is known; null if it is unknown. */
  leaderOf(topic: string, partition: number): string | null {
    return this.#encoding.leaderOf(topic, partition)
  }

  /**
   * Sends the messages of one or several partitions, with one request to each of their leaders, to be acknowledged by all in-sync replicas.
   * Never rejects. If the result is not acknowledged, others of the partitions may be: see {@link wasAcknowledged}.
   */
  async send(batches: readonly PartitionBatch[]): Promise<SendResult> {
    let generation: Generation | null = null
    try {
      generation = await this.#generation()
      generation.inFlight++
      const producer = await generation.connected
      const compression = this.#compression
      // kafkajs joins the messages of one topic, and divides them again by partition. It changes neither the arrays nor the messages.
      const topicMessages = batches.map(({ topic, messages }) => ({ topic, messages: messages as PartitionMessage[] }))
      assertAcknowledged(await producer.sendBatch({ topicMessages, compression, acks: -1 }), batches)
      return { acknowledged: true }
    } catch (error) {
      const decision = retryDecision(error)
      const abandon = () => this.#renew(generation)
      if (decision === 'renew') abandon()
      return { acknowledged: false, error, decision, abandon }
    } finally {
      if (generation !== null) {
        generation.inFlight--
        if (generation.stale && generation.inFlight === 0) this.#retired()
      }
    }
  }

  /** Whether these messages were acknowledged although the request for them and other partitions failed. */
  wasAcknowledged({ messages }: PartitionBatch): boolean {
    return this.#encoding.wasAcknowledged(messages)
  }

  /** Later requests get a new producer, which looks up the partitions again. */
  renew(): void {
    this.#renew(this.#current)
  }

  async close(): Promise<void> {
    this.#closed = true
    const generation = this.#current
    this.#current = null
    await this.#retiring
    if (generation !== null) await disconnect(generation)
  }

  /** Later requests get a new producer, once the old one has none in flight. */
  #renew(generation: Generation | null): void {
    if (generation === null || this.#current !== generation) return
    this.#current = null
    generation.stale = true
    const idle = new Promise<void>(resolve => {
      this.#retired = resolve
    })
    if (generation.inFlight === 0) this.#retired()
    this.#retiring = idle.then(() => disconnect(generation))
  }

  async #generation(): Promise<Generation> {
    // Others may have started or retired a generation in the meantime.
    for (let retiring = this.#retiring; ; retiring = this.#retiring) {
      await retiring
      if (retiring === this.#retiring) break
    }
    if (this.#closed) throw new Error('the producer is closed')
    if (this.#current === null) {
      const generation: Generation = { connected: this.#connected(), inFlight: 0, stale: false }
      this.#current = generation
      generation.connected.catch(() => {
        if (this.#current === generation) this.#current = null
      })
    }
    return this.#current
  }

  async #connected(): Promise<Producer> {
    const producer = this.#encoding.producer(this.#kafka, {
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: () => partitionGiven
    })
    try {
      await producer.connect()
    } catch (error) {
      await producer.disconnect().catch(() => undefined)
      throw error
    }
    return producer
  }
}

const partitionGiven = ({ message }: { readonly message: Message }): number => message.partition ?? 0

async function disconnect({ connected }: Generation): Promise<void> {
  await connected.then(producer => producer.disconnect()).catch(() => undefined)
}
