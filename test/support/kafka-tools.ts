import { randomUUID } from 'node:crypto'
import { type Admin, type CompressionTypes, Kafka, logLevel, type Message, type Producer } from 'kafkajs'
import { createKafka } from '../../src/streams/kafka/client/client.ts'
import { silent } from './loggers.ts'
import { patienceMs, until } from './until.ts'

/** A message read from a topic. */
export interface ReadMessage {
  readonly partition: number
  readonly offset: bigint
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
  /** Epoch ms. */
  readonly timestamp: number
}

/** A message for a given partition. */
export interface RawMessage {
  readonly partition: number
  readonly value: Buffer | string | null
  readonly key?: Buffer | string | null
  readonly headers?: Readonly<Record<string, string>>
  /** Epoch ms; default: now. */
  readonly timestamp?: string
}

export interface TopicOptions {
  readonly partitions?: number
  readonly replication?: number
  readonly config?: Readonly<Record<string, string>>
}

/** Access to a Kafka from tests. Connects on first use. */
export class KafkaTools {
  readonly kafka: Kafka
  readonly #brokers: readonly string[]
  #admin: Promise<Admin> | null = null
  #producer: Promise<Producer> | null = null

  constructor(brokers: readonly string[]) {
    this.#brokers = brokers
    this.kafka = createKafka({ brokers, ssl: false, sasl: null, clientId: 'hierax-test-tools' }, silent)
  }

