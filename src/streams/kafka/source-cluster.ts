import type { Admin, Kafka } from 'kafkajs'
import type { PartitionOffsets } from './backlog.ts'
import { createKafka, type KafkaConnection, type KafkaLogger, rootCause } from './client.ts'

/** What is known of a topic: `dead` has partitions without a leader, `denied` may not be read. */
export type TopicState = 'present' | 'absent' | 'dead' | 'denied'

/** What the source asks a cluster beside its consumer. */
export interface ClusterView {
  /** The state of every topic named. Rejects when the cluster does not answer. */
  topicStates(names: readonly string[]): Promise<Map<string, TopicState>>
  /** Offsets of all partitions of these topics; a topic that can't be read is left out. */
  offsets(topics: readonly string[]): Promise<PartitionOffsets[]>
  close(): Promise<void>
}

/** The longest that one question may take, ms. */
const patience = 5000

/**
 * A view of the cluster through kafkajs's admin client, every answer in bounded time.
 *
 * Topics are asked for by name, one by one: a list of all topics fails as a whole when a single partition anywhere in
 * the cluster has no leader, and the survey's cluster goes on advertising expired nights whose partitions are dead. For
 * the same reason an admin client that met such a topic is thrown away: it would ask for it again with every request.
 */
export function createClusterView(connection: KafkaConnection, group: string, logger: KafkaLogger): ClusterView {
  const kafka: Kafka = createKafka(connection, quiet(logger), { initialRetryTime: 50, maxRetryTime: 200, retries: 2 })
  let admin: Admin | null = null

  async function connected(): Promise<Admin> {
    if (admin !== null) return admin
    const fresh = kafka.admin()
    try {
      await within(fresh.connect(), patience)
    } catch (error) {
      fresh.disconnect().catch(() => undefined)
      throw error
    }
    admin = fresh
    return fresh
  }

  async function discard(): Promise<void> {
    const old = admin
    admin = null
    if (old !== null) await within(old.disconnect(), patience).catch(() => undefined)
  }

  async function topicState(name: string): Promise<TopicState> {
    const client = await connected()
    try {
      await within(client.fetchTopicMetadata({ topics: [name] }), patience)
      return 'present'
    } catch (error) {
      const state = stateOf(error)
      if (state === null) await discard()
      if (state === null) throw error
      return state
    }
  }

  async function topicOffsets(topic: string): Promise<PartitionOffsets[]> {
    const client = await connected()
    try {
      // In this order, so that what is consumed in between never looks like an offset past the end.
      const groups = await within(client.fetchOffsets({ groupId: group, topics: [topic] }), patience)
      const watermarks = await within(client.fetchTopicOffsets(topic), patience)
      const committed = new Map(groups.flatMap(({ partitions }) => partitions).map(p => [p.partition, p.offset]))
      return watermarks.map(({ partition, low, high }) => {
        const offset = BigInt(committed.get(partition) ?? -1)
        return { topic, partition, low: BigInt(low), high: BigInt(high), committed: offset < 0n ? null : offset }
      })
    } catch (error) {
      logger.debug({ topic, reason: String(error) }, 'offsets of a topic can not be read')
      await discard()
      return []
    }
  }

  return {
    async topicStates(names) {
      const states = new Map<string, TopicState>()
      for (const name of names) states.set(name, await topicState(name))
      return states
    },
    async offsets(topics) {
      const offsets: PartitionOffsets[] = []
      for (const topic of topics) offsets.push(...(await topicOffsets(topic)))
      return offsets
    },
    close: discard
  }
}

function stateOf(error: unknown): TopicState | null {
  for (const candidate of [error, rootCause(error)]) {
    const type = candidate instanceof Error && 'type' in candidate ? candidate.type : null
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return 'absent'
    if (type === 'LEADER_NOT_AVAILABLE' || type === 'LISTENER_NOT_FOUND') return 'dead'
    if (type === 'TOPIC_AUTHORIZATION_FAILED') return 'denied'
  }
  return null
}

/** Questions that fail are answered for by those who asked. */
function quiet(logger: KafkaLogger): KafkaLogger {
  const debug: KafkaLogger['debug'] = (fields, message) => logger.debug(fields, message)
  return { debug, info: debug, warn: debug, error: debug }
}

/** The promise, or a rejection after `ms`. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
