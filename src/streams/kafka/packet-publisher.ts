import type { Admin, Kafka, Producer } from 'kafkajs'
import { HieraxError } from '../../errors.ts'
import { createKafka, type KafkaConnection, kafkaError } from './client.ts'
import { holdAcknowledged } from './producer.ts'
import { topicExists } from './topics.ts'

/** Where packets go. */
export interface PacketPublisherOptions {
  readonly connection: KafkaConnection
  readonly topic: string
  /** Partitions of the topic when it is made because it is absent; the broker's default unless given. */
  readonly partitions?: number
}

/** Publishes packets unchanged and without a key, as the survey does: one after another over all partitions. */
export interface PacketPublisher {
  /** Partitions of the topic. */
  readonly partitions: number
  /** Takes a packet; sends when enough have come together. Rejects with PUBLISH_FAILED when an earlier send failed. */
  publish(packet: Uint8Array): Promise<void>
  /** Resolves when all in-sync replicas have every packet taken so far. */
  flush(): Promise<void>
  /** Flushes nothing; closes the connection. */
  close(): Promise<void>
}

/** A request of more bytes than this may exceed the broker's default limit of 1 MiB; kafkajs never splits one. */
const maximumSendBytes = 900_000
/** Gives up after about ten seconds: a person is waiting. */
const retry = { initialRetryTime: 100, maxRetryTime: 1500, retries: 10 }

/**
 * Connects to a cluster and makes the topic when it is absent.
 *
 * @throws HieraxError KAFKA_UNAVAILABLE; USAGE when the topic exists with another number of partitions
 */
export async function openPacketPublisher(options: PacketPublisherOptions): Promise<PacketPublisher> {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const kafka = createKafka(options.connection, silent, retry)
  let producer: Producer | undefined
  try {
    const partitions = await prepareTopic(kafka, options)
    producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 5 })
    await producer.connect()
    return new RoundRobinPublisher(producer, options.topic, partitions)
  } catch (thrown) {
    await producer?.disconnect().catch(() => undefined)
    throw kafkaError(thrown, options.connection)
  }
}

class RoundRobinPublisher implements PacketPublisher {
  readonly partitions: number
  readonly #producer: Producer
  readonly #topic: string
  readonly #waiting: { packets: Uint8Array[]; bytes: number; sending: Promise<void> }[]
  #next = 0
  #failure: HieraxError | null = null

  constructor(producer: Producer, topic: string, partitions: number) {
    this.partitions = partitions
    this.#producer = producer
    this.#topic = topic
    this.#waiting = Array.from({ length: partitions }, () => ({ packets: [], bytes: 0, sending: Promise.resolve() }))
  }

  async publish(packet: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure
    const partition = this.#next
    this.#next = (partition + 1) % this.partitions
    const waiting = this.#waiting[partition]!
    if (waiting.bytes > 0 && waiting.bytes + packet.length > maximumSendBytes) await this.#send(partition)
    waiting.packets.push(packet)
    waiting.bytes += packet.length
  }

  async flush(): Promise<void> {
    await Promise.all(this.#waiting.map((_, partition) => this.#send(partition)))
    await Promise.all(this.#waiting.map(waiting => waiting.sending))
    if (this.#failure) throw this.#failure
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  /** Starts to send what waits for a partition, as soon as its send before is through. */
  async #send(partition: number): Promise<void> {
    const waiting = this.#waiting[partition]!
    await waiting.sending
    if (waiting.packets.length === 0) return
    const messages = waiting.packets.map(packet => ({
      key: null,
      value: Buffer.from(packet.buffer, packet.byteOffset, packet.length),
      partition
    }))
    waiting.packets = []
    waiting.bytes = 0
    // One explicit partition per send: kafkajs can lose messages of a send that spans several brokers.
    waiting.sending = this.#producer
      .send({ topic: this.#topic, acks: -1, messages })
      .then(answers => holdAcknowledged(answers, this.#topic))
      .catch(cause => {
        this.#failure ??= new HieraxError(
          'PUBLISH_FAILED',
          `the topic ${this.#topic} took no packets (${cause.message})`,
          { cause }
        )
      })
  }
}

/** Number of partitions of the topic, made when absent. */
async function prepareTopic(kafka: Kafka, { topic, partitions }: PacketPublisherOptions): Promise<number> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    const exists = await topicExists(admin, topic)
    if (!exists) await createTopic(admin, topic, partitions)
    const found = await countPartitions(admin, topic)
    if (partitions !== undefined && found !== partitions) {
      throw new HieraxError('USAGE', `the topic ${topic} exists with ${found} partitions, not ${partitions}`)
    }
    return found
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

async function createTopic(admin: Admin, topic: string, partitions: number | undefined): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions ?? -1 }] })
}

/** Waits until every partition has a leader: right after its creation a topic has none. */
async function countPartitions(admin: Admin, topic: string): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }))
    const partitions = topics[0]?.partitions ?? []
    if (partitions.length > 0 && partitions.every(partition => partition.leader >= 0)) return partitions.length
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new HieraxError('KAFKA_UNAVAILABLE', `the topic ${topic} has partitions without a leader`)
}
