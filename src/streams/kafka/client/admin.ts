import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Kafka, PartitionMetadata } from 'kafkajs'
import { HieraxError } from '../../../errors.ts'
import { type KafkaLogger, protocolErrorType } from './connection.ts'
import { commitNote, type PartitionOffsets } from './offsets.ts'
import { withTimeout } from './timing.ts'
import { listTopics } from './topic-ids.ts'

/** A topic that must exist. */
export interface TopicSpec {
  readonly topic: string
  /** −1: the broker's default. */
  readonly partitions: number
  /** Replicas of each partition; the broker's default when absent. */
  readonly replication?: number
  /** Settings for the topic's creation, by Kafka's names; the broker's defaults when absent. */
  readonly settings?: Readonly<Record<string, string>>
}

/** State of a topic: `dead` has a partition without a leader, `denied` may not be read. */
export type TopicState = 'present' | 'absent' | 'dead' | 'denied'

const topicStates: Readonly<Record<string, TopicState>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'absent',
  // No topic can have this name. Creating it fails with the reason.
  INVALID_TOPIC_EXCEPTION: 'absent',
  LEADER_NOT_AVAILABLE: 'dead',
  LISTENER_NOT_FOUND: 'dead',
  TOPIC_AUTHORIZATION_FAILED: 'denied'
}

const leaderTimeout = 30_000

/** Runs `work` with an admin client that is connected before and disconnected after it. */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await work(admin)
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

/**
 * The state of one topic. Topics are looked up one by one: listing all of them fails as a whole when a single partition
 * anywhere in the cluster has no leader.
 */
async function topicState(admin: Admin, topic: string): Promise<TopicState> {
  try {
    await admin.fetchTopicMetadata({ topics: [topic] })
    return 'present'
  } catch (error) {
    const state = topicStates[protocolErrorType(error) ?? '']
    if (state === undefined) throw error
    return state
  }
}

/** Whether a topic exists, with or without leaders, readable or not. */
export async function topicExists(admin: Admin, topic: string): Promise<boolean> {
  return (await topicState(admin, topic)) !== 'absent'
}

/** The partitions of a topic; none while the broker does not know the topic, or its leaders, yet. */
export async function partitionsOf(admin: Admin, topic: string): Promise<PartitionMetadata[]> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions ?? []
  } catch (error) {
    const type = protocolErrorType(error)
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE') return []
    throw error
  }
}

/**
 * Creates a topic unless it exists, and waits until all its partitions have leaders.
 *
 * @throws {HieraxError} TOPIC_NOT_CREATED when the cluster refuses.
 */
export async function ensureTopic(admin: Admin, spec: TopicSpec): Promise<{ partitions: number; created: boolean }> {
  const existed = await topicExists(admin, spec.topic)
  if (!existed) await createTopic(admin, spec)
  return { partitions: await waitForLeaders(admin, spec.topic), created: !existed }
}

/**
 * Makes sure that the topics exist, see {@link ensureTopic}. An existing topic stays as it is; a different number of
 * partitions is logged as a warning. Several processes may do this at the same time.
 */
export async function ensureTopics(admin: Admin, specs: readonly TopicSpec[], logger: KafkaLogger): Promise<void> {
  for (const spec of specs) {
    const { partitions, created } = await ensureTopic(admin, spec)
    if (partitions !== spec.partitions)
      logger.warn(
        { topic: spec.topic, partitions, configured: spec.partitions },
        'the topic exists with a different number of partitions; it is used as it is'
      )
    else if (created) logger.info({ topic: spec.topic, partitions }, 'topic created')
  }
}

async function createTopic(admin: Admin, spec: TopicSpec): Promise<void> {
  const { topic, partitions, replication = -1, settings = {} } = spec
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  try {
    // Resolves with false when another process has just created it.
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, replicationFactor: replication, configEntries }]
    })
  } catch (cause) {
    const [reason] = (cause as { errors?: unknown[] }).errors ?? [cause]
    const text = reason instanceof Error ? reason.message : String(reason)
    throw new HieraxError('TOPIC_NOT_CREATED', `Kafka did not create the topic ${topic}: ${text}`, { cause })
  }
}

async function waitForLeaders(admin: Admin, topic: string): Promise<number> {
  for (const began = Date.now(); ; await sleep(50)) {
    const partitions = await partitionsOf(admin, topic)
    if (partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) return partitions.length
    if (Date.now() - began > leaderTimeout)
      throw new HieraxError('TOPIC_NOT_CREATED', `The topic ${topic} has no leaders after ${leaderTimeout / 1000} s`)
  }
}

