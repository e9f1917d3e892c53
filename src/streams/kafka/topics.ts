import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, ITopicMetadata, Kafka } from 'kafkajs'
import { HieraxError } from '../../errors.ts'
import { type KafkaLogger, rootCause } from './client.ts'

/** A topic that is to exist. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** Replicas of each partition; the broker's default when absent. */
  readonly replication?: number
  /** Settings of the topic when it is created, under Kafka's names; the broker's defaults when absent. */
  readonly settings?: Readonly<Record<string, string>>
}

const leaderLimitMs = 30_000

/** What a broker answers about a topic that it does not know, or does not know the leaders of, yet. */
const notYet = new Set<unknown>(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'])

async function metadataOf(admin: Admin, topic: string): Promise<ITopicMetadata | null> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0] ?? null
  } catch (error) {
    if (notYet.has((rootCause(error) as { type?: unknown }).type)) return null
    throw error
  }
}

/**
 * Whether a topic exists. Asked for by name: a list of all topics fails as a whole where a single partition anywhere in the
 * cluster has no leader.
 */
export async function topicExists(admin: Admin, topic: string): Promise<boolean> {
  try {
    await admin.fetchTopicMetadata({ topics: [topic] })
    return true
  } catch (error) {
    const { type } = rootCause(error) as { type?: unknown }
    if (type === 'LEADER_NOT_AVAILABLE') return true
    // Of a name that no topic may have, the one who makes it will be told.
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'INVALID_TOPIC_EXCEPTION') return false
    throw error
  }
}

async function create(admin: Admin, { topic, partitions, replication = -1, settings = {} }: TopicSpec): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  try {
    // False when it is there already: another process may create it at the same time.
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, replicationFactor: replication, configEntries }]
    })
  } catch (cause) {
    throw new HieraxError('TOPIC_NOT_CREATED', `Kafka did not create the topic ${topic}: ${explained(cause)}`, {
      cause
    })
  }
}

function explained(error: unknown): string {
  const [first] = (error as { errors?: unknown[] }).errors ?? [error]
  return first instanceof Error ? first.message : String(first)
}

async function waitForLeaders(admin: Admin, topic: string): Promise<ITopicMetadata> {
  for (const began = Date.now(); ; await sleep(50)) {
    const found = await metadataOf(admin, topic)
    if (found?.partitions.length && found.partitions.every(({ leader }) => leader >= 0)) return found
    if (Date.now() - began > leaderLimitMs)
      throw new HieraxError('TOPIC_NOT_CREATED', `The topic ${topic} has no leaders after ${leaderLimitMs / 1000} s`)
  }
}

/**
 * Makes topics exist: creates those that are absent and waits until their partitions have leaders. One that exists
 * stays as it is; a different number of partitions is logged as a warning. Several processes may do so at once.
 *
 * @throws {HieraxError} TOPIC_NOT_CREATED when the cluster refuses.
 */
export async function ensureTopics(admin: Admin, specs: readonly TopicSpec[], logger: KafkaLogger): Promise<void> {
  for (const spec of specs) {
    const existed = await topicExists(admin, spec.topic)
    if (!existed) await create(admin, spec)
    const { partitions } = await waitForLeaders(admin, spec.topic)
    if (partitions.length !== spec.partitions)
      logger.warn(
        { topic: spec.topic, partitions: partitions.length, configured: spec.partitions },
        'the topic exists with another number of partitions; it is used as it is'
      )
    else if (!existed) logger.info({ topic: spec.topic, partitions: spec.partitions }, 'topic created')
  }
}

/** Learns how many partitions topics have. */
export class PartitionCounts {
  readonly #kafka: Kafka

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  /**
   * The number of partitions of a topic, asked for until it is known; null when it is no longer `wanted` or `closing`
   * is aborted.
   */
  async wait(
    topic: string,
    options: { wanted: () => boolean; closing: AbortSignal; onFailure: (error: unknown) => void }
  ): Promise<number | null> {
    for (let attempt = 0; options.wanted() && !options.closing.aborted; attempt++) {
      try {
        return await this.#count(topic)
      } catch (error) {
        options.onFailure(error)
        await sleep(Math.min(100 * 2 ** attempt, 2000), undefined, { signal: options.closing }).catch(() => {})
      }
    }
    return null
  }

  async #count(topic: string): Promise<number> {
    const admin = this.#kafka.admin()
    try {
      await admin.connect()
      const found = await metadataOf(admin, topic)
      if (!found?.partitions.length) throw new Error(`the topic ${topic} does not exist`)
      return found.partitions.length
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }
}
