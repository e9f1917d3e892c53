import { AssignerProtocol, type EachBatchPayload, type Offsets, type PartitionAssigner } from 'kafkajs'
import type { KafkaLogger } from '../client/connection.ts'
import { keyOf, type OffsetCommit } from '../client/offsets.ts'
import type { SourceLimits } from './limits.ts'

/** One assignment of partitions to this member, from one join of the group to the next. */
export interface Assignment {
  /** Aborted when the partitions may belong to other members; the work in progress must be discarded. */
  readonly lost: AbortController
  /** Aborted when the member must leave soon: the work in progress is finished and no new work starts. */
  readonly leave: AbortController
  /** Thrown to kafkajs once the work in progress is finished, so that it rejoins the group. */
  rejoin: Error | null
}

export function newAssignment(): Assignment {
  return { lost: new AbortController(), leave: new AbortController(), rejoin: null }
}

/**
 * Sends heartbeats while handlers work. kafkajs sends its own only between batches, and a member that is silent for a whole
 * session is evicted. The coordinator's answer determines what happens to the assignment:
 *
 * - a rebalance has started: finish the chunks in progress (for half of the rebalance time-out), commit, rejoin;
 * - this member or its generation is unknown: the partitions already belong to others;
 * - no answer: continue until a whole session has passed.
 */
export class Heartbeats {
  readonly #limits: SourceLimits
  readonly #logger: KafkaLogger
  readonly #onSessionExpired: () => void
  readonly #working = new Map<EachBatchPayload, Assignment>()
  readonly #timer: NodeJS.Timeout
  readonly #graces = new Set<NodeJS.Timeout>()
  #lastAnswer = 0
  #beating: Promise<void> | null = null

  /** `onSessionExpired`: no heartbeat was answered for a whole session. */
  constructor(limits: SourceLimits, logger: KafkaLogger, onSessionExpired: () => void) {
    this.#limits = limits
    this.#logger = logger
    this.#onSessionExpired = onSessionExpired
    this.#timer = setInterval(() => void this.beat(), Math.round(limits.sessionTimeout / 15))
  }

