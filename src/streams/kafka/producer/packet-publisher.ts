import type { Message, Producer } from 'kafkajs'
import { HieraxError } from '../../../errors.ts'
import { ensureTopic, withAdmin } from '../client/admin.ts'
import { createKafka, retries } from '../client/client.ts'
import { type KafkaConnection, kafkaError, silentLogger } from '../client/connection.ts'
import { assertAcknowledged, requestBytes } from './producer.ts'
import { ProduceEncoding } from './request/produce-encoding.ts'

/** The topic to publish to. */
export interface PacketPublisherOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  /** Number of partitions if the topic is created; default: that of the broker. */
  readonly partitions?: number
}

/** Publishes packets unchanged, round robin over all partitions, with or without a key. The survey's packets have none. */
export interface PacketPublisher {
  /** Partitions of the topic. */
  readonly partitions: number
  /** Buffers a packet, and sends a request when it is full. Rejects with PUBLISH_FAILED if an earlier request failed. */
  publish(packet: Uint8Array, key?: Uint8Array | null): Promise<void>
  /** Resolves when all in-sync replicas have every packet so far. */
  flush(): Promise<void>
  /** Closes the connection, without a flush. */
  close(): Promise<void>
}

/**
 * Connects to a cluster and creates the topic when it is absent.
 *
 * @throws {HieraxError} KAFKA_UNAVAILABLE; TOPIC_NOT_CREATED; USAGE when the topic exists with another number of partitions
 */
export async function openPacketPublisher(options: PacketPublisherOptions): Promise<PacketPublisher> {
  const { connection, topic } = options
  // Ten retries: the cluster may have just been started.
  const kafka = createKafka(connection, silentLogger, { ...retries.interactive, retries: 10 })
  let producer: Producer | undefined
  try {
    const { partitions } = await withAdmin(kafka, admin =>
      ensureTopic(admin, { topic, partitions: options.partitions ?? -1 })
    )
    if (options.partitions !== undefined && partitions !== options.partitions)
      throw new HieraxError(
        'USAGE',
        `the topic ${topic} exists with ${partitions} partitions, not ${options.partitions}`
      )
    const encoding = new ProduceEncoding(silentLogger, 'none')
    producer = encoding.producer(kafka, { allowAutoTopicCreation: false, maxInFlightRequests: 5 })
    await producer.connect()
    return new RoundRobinPublisher(producer, topic, partitions)
  } catch (thrown) {
    await producer?.disconnect().catch(() => undefined)
    throw kafkaError(thrown, connection)
  }
}

class RoundRobinPublisher implements PacketPublisher {
  readonly partitions: number
  readonly #producer: Producer
  readonly #topic: string
  readonly #buffers: { packets: Pick<Message, 'key' | 'value'>[]; bytes: number; sending: Promise<void> }[]
  #next = 0
  #failure: HieraxError | null = null

  constructor(producer: Producer, topic: string, partitions: number) {
    this.partitions = partitions
    this.#producer = producer
    this.#topic = topic
    this.#buffers = Array.from({ length: partitions }, () => ({ packets: [], bytes: 0, sending: Promise.resolve() }))
  }

  async publish(packet: Uint8Array, key: Uint8Array | null = null): Promise<void> {
    if (this.#failure) throw this.#failure
    const partition = this.#next
    this.#next = (partition + 1) % this.partitions
    const buffer = this.#buffers[partition]!
    const bytes = packet.length + (key?.length ?? 0)
    if (buffer.bytes > 0 && buffer.bytes + bytes > requestBytes) await this.#send(partition)
    buffer.packets.push({ key: key && asBuffer(key), value: asBuffer(packet) })
    buffer.bytes += bytes
  }

  async flush(): Promise<void> {
    await Promise.all(this.#buffers.map((_, partition) => this.#send(partition)))
    await Promise.all(this.#buffers.map(({ sending }) => sending))
    if (this.#failure) throw this.#failure
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  /** Starts to send what is buffered for a partition, as soon as its previous request has ended. */
  async #send(partition: number): Promise<void> {
    const buffer = this.#buffers[partition]!
    await buffer.sending
    if (buffer.packets.length === 0) return
    const messages = buffer.packets.map(packet => ({ ...packet, headers: {}, partition }))
    buffer.packets = []
    buffer.bytes = 0
    // One explicit partition per request: kafkajs can lose messages of one that spans several brokers.
    buffer.sending = this.#producer
      .send({ topic: this.#topic, acks: -1, messages })
      .then(answers => assertAcknowledged(answers, [{ topic: this.#topic, partition }]))
      .catch(cause => {
        const message = `packets could not be published to the topic ${this.#topic} (${cause.message})`
        this.#failure ??= new HieraxError('PUBLISH_FAILED', message, { cause })
      })
  }
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}
