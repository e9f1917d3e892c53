import type { Batch, Consumer, ConsumerEndBatchProcessEvent, EachBatchPayload, Offsets } from 'kafkajs'
import { HieraxError } from '../../../errors.ts'
import type { BatchHandler } from '../../types.ts'
import { createKafka, retries } from '../client/client.ts'
import { type KafkaConnection, watched } from '../client/connection.ts'
import { FramePool } from '../client/frame-pool.ts'
import type { TopicPartition } from '../client/offsets.ts'
import { withTimeout } from '../client/timing.ts'
import { describeTopics, type KafkaCluster, type TopicDescription } from '../client/topic-ids.ts'
import { processBatch } from './batches.ts'
import { FetchAhead } from './fetch-ahead.ts'
import { type Assignment, Heartbeats, newAssignment, OffsetCommits, subscriptionAssigner } from './group.ts'
import { PartitionTracker, type TrackerContext } from './partitions.ts'

/** Time limit of the session's own requests, ms. */
const requestTimeout = 5000

/** What a session gets from the source that runs it. */
export interface SessionContext extends Omit<TrackerContext, 'consumer' | 'describeTopics' | 'onOutdated'> {
  readonly connection: KafkaConnection
  readonly group: string
  readonly handler: BatchHandler
  /** This member joined the group. */
  readonly onJoined: () => void
  /** Messages were handled. */
  readonly onProgress: () => void
  /** The handler rejected a chunk, which will be retried. */
  readonly onRejected: (error: unknown) => void
}

/**
 * One run of a kafkajs consumer with a fixed set of topics. kafkajs can't change the topics of a running consumer, and
 * stops for good on errors that it considers final: the source then closes this session and starts another.
 */