  begin(payload: EachBatchPayload, assignment: Assignment): void {
    if (this.#working.size === 0) this.#lastAnswer = performance.now()
    this.#working.set(payload, assignment)
  }

  end(payload: EachBatchPayload): void {
    this.#working.delete(payload)
  }

  /** Sends a heartbeat unless one is in flight or no batch is in progress. Never rejects. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = null
    })
    return this.#beating
  }

  close(): void {
    clearInterval(this.#timer)
    for (const grace of this.#graces) clearTimeout(grace)
  }

  async #beat(): Promise<void> {
    const [first] = this.#working
    if (first === undefined) return
    const [payload, assignment] = first
    try {
      await payload.heartbeat()
      this.#lastAnswer = performance.now()
    } catch (error) {
      this.#failed(error, assignment)
    }
  }

  #failed(error: unknown, assignment: Assignment): void {
    const type = error instanceof Error && 'type' in error ? error.type : null
    this.#logger.debug({ reason: String(error) }, 'heartbeat failed')
    if (type === 'REBALANCE_IN_PROGRESS' || type === 'NOT_COORDINATOR_FOR_GROUP') {
      this.#lastAnswer = performance.now()
      this.#finishSoon(error as Error, assignment)
    } else if (type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID' || type === 'FENCED_INSTANCE_ID') {
      assignment.rejoin = error as Error
      assignment.lost.abort(error)
      assignment.leave.abort()
    } else if (performance.now() - this.#lastAnswer > this.#limits.sessionTimeout) {
      this.#lastAnswer = performance.now()
      this.#onSessionExpired()
    }
  }

  #finishSoon(error: Error, assignment: Assignment): void {
    if (assignment.rejoin !== null) return
    assignment.rejoin = error
    assignment.leave.abort()
    const grace = setTimeout(() => assignment.lost.abort(error), this.#limits.rebalanceTimeout / 2)
    this.#graces.add(grace)
    assignment.lost.signal.addEventListener('abort', () => {
      clearTimeout(grace)
      this.#graces.delete(grace)
    })
  }
}

/** Pause after a failed commit, ms. */
const commitRetry = 500

/**
 * Commits the offsets of handled messages, for all partitions together and at most once per `interval` ms, because a
 * request for each batch would cost too much. After a crash, messages handled in the last interval are repeated.
 */
export class OffsetCommits {
  readonly #interval: number
  readonly #logger: KafkaLogger
  readonly #commit: (offsets: Offsets) => Promise<void>
  /** By partition, the offset before which everything was handled. */
  readonly #handled = new Map<string, OffsetCommit>()
  /** Partitions whose offset is not committed yet. */
  #pending = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #inFlight = 0
  #running: Promise<void> = Promise.resolve()
  /** Incremented whenever the group may have given the partitions to others. */
  #epoch = 0

  constructor(interval: number, logger: KafkaLogger, commit: (offsets: Offsets) => Promise<void>) {
    this.#interval = interval
    this.#logger = logger
    this.#commit = commit
  }

  /** The messages of a partition before `offset` have been handled; `metadata` is kept beside it. */
  add(topic: string, partition: number, offset: string, metadata?: string): void {
    const key = keyOf({ topic, partition })
    this.#handled.set(key, { topic, partition, offset, ...(metadata === undefined ? {} : { metadata }) })
    this.#pending.add(key)
    this.#schedule()
  }

  /**
   * Commits everything now. The request has been sent when this returns, so it reaches the coordinator before whatever
   * is sent next. Never rejects: offsets that could not be committed are committed the next time.
   */
  flush(): Promise<void> {
    this.#clearTimer()
    if (this.#pending.size === 0) return this.#running
    const keys = this.#pending
    const epoch = this.#epoch
    this.#pending = new Set()
    this.#inFlight++
    const request = this.#commit({ topics: byTopic([...keys].map(key => this.#handled.get(key)!)) })
      .catch(error => {
        this.#logger.debug({ reason: String(error) }, 'commit failed, retrying')
        if (epoch !== this.#epoch) return
        for (const key of keys) this.#pending.add(key)
        this.#schedule(commitRetry)
      })
      .finally(() => {
        this.#inFlight--
      })
    this.#running = Promise.all([this.#running, request]).then(() => undefined)
    return this.#running
  }

  /** Forgets everything: the partitions may belong to another member now. */
  drop(): void {
    this.#epoch++
    this.#clearTimer()
    this.#pending.clear()
    this.#handled.clear()
  }

  #schedule(delay = this.#interval): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      // One at a time: otherwise requests would accumulate while the coordinator is unreachable.
      if (this.#inFlight > 0) this.#schedule()
      else void this.flush()
    }, delay)
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

function byTopic(entries: readonly OffsetCommit[]): Offsets['topics'] {
  const topics = new Map<string, Omit<OffsetCommit, 'topic'>[]>()
  for (const { topic, ...commit } of entries) {
    const partitions = topics.get(topic) ?? []
    partitions.push(commit)
    topics.set(topic, partitions)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}

/** A member of the group and the topics that it subscribed to. */
interface Subscriber {
  readonly memberId: string
  readonly topics: readonly string[]
}

/**
 * Assigns partitions evenly, each only to members that subscribed to its topic. The round robin continues from one topic
 * (in order of name) to the next, so that every night's partitions are spread as evenly as all of them together.
 * Returns member → topic → partitions.
 */
export function spread(
  members: readonly Subscriber[],
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
): Map<string, Record<string, number[]>> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const assignment = new Map(sorted.map(member => [member.memberId, {} as Record<string, number[]>]))
  let turn = 0
  for (const { topic, partitions } of [...topics].sort((a, b) => (a.topic < b.topic ? -1 : 1))) {
    const subscribers = sorted.filter(member => member.topics.includes(topic))
    if (subscribers.length === 0) continue
    for (const partition of [...partitions].sort((a, b) => a - b)) {
      const owned = assignment.get(subscribers[turn++ % subscribers.length]!.memberId)!
      owned[topic] ??= []
      owned[topic].push(partition)
    }
  }
  return assignment
}

/**
 * Round robin over the subscribers of each topic. Around midnight the members of a group change topics one after the
 * other; kafkajs's own assigner would give partitions of a new night to members that do not read it yet.
 */
export const subscriptionAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'HieraxRoundRobin',
  version: 0,

  async assign({ members, topics }) {
    const subscribers = members.map(({ memberId, memberMetadata }) => ({
      memberId,
      topics: AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []
    }))
    const known = topics.map(topic => ({
      topic,
      partitions: cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
    }))
    return [...spread(subscribers, known)].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) })
    }))
  },

  protocol: ({ topics }) => ({
    name: 'HieraxRoundRobin',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) })
  })
})
