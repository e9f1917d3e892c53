import type { Consumer, ConsumerEndBatchProcessEvent, EachBatchPayload } from 'kafkajs'
import type { BatchHandler, InputMessage } from '../types.ts'
import type { BacklogGate } from './backlog.ts'
import { createKafka, patientRetry } from './client.ts'
import { subscriptionAssigner } from './source-assigner.ts'
import type { ClusterView } from './source-cluster.ts'
import { type CommitFunction, OffsetCommits } from './source-commits.ts'
import { Heartbeats } from './source-heartbeats.ts'
import type { ResolvedOptions } from './source-options.ts'
import { PartitionSurvey } from './source-survey.ts'
import { newTenure, type Tenure, workOn } from './source-work.ts'
import { within } from './within.ts'

/** What a session does, as far as its readiness goes. */
export type SessionPhase = 'joining' | 'running' | 'rebalancing'

/** What a session needs from the source that runs it. */
export interface SessionContext {
  readonly options: ResolvedOptions
  readonly cluster: ClusterView
  readonly gate: BacklogGate
  readonly topics: readonly string[]
  /** Topics of which a group without offsets reads only what comes from now on. */
  readonly fromLatest: ReadonlySet<string>
  readonly handler: BatchHandler
  /** Messages were handled. */
  readonly progressed: () => void
  /** The handler rejected a chunk (its error), or passed again after that (null). */
  readonly retrying: (error: unknown) => void
}

/**
 * One life of a kafkajs consumer with a fixed set of topics. kafkajs can't change its topics while it runs, and stops for
 * good on errors that it holds to be final: the source then ends this session and begins another.
 */
