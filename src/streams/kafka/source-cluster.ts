import type { Admin, Kafka } from 'kafkajs'
import type { PartitionOffsets } from './backlog.ts'
import { createKafka, type KafkaConnection, type KafkaLogger, rootCause } from './client.ts'
import { within } from './within.ts'

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

/** An admin client and the number of questions that it works on. */
interface Client {
  readonly admin: Admin
  readonly connected: Promise<void>
  users: number
  discarded: boolean
}

/**
 * A view of the cluster through kafkajs's admin client, every answer in bounded time.
 *
 * Topics are asked for by name, one by one: a list of all topics fails as a whole when a single partition anywhere in
 * the cluster has no leader, and the survey's cluster goes on advertising expired nights whose partitions are dead. For
 * the same reason an admin client that met such a topic is thrown away: it would ask for it again with every request.
 *
 * A question to kafkajs is several requests, and one whose client is disconnected between two of them connects again, to
 * be closed by nobody. So a client is disconnected when its last question was answered, and none begins after `close`.
 */
export function createClusterView(connection: KafkaConnection, group: string, logger: KafkaLogger): ClusterView {
  const kafka: Kafka = createKafka(connection, quiet(logger), { initialRetryTime: 50, maxRetryTime: 200, retries: 2 })
  let current: Client | null = null
  let closed = false
  /** Questions without an answer and clients that disconnect. */
  const open = new Set<Promise<unknown>>()

  function track(work: Promise<unknown>): void {
    const ended: Promise<unknown> = work.then(
      () => open.delete(ended),
      () => open.delete(ended)
    )
    open.add(ended)
  }

  function client(): Client {
    if (closed) throw new Error('the view of the cluster is closed')
    if (current !== null) return current
    const admin = kafka.admin()
    current = { admin, connected: admin.connect(), users: 0, discarded: false }
    return current
  }

  function release(unused: Client): void {
    if (unused.discarded && unused.users === 0) track(unused.admin.disconnect())
  }

  /** No further question goes to this client. */
  function discard(old: Client): void {
    if (current === old) current = null
    if (old.discarded) return
    old.discarded = true
    release(old)
  }

  /** Asks a question. The client is discarded where it has no answer in time, or one that is not `harmless`. */
  async function ask<T>(question: (admin: Admin) => Promise<T>, harmless: (error: unknown) => boolean): Promise<T> {
    const asked = client()
    asked.users++
    const answer = (async () => {
      try {
        await asked.connected
        return await question(asked.admin)
      } finally {
        asked.users--
        release(asked)
      }
    })()
    track(answer)
    try {
      return await within(answer, patience)
    } catch (error) {
      if (!harmless(error)) discard(asked)
      throw error
    }
  }

  async function topicState(name: string): Promise<TopicState> {
    try {
      await ask(
        admin => admin.fetchTopicMetadata({ topics: [name] }),
        error => stateOf(error) !== null
      )
      return 'present'
    } catch (error) {
      const state = stateOf(error)
      if (state === null) throw error
      return state
    }
  }

  async function topicOffsets(topic: string): Promise<PartitionOffsets[]> {
    const harmless = () => false
    try {
      // In this order, so that what is consumed in between never looks like an offset past the end.
      const groups = await ask(admin => admin.fetchOffsets({ groupId: group, topics: [topic] }), harmless)
      const watermarks = await ask(admin => admin.fetchTopicOffsets(topic), harmless)
      const committed = new Map(groups.flatMap(({ partitions }) => partitions).map(p => [p.partition, p.offset]))
      return watermarks.map(({ partition, low, high }) => {
        const offset = BigInt(committed.get(partition) ?? -1)
        return { topic, partition, low: BigInt(low), high: BigInt(high), committed: offset < 0n ? null : offset }
      })
    } catch (error) {
      logger.debug({ topic, reason: String(error) }, 'offsets of a topic can not be read')
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
    async close() {
      closed = true
      if (current !== null) discard(current)
      await within(settled(open), patience).catch(() => undefined)
    }
  }
}

/** Resolves when nothing is left in the set. */
async function settled(open: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (open.size > 0) await Promise.all(open)
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