  /** A connected admin client. */
  admin(): Promise<Admin> {
    this.#admin ??= (async () => {
      const admin = this.kafka.admin()
      await admin.connect()
      return admin
    })()
    return this.#admin
  }

  #connectedProducer(): Promise<Producer> {
    this.#producer ??= (async () => {
      const producer = this.kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      return producer
    })()
    return this.#producer
  }

  /** Waits until the cluster serves consumer groups; a new one loads its coordinator at the first request. */
  async untilGroupsWork(): Promise<void> {
    const admin = await this.admin()
    const serves = () =>
      admin.fetchOffsets({ groupId: 'none' }).then(
        () => true,
        () => false
      )
    await until(serves, patienceMs, () => 'the group coordinator')
  }

  /** A unique name. */
  name(stem = 'test'): string {
    return `${stem}-${randomUUID().slice(0, 12)}`
  }

  /** Creates a topic and waits until every partition has a leader; returns its name (by default a unique one). */
  async topic(name: string = this.name(), options: TopicOptions = {}): Promise<string> {
    const { partitions = 1, replication = 1, config = {} } = options
    // Kafka removes messages by their timestamps, which tests choose.
    const settings = { 'retention.ms': '-1', ...config }
    const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
    const topic = { topic: name, numPartitions: partitions, replicationFactor: replication, configEntries }
    const admin = await this.admin()
    await admin.createTopics({ waitForLeaders: false, topics: [topic] })
    const hasLeaders = async (): Promise<boolean> => {
      // Some brokers may not know the topic yet.
      const metadata = await admin.fetchTopicMetadata({ topics: [name] }).catch(() => null)
      const found = metadata?.topics[0]?.partitions ?? []
      return found.length === partitions && found.every(({ leader, isr }) => leader >= 0 && isr.length === replication)
    }
    await until(hasLeaders, patienceMs, () => `leaders of ${name}`)
    return name
  }

  /**
   * Produces unmodified values to their partitions, acknowledged by all replicas. Each partition has a separate request, because kafkajs
   * would repeat the messages of all partitions of a request if one of them has no leader yet.
   */
  async produce(topic: string, messages: readonly RawMessage[], compression?: CompressionTypes): Promise<void> {
    const producer = await this.#connectedProducer()
    for (const partition of new Set(messages.map(message => message.partition))) {
      const own = messages.filter(message => message.partition === partition)
      const send = { topic, messages: own.map(message => ({ ...message })) as Message[] }
      await producer.send(compression === undefined ? send : { ...send, compression })
    }
  }

  /** Names of all topics, from a plain client, because the service's own never requests all of them. */
  async topics(): Promise<string[]> {
    const admin = new Kafka({ brokers: [...this.#brokers], logLevel: logLevel.NOTHING }).admin()
    try {
      await admin.connect()
      return await admin.listTopics()
    } finally {
      await admin.disconnect()
    }
  }

  /** First and next offset of each partition, and the total number of messages between them. */
  async offsets(topic: string): Promise<{ ends: Map<number, { low: bigint; high: bigint }>; total: number }> {
    const admin = await this.admin()
    const ends = new Map<number, { low: bigint; high: bigint }>()
    let total = 0n
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      ends.set(partition, { low: BigInt(low), high: BigInt(high) })
      total += BigInt(high) - BigInt(low)
    }
    return { ends, total: Number(total) }
  }

  /** Whether a group has committed all messages of a topic. */
  async isRead(topic: string, group: string): Promise<boolean> {
    const admin = await this.admin()
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
    const { ends } = await this.offsets(topic)
    return [...ends].every(([partition, { low, high }]) => low === high || (offsets.get(partition) ?? -1n) >= high)
  }

  /** Waits until a topic has at least `count` messages. */
  async waitFor(topic: string, count: number, limitMs = patienceMs): Promise<void> {
    let total = 0
    const enough = async () => {
      total = await this.offsets(topic).then(
        offsets => offsets.total,
        () => 0
      )
      return total >= count
    }
    await until(enough, limitMs, () => `${count} messages on ${topic}; it has ${total}`)
  }

  /**
   * All messages of a topic up to its current end, by partition and offset. With `count`, first waits for that many
   * messages.
   */
  async read(topic: string, count = 0, limitMs = patienceMs): Promise<ReadMessage[]> {
    if (count > 0) await this.waitFor(topic, count, limitMs)
    const messages: ReadMessage[] = []
    await this.scan(topic, message => void messages.push(message), limitMs)
    return messages.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset))
  }

  /** Visits all messages of a topic up to its current end, in order within each partition, without storing them. */
  async scan(topic: string, visit: (message: ReadMessage) => void, limitMs = patienceMs): Promise<void> {
    const { ends } = await this.offsets(topic)
    const left = new Map([...ends].filter(([, { low, high }]) => high > low).map(([id, { high }]) => [id, high]))
    if (left.size === 0) return
    let seen = 0
    // Thrown from here: kafkajs would read the batch again and again, and the reason would never show.
    const failures: unknown[] = []
    const consumer = this.kafka.consumer({
      groupId: this.name('reader'),
      maxBytesPerPartition: 4 * 1024 * 1024,
      maxWaitTimeInMs: 50
    })
    try {
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const end = ends.get(batch.partition)?.high ?? 0n
          for (const message of batch.messages) {
            if (BigInt(message.offset) >= end) continue
            seen++
            try {
              visit(asRead(batch.partition, message))
            } catch (error) {
              failures.push(error)
              return
            }
          }
          if (BigInt(batch.lastOffset()) + 1n >= end) left.delete(batch.partition)
        }
      })
      const isOver = () => left.size === 0 || failures.length > 0
      await until(isOver, limitMs, () => `the ends of ${topic}; ${seen} read`)
      if (failures.length > 0) throw failures[0]
    } finally {
      await consumer.disconnect()
    }
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => null)
    const admin = await this.#admin?.catch(() => null)
    await Promise.allSettled([producer?.disconnect(), admin?.disconnect()])
  }
}

interface RawRead {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: string
  readonly headers?: Readonly<Record<string, unknown>>
}

function asRead(partition: number, { offset, key, value, timestamp, headers = {} }: RawRead): ReadMessage {
  return {
    partition,
    offset: BigInt(offset),
    key: key === null ? null : key.toString(),
    value,
    headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, String(header)])),
    timestamp: Number(timestamp)
  }
}