export class ConsumerSession {
  phase: SessionPhase = 'joining'
  /** Resolves with the error when the consumer can't go on. */
  readonly crashed: Promise<Error>
  readonly #context: SessionContext
  readonly #consumer: Consumer
  readonly #commits: OffsetCommits
  readonly #heartbeats: Heartbeats
  readonly #survey: PartitionSurvey
  readonly #started: Promise<void>
  #crash: (error: Error) => void = () => undefined
  #tenure: Tenure = newTenure()
  /** kafkajs gives a way to commit once with the first messages; its other one tries again by itself. */
  #commit: CommitFunction = ({ topics }) =>
    this.#consumer.commitOffsets(
      topics.flatMap(({ topic, partitions }) => partitions.map(entry => ({ topic, ...entry })))
    )
  #working = 0
  #lastFetch = performance.now()
  #closing = false

  constructor(context: SessionContext) {
    const { options } = context
    const { limits, logger, group } = options
    this.#context = context
    this.crashed = new Promise(resolve => {
      this.#crash = resolve
    })
    // A client of its own: kafkajs shares the committed offsets of a group among the consumers of one client.
    this.#consumer = createKafka(options.connection, logger).consumer({
      groupId: group,
      partitionAssigners: [subscriptionAssigner],
      sessionTimeout: limits.sessionTimeout,
      rebalanceTimeout: limits.rebalanceTimeout,
      heartbeatInterval: Math.round(limits.sessionTimeout / 10),
      maxBytesPerPartition: limits.partitionBytes,
      maxBytes: limits.fetchBytes,
      minBytes: 1,
      maxWaitTimeInMs: limits.fetchWait,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
      retry: { ...patientRetry, restartOnFailure: async () => false }
    })
    this.#commits = new OffsetCommits(limits.commitInterval, logger)
    this.#heartbeats = new Heartbeats(limits, logger, () => this.#loseTouch())
    this.#survey = new PartitionSurvey({ ...context, consumer: this.#consumer })
    this.#listen()
    this.#started = this.#start().catch(error => this.#crash(asError(error)))
  }

  /** True when nothing was fetched for so long (ms) although nothing is in work: the brokers or a topic are gone. */
  stalled(ms: number): boolean {
    return this.#working === 0 && performance.now() - this.#lastFetch > ms
  }

  /** Finishes the work in progress within bounds, commits it, leaves the group and disconnects. Never rejects. */
  async close(): Promise<void> {
    const { limits, logger } = this.#context.options
    this.#closing = true
    this.#tenure.leave.abort()
    this.#survey.close()
    void this.#commits.flush()
    // kafkajs must not be stopped while it joins: it would go on as a member that nobody holds.
    const ended = this.#started.then(() => this.#consumer.disconnect())
    const patience = this.#working > 0 ? limits.stopTimeout : Math.min(limits.stopTimeout, 5000)
    if (!(await settles(ended, patience))) {
      this.#tenure.lost.abort(new Error('the source stops'))
      if (!(await settles(ended, 3000))) logger.warn({}, 'the consumer did not end in time and is left behind')
    }
    this.#heartbeats.close()
    this.#commits.drop()
    this.#survey.disown()
  }

  async #start(): Promise<void> {
    const { topics, options } = this.#context
    await this.#consumer.connect()
    // From the beginning even where the group begins at the end: an offset that retention removed must not lead there.
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
    if (this.#closing) return
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.limits.concurrency,
      eachBatch: payload => this.#eachBatch(payload)
    })
  }

  #listen(): void {
    const { logger, events } = this.#context.options
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
      const previous = this.#tenure
      this.#renewTenure()
      previous.lost.abort(new Error('the group was rebalanced'))
      this.#commits.drop()
      this.phase = 'running'
      this.#lastFetch = performance.now()
      events.onRebalance?.()
      logger.info({ group: payload.groupId, partitions: payload.memberAssignment }, 'joined the consumer group')
      this.#survey.assign(payload.memberAssignment)
    })
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => this.#passedOver(payload))
    this.#consumer.on(CRASH, ({ payload }) => this.#crash(payload.error))
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const tenure = this.#tenure
    if (this.#closing || tenure.leave.signal.aborted) return this.#leave(tenure)
    const { topic, partition } = payload.batch
    this.#survey.fetched(payload.batch, payload.batch.firstOffset())
    this.#commit = offsets => payload.commitOffsetsIfNecessary(offsets)
    this.#working++
    this.#heartbeats.begin(payload, tenure)
    try {
      await workOn({
        batch: payload.batch,
        tenure,
        handler: this.#context.handler,
        options: this.#context.options,
        heartbeat: () => this.#heartbeats.beat(),
        done: (_messages: readonly InputMessage[], offset) => {
          payload.resolveOffset(offset)
          const next = this.#survey.handled(payload.batch, offset)
          this.#commits.add(topic, partition, next, this.#commit)
          this.#context.progressed()
        },
        rejected: (error, attempt) => this.#rejected(payload, error, attempt)
      })
    } finally {
      this.#working--
      this.#heartbeats.end(payload)
      this.#lastFetch = performance.now()
    }
    await this.#leave(tenure)
  }

  /** Batches with nothing but markers of transactions and messages of aborted ones are kept from `eachBatch`. */
  #passedOver(batch: ConsumerEndBatchProcessEvent['payload']): void {
    if (batch.batchSize > 0) return
    this.#survey.fetched(batch, batch.firstOffset)
    const next = this.#survey.passed(batch, batch.lastOffset)
    this.#commits.add(batch.topic, batch.partition, next, this.#commit)
    this.#context.progressed()
  }

  /** At the end of a batch: commits what is done when the member has to go, and tells kafkajs to join again. */
  async #leave(tenure: Tenure): Promise<void> {
    if (!tenure.leave.signal.aborted || tenure !== this.#tenure) return
    await this.#commits.flush()
    if (tenure.rejoin !== null) throw tenure.rejoin
  }

  #rejected({ batch }: EachBatchPayload, error: unknown, attempt: number): void {
    this.#context.options.logger.warn(
      { topic: batch.topic, partition: batch.partition, attempt, reason: asError(error).message },
      'messages could not be handled and come again'
    )
    this.#context.retrying(error)
  }

  /** No heartbeat came through for a whole session: the group has given the partitions to others, as far as we know. */
  #loseTouch(): void {
    const previous = this.#tenure
    this.#renewTenure()
    previous.lost.abort(new Error('the group coordinator did not answer for a whole session'))
    this.#commits.drop()
  }

  #renewTenure(): void {
    const previous = this.#tenure
    this.#tenure = newTenure()
    if (this.#closing) this.#tenure.leave.abort()
    previous.leave.abort()
  }
}

async function settles(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true
  )
  return within(settled, ms).catch(() => false)
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