/** Time limit of one request of a {@link ClusterView}, ms. */
const requestTimeout = 5000

interface SharedAdmin {
  readonly admin: Admin
  readonly connected: Promise<void>
  readonly pending: Set<Promise<unknown>>
}

/**
 * Reads states and offsets of topics, beside the consumer of a source. Each request has a time limit.
 *
 * Requests share an admin client until one fails, because kafkajs repeats a failed metadata request for a dead topic with every later
 * request of the client. The client is disconnected only after its last request: kafkajs splits a request into several, and would
 * reconnect between them and leave that connection open.
 */
export class ClusterView {
  readonly #kafka: Kafka
  readonly #group: string
  readonly #logger: KafkaLogger
  #current: SharedAdmin | null = null
  readonly #disconnecting = new Set<Promise<void>>()
  #closed = false

  constructor(kafka: Kafka, group: string, logger: KafkaLogger) {
    this.#kafka = kafka
    this.#group = group
    this.#logger = logger
  }

  /** The state of every topic named. Rejects when the cluster does not answer. */
  async topicStates(names: readonly string[]): Promise<Map<string, TopicState>> {
    const states = new Map<string, TopicState>()
    for (const name of names) states.set(name, await this.#request(admin => topicState(admin, name)))
    return states
  }

  /** Names of all topics that this client may see. Rejects when the cluster does not answer. */
  async topicNames(): Promise<string[]> {
    const names = await withTimeout(listTopics(this.#kafka), requestTimeout)
    return names ?? this.#request(admin => admin.listTopics())
  }

  /** Offsets of all partitions of these topics; topics that can't be read are left out. */
  async offsets(topics: readonly string[]): Promise<PartitionOffsets[]> {
    const offsets: PartitionOffsets[] = []
    for (const topic of topics) {
      try {
        offsets.push(...(await this.#topicOffsets(topic)))
      } catch (error) {
        this.#logger.debug({ topic, reason: String(error) }, 'cannot read the offsets of a topic')
      }
    }
    return offsets
  }

  /** By partition, the offset of the first message with a timestamp of `time` (epoch ms) or later; the end if there is none. */
  async offsetsAt(topic: string, time: number): Promise<ReadonlyMap<number, bigint>> {
    const offsets = await this.#request(admin => admin.fetchTopicOffsetsByTimestamp(topic, time))
    return new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)]))
  }

  /** Takes no further requests and disconnects once the pending ones have ended, within the time limit. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#current !== null) this.#discard(this.#current)
    await withTimeout(Promise.all(this.#disconnecting), requestTimeout).catch(() => undefined)
  }

  async #topicOffsets(topic: string): Promise<PartitionOffsets[]> {
    // In this order, so that messages consumed in between never look like an offset past the end.
    const groups = await this.#request(admin => admin.fetchOffsets({ groupId: this.#group, topics: [topic] }))
    const watermarks = await this.#request(admin => admin.fetchTopicOffsets(topic))
    const commits = new Map(groups.flatMap(({ partitions }) => partitions).map(commit => [commit.partition, commit]))
    return watermarks.map(({ partition, low, high }) => {
      const commit = commits.get(partition)
      const offset = BigInt(commit?.offset ?? -1)
      const committed = offset < 0n ? null : offset
      return { topic, partition, low: BigInt(low), high: BigInt(high), committed, note: commitNote(commit?.metadata) }
    })
  }

  async #request<T>(request: (admin: Admin) => Promise<T>): Promise<T> {
    const shared = this.#sharedAdmin()
    const { admin, connected, pending } = shared
    const answer = connected.then(() => request(admin))
    pending.add(answer)
    answer.catch(() => undefined).finally(() => pending.delete(answer))
    try {
      return await withTimeout(answer, requestTimeout)
    } catch (error) {
      this.#discard(shared)
      throw error
    }
  }

  #sharedAdmin(): SharedAdmin {
    if (this.#closed) throw new Error('the admin client is closed')
    if (this.#current === null) {
      const admin = this.#kafka.admin()
      this.#current = { admin, connected: admin.connect(), pending: new Set() }
    }
    return this.#current
  }

  #discard(shared: SharedAdmin): void {
    if (this.#current !== shared) return
    this.#current = null
    const disconnected = Promise.allSettled(shared.pending)
      .then(() => shared.admin.disconnect())
      .catch(() => undefined)
      .finally(() => this.#disconnecting.delete(disconnected))
    this.#disconnecting.add(disconnected)
  }
}
