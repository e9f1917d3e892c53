import type { Kafka, Message, Producer, RecordMetadata } from 'kafkajs'
import { rootCause } from './client.ts'

/** What to do about a request that failed. */
export type Verdict = 'again' | 'renew' | 'too-large'

/** Answers after which kafkajs's sequence numbers and the broker's no longer agree. */
const lostSequence = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'PRODUCER_FENCED'
])

/** The broker's name for what went wrong, where it was the broker who said so. */
export function protocolErrorType(error: unknown): string | null {
  const type = (rootCause(error) as { type?: unknown } | null)?.type
  return typeof type === 'string' ? type : null
}

/** What to do about a request that failed with `error`. */
export function verdictOn(error: unknown): Verdict {
  const type = protocolErrorType(error)
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return 'too-large'
  if (type !== null) return lostSequence.has(type) ? 'renew' : 'again'
  const { name, retriable } = error as { name?: unknown; retriable?: unknown }
  // kafkajs's own attempts are used up: the same request may be sent again under the same sequence numbers.
  if (name === 'KafkaJSNumberOfRetriesExceeded' || retriable === true) return 'again'
  return 'renew'
}

/**
 * Throws where nothing was acknowledged: kafkajs passes over partitions that a topic has not, or no longer, and resolves as if
 * all was well.
 */
export function holdAcknowledged(answers: readonly RecordMetadata[], topic: string): void {
  if (answers.length > 0) return
  const error = new Error(`the topic ${topic} has fewer partitions than it had when it was first written to`)
  throw Object.assign(error, { type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })
}

/** How a request ended. */
export type Outcome =
  | { readonly acknowledged: true }
  | {
      readonly acknowledged: false
      readonly error: unknown
      readonly verdict: Verdict
      /** Says that it won't be sent again: what follows must not take its sequence numbers. */
      readonly abandon: () => void
    }

/** One producer of kafkajs and the requests that it has in work. */
interface Generation {
  readonly connected: Promise<Producer>
  inWork: number
  stale: boolean
}

/**
 * One idempotent producer, shared by all partitions, and replaced when its sequence numbers are lost.
 *
 * A request whose fate is unknown must be sent again as it was, or under a new producer: another request with its
 * sequence number would be taken for a duplicate, acknowledged and dropped.
 */
export class RenewableProducer {
  readonly #kafka: Kafka
  #current: Generation | null = null
  #retiring: Promise<void> = Promise.resolve()
  #retired: () => void = () => {}
  #closed = false

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  /** Connects, unless it is. Rejects with kafkajs's error. */
  async connect(): Promise<void> {
    await (await this.#generation()).connected
  }

  /** Sends one request to one partition, to be acknowledged by all in-sync replicas. Never rejects. */
  async send(topic: string, messages: Message[]): Promise<Outcome> {
    let generation: Generation | null = null
    try {
      generation = await this.#generation()
      generation.inWork++
      const producer = await generation.connected
      holdAcknowledged(await producer.send({ topic, messages, acks: -1 }), topic)
      return { acknowledged: true }
    } catch (error) {
      const verdict = verdictOn(error)
      const abandon = () => this.#renew(generation)
      if (verdict === 'renew') abandon()
      return { acknowledged: false, error, verdict, abandon }
    } finally {
      if (generation !== null) {
        generation.inWork--
        if (generation.stale && generation.inWork === 0) this.#retired()
      }
    }
  }

  /** Takes a new producer for what is sent from now on, once the old one has nothing in work. */
  #renew(generation: Generation | null): void {
    if (generation === null || this.#current !== generation) return
    this.#current = null
    generation.stale = true
    const idle = new Promise<void>(resolve => {
      this.#retired = resolve
    })
    if (generation.inWork === 0) this.#retired()
    this.#retiring = idle.then(() => disconnect(generation))
  }

  async close(): Promise<void> {
    this.#closed = true
    const generation = this.#current
    this.#current = null
    await this.#retiring
    if (generation !== null) await disconnect(generation)
  }

  async #generation(): Promise<Generation> {
    // Others may have begun a generation, or given one up, while this one waited.
    for (let retiring = this.#retiring; ; retiring = this.#retiring) {
      await retiring
      if (retiring === this.#retiring) break
    }
    if (this.#closed) throw new Error('the producer is closed')
    if (this.#current === null) {
      const generation: Generation = { connected: this.#connected(), inWork: 0, stale: false }
      this.#current = generation
      generation.connected.catch(() => {
        if (this.#current === generation) this.#current = null
      })
    }
    return this.#current
  }

  async #connected(): Promise<Producer> {
    const producer = this.#kafka.producer({ idempotent: true, allowAutoTopicCreation: false })
    try {
      await producer.connect()
    } catch (error) {
      await producer.disconnect().catch(() => {})
      throw error
    }
    return producer
  }
}

async function disconnect({ connected }: Generation): Promise<void> {
  try {
    await (await connected).disconnect()
  } catch {
    // It is given up in any case.
  }
}