export class ConsumerSession {
  /** The session's part of the source's readiness. */
  phase: 'joining' | 'running' | 'rebalancing' = 'joining'
  /** Resolves with the error if the consumer cannot continue. */
  readonly crashed: Promise<Error>
  /** Resolves when a topic was deleted and created again. The next session reads the new one. */
  readonly outdated: Promise<null>
  readonly #context: SessionContext
  readonly #consumer: Consumer
  #cluster: KafkaCluster | null = null
  readonly #ahead: FetchAhead
  readonly #commits: OffsetCommits
  readonly #heartbeats: Heartbeats
  readonly #partitions: PartitionTracker
  readonly #started: Promise<void>
  #crash: (error: Error) => void = () => undefined
  #assignment = newAssignment()
  /** Commits offsets. Replaced at the first batch by the commit of its payload, which does not retry; until then, kafkajs retries. */
  #commit = ({ topics }: Offsets): Promise<void> =>
    this.#consumer.commitOffsets(
      topics.flatMap(({ topic, partitions }) => partitions.map(entry => ({ topic, ...entry })))
    )
  #working = 0
  #lastFetch = performance.now()
  #closing = false
  /** A broker denied access to the group. kafkajs only logs that: its error says that no coordinator was found. */
  #groupDenied = false

  constructor(context: SessionContext) {
    const { limits, logger, group, connection } = context
    this.#context = context
    const frames = new FramePool(limits)
    this.#ahead = new FetchAhead(logger, limits, frames)
    this.crashed = new Promise(resolve => {
      this.#crash = resolve
    })
    let outdate = () => {}
    this.outdated = new Promise(resolve => {
      outdate = () => resolve(null)
    })
    // A client of its own: kafkajs shares the committed offsets of a group among the consumers of one client.
    const clientLogger = watched(logger, ({ error }) => {
      this.#groupDenied ||= /Not authorized to access group/.test(String(error))
    })
    this.#consumer = createKafka(connection, clientLogger, retries.patient, frames).consumer({
      groupId: group,
      partitionAssigners: [
        given => {
          this.#cluster = given.cluster
          this.#ahead.attach(given.cluster)
          return subscriptionAssigner(given)
        }
      ],
      sessionTimeout: limits.sessionTimeout,
      rebalanceTimeout: limits.rebalanceTimeout,
      heartbeatInterval: Math.round(limits.sessionTimeout / 10),
      maxBytesPerPartition: limits.partitionBytes,
      maxBytes: limits.fetchBytes,
      minBytes: 1,
      maxWaitTimeInMs: limits.fetchWait,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
      retry: { ...retries.patient, restartOnFailure: async () => false }
    })
    this.#commits = new OffsetCommits(limits.commitInterval, logger, offsets => this.#commit(offsets))
    this.#heartbeats = new Heartbeats(limits, logger, () =>
      this.#loseAssignment(new Error('the group coordinator did not answer for a whole session'))
    )
    this.#partitions = new PartitionTracker({
      ...context,
      consumer: this.#consumer,
      describeTopics: topics => this.#describe(topics),
      onOutdated: outdate
    })
    this.#listen()
    this.#started = this.#start().catch(error => this.#fail(asError(error)))
  }

  /** True if nothing was fetched for `ms` while no batch was in progress: the brokers or a topic are gone. */
  stalled(ms: number): boolean {
    return this.#working === 0 && performance.now() - this.#lastFetch > ms
  }

  /** Finishes the work in progress within time limits, commits it, leaves the group and disconnects. Never rejects. */
  async close(): Promise<void> {
    const { limits, logger } = this.#context
    this.#closing = true
    this.#assignment.leave.abort()
    this.#partitions.close()
    void this.#commits.flush()
    // Do not stop kafkajs while it joins: it would stay in the group after the disconnect.
    const ended = this.#started.then(() => this.#consumer.disconnect())
    const timeout = this.#working > 0 ? limits.stopTimeout : Math.min(limits.stopTimeout, 5000)
    if (!(await settles(ended, timeout))) {
      this.#assignment.lost.abort(new Error('the source stops'))
      if (!(await settles(ended, 3000))) logger.warn({}, 'the consumer did not stop in time and is abandoned')
    }
    this.#heartbeats.close()
    this.#commits.drop()
    this.#partitions.disown()
  }

  async #start(): Promise<void> {
    const { topics, limits } = this.#context
    await this.#consumer.connect()
    // From the earliest offset, whatever `from` is: if retention removed the committed offset, reading must not jump to the end.
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
    if (this.#closing) return
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: limits.concurrency,
      eachBatch: payload => this.#eachBatch(payload)
    })
  }

  async #describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    if (this.#cluster === null) return new Map()
    return withTimeout(describeTopics(this.#cluster, topics), requestTimeout).catch(error => {
      this.#context.logger.debug({ reason: String(error) }, 'topics could not be described')
      return new Map()
    })
  }

  #listen(): void {
    const { logger, events } = this.#context
    const { GROUP_JOIN, REBALANCING, CRASH, FETCH, END_BATCH_PROCESS } = this.#consumer.events
    this.#consumer.on(FETCH, () => {
      this.#lastFetch = performance.now()
    })
    this.#consumer.on(REBALANCING, () => {
      this.phase = 'rebalancing'
      // Sent before the request to join, while the group still accepts this generation.
      void this.#commits.flush()
    })
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#ahead.drop()
      this.#loseAssignment(new Error('the group was rebalanced'))
      this.phase = 'running'
      this.#context.onJoined()
      this.#lastFetch = performance.now()
      events.onRebalance?.()
      logger.info({ group: payload.groupId, partitions: payload.memberAssignment }, 'joined the consumer group')
      this.#partitions.assign(payload.memberAssignment)
    })
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => this.#skipped(payload))
    this.#consumer.on(CRASH, ({ payload }) => this.#fail(payload.error))
  }

  #fail(cause: Error): void {
    const type = 'GROUP_AUTHORIZATION_FAILED'
    // Its cause has further causes, which would hide the type.
    this.#crash(this.#groupDenied ? Object.assign(new Error(`not authorized: ${cause.message}`), { type }) : cause)
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const assignment = this.#assignment
    const { batch } = payload
    if (this.#closing || assignment.leave.signal.aborted) return this.#leave(assignment)
    this.#partitions.fetched(batch, batch.firstOffset())
    this.#commit = offsets => payload.commitOffsetsIfNecessary(offsets)
    this.#working++
    this.#heartbeats.begin(payload, assignment)
    try {
      const allHandled = await processBatch({
        batch,
        assignment,
        handler: this.#context.handler,
        limits: this.#context.limits,
        heartbeat: () => this.#heartbeats.beat(),
        onHandled: offset => {
          payload.resolveOffset(offset)
          this.#handled(batch, this.#partitions.handled(batch, offset))
        },
        onInvalidTimestamps: (count, timestamp) =>
          this.#context.events.onInvalidTimestamps?.(batch.topic, count, timestamp),
        onRejected: (error, attempt) => this.#rejected(batch, error, attempt)
      })
      if (allHandled) this.#ahead.handled(batch)
    } finally {
      this.#working--
      this.#heartbeats.end(payload)
      this.#lastFetch = performance.now()
    }
    await this.#leave(assignment)
  }

  /** Commits past batches that hold only transaction markers and aborted messages: kafkajs does not pass them to `eachBatch`. */
  #skipped(batch: ConsumerEndBatchProcessEvent['payload']): void {
    if (batch.batchSize > 0) return
    this.#partitions.fetched(batch, batch.firstOffset)
    this.#handled(batch, this.#partitions.passed(batch, batch.lastOffset))
  }

  #handled({ topic, partition }: TopicPartition, nextOffset: string): void {
    this.#commits.add(topic, partition, nextOffset, this.#partitions.noteOf({ topic, partition }))
    this.#context.onProgress()
  }

  #rejected({ topic, partition }: Batch, error: unknown, attempt: number): void {
    const fields = { topic, partition, attempt, reason: asError(error).message }
    // A store that cannot be used delays all batches, and is logged elsewhere.
    const level = error instanceof HieraxError && error.code === 'STORE_FAILED' ? 'debug' : 'warn'
    this.#context.logger[level](fields, 'batch failed, retrying')
    this.#context.onRejected(error)
  }

  /** At the end of a batch, if the member must leave: commits what was handled and makes kafkajs rejoin the group. */
  async #leave(assignment: Assignment): Promise<void> {
    if (!assignment.leave.signal.aborted || assignment !== this.#assignment) return
    await this.#commits.flush()
    if (assignment.rejoin !== null) throw assignment.rejoin
  }

  /** The partitions may now belong to other members; results for them must be discarded. */
  #loseAssignment(reason: Error): void {
    const previous = this.#assignment
    this.#assignment = newAssignment()
    if (this.#closing) this.#assignment.leave.abort()
    previous.leave.abort()
    previous.lost.abort(reason)
    this.#commits.drop()
  }
}

async function settles(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true
  )
  return withTimeout(settled, ms).catch(() => false)
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
