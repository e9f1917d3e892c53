import type { Batch, Consumer } from 'kafkajs'
import {
  type CommitNote,
  keyOf,
  messagesBetween,
  type PartitionOffsets,
  position,
  type TopicPartition
} from '../client/offsets.ts'
import { withTimeout } from '../client/timing.ts'
import { isOtherTopic, type TopicDescription } from '../client/topic-ids.ts'
import type { SourceLimits } from './limits.ts'
import { ReadRights } from './read-rights.ts'
import type { SourceEvents } from './source-events.ts'
import { type StartContext, startOf, timedStarts } from './starts.ts'

/** What the tracker works with. */
export interface TrackerContext extends StartContext {
  readonly consumer: Consumer
  readonly events: SourceEvents
  readonly limits: SourceLimits
  readonly topics: readonly string[]
  /** Topics of which a group without committed offsets reads only messages since `since`. */
  readonly fromTime: ReadonlySet<string>
  /** The ids of topics that this process has read, kept from one session to the next. */
  readonly topicIds: Map<string, string>
  /** The topics that exist, as the brokers describe them; empty if no broker answers. Never rejects. */
  readonly describeTopics: (topics: readonly string[]) => Promise<ReadonlyMap<string, TopicDescription>>
  /** A topic was deleted and created again. The session must end, and the next one reads the new topic. */
  readonly onOutdated: () => void
  /** These topics of the session may not be read now; their partitions wait. */
  readonly onDenied: (topics: ReadonlySet<string>) => void
  /** The group's offsets in these topics; topics that can't be read are left out. */
  readonly readOffsets: (topics: readonly string[]) => Promise<PartitionOffsets[]>
  /** The topics that must wait for older nights, given the group's offsets. */
  readonly heldTopics: (offsets: readonly PartitionOffsets[]) => ReadonlySet<string>
}

interface OwnedPartition extends TopicPartition {
  /** Next offset to be handled; null while unknown. */
  next: bigint | null
  paused: boolean
  /** The partition starts at a time whose offset is not known yet. */
  awaitsStart: boolean
  /** The id of the topic that is read, if it is known. */
  topicId: string | null
  /** See {@link CommitNote}. */
  since: number | null
}

/** Time limit for reading the offsets of one topic, ms. */
const offsetTimeout = 5000

/** Consecutive failures to read a topic's offsets after which a warning is logged. */
const warnAfter = 3

/**
 * Tracks the owned partitions: sets their first offsets, reports their lag, notices messages that retention removed
 * unread, and pauses nights that must wait for older ones.
 *
 * After every join all partitions are paused until the group's offsets have been read, for a bounded time. Partitions that
 * start at a time stay paused until its offset is known, because kafkajs would read them from the earliest offset.
 */
export class PartitionTracker {
  readonly #context: TrackerContext
  /** By `topic/partition`. */
  #owned = new Map<string, OwnedPartition>()
  /** Number of consecutive failures to read a topic's offsets. */
  #unreadInARow = 0
  readonly #rights: ReadRights
  #generation = 0
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(context: TrackerContext) {
    this.#context = context
    const { consumer, logger, events } = context
    this.#rights = new ReadRights(logger, () => events.onRefused?.('authorization'))
    // kafkajs discards its group before it reports a crash; seek, pause and resume throw after that.
    consumer.on(consumer.events.STOP, () => this.close())
  }

  /** The group assigned these partitions to this member. */
  assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    const previous = this.#owned
    this.#owned = new Map()
    for (const [topic, partitions] of Object.entries(assignment)) {
      const awaitsStart = this.#context.fromTime.has(topic)
      const topicId = this.#context.topicIds.get(topic) ?? null
      for (const partition of partitions) {
        const owned = { topic, partition, next: null, paused: false, awaitsStart, topicId, since: null }
        this.#owned.set(keyOf(owned), owned)
      }
    }
    for (const [key, partition] of previous) if (!this.#owned.has(key)) this.#report(partition, -1)
    this.#setPaused(true, [...this.#owned.values()])
    void this.#refresh(++this.#generation)
  }

  /** A batch was fetched. Messages missing before its first may have been removed by retention. */
  fetched(batch: TopicPartition, firstOffset: string | null): void {
    const expected = this.#owned.get(keyOf(batch))?.next ?? null
    const first = BigInt(firstOffset ?? -1)
    if (expected !== null && first > expected) void this.#checkGap(batch, expected, first)
  }

  /** Messages up to `offset` have been handled; returns the offset to commit, the next one. */
  handled(batch: Batch, offset: string): string {
    // The last message may be followed by transaction markers, which are skipped with it.
    return this.passed(batch, offset === batch.messages.at(-1)?.offset ? batch.lastOffset() : offset)
  }

  /** Everything up to `offset` is done; returns the offset to commit, the next one. */
  passed(batch: TopicPartition & { readonly highWatermark: string }, offset: string): string {
    const next = BigInt(offset) + 1n
    const owned = this.#owned.get(keyOf(batch))
    if (owned !== undefined) {
      owned.next = next
      this.#report(owned, messagesBetween(next, BigInt(batch.highWatermark)))
    }
    return String(next)
  }

  /** The metadata that is committed with the offset of a partition; undefined while nothing is known. */
  noteOf(partition: TopicPartition): string | undefined {
    const { topicId = null, since = null } = this.#owned.get(keyOf(partition)) ?? {}
    const note: CommitNote = { topicId, since }
    return topicId === null && since === null ? undefined : JSON.stringify(note)
  }

  /** Stops reading offsets. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** The partitions no longer belong to this member. */
  disown(): void {
    for (const partition of this.#owned.values()) this.#report(partition, -1)
    this.#owned.clear()
  }

  /** Reads the offsets now and then regularly until the assignment ends. */
  async #refresh(generation: number): Promise<void> {
    // Read the topics first. If a topic is replaced between the two requests, the offsets are those of the new one, and the next refresh notices.
    const described = await this.#context.describeTopics(this.#context.topics)
    const offsets = await this.#readOffsets()
    const timed = await timedStarts(offsets, entry => this.#awaitsStart(entry), this.#context)
    if (this.#closed || generation !== this.#generation) return
    if (this.#isOutdated(described)) {
      this.#context.onOutdated()
      return
    }
    const recreated = new Map<string, number[]>()
    for (const entry of offsets) {
      const owned = this.#owned.get(keyOf(entry))
      if (owned === undefined) continue
      const id = described.get(entry.topic)?.id ?? null
      if (owned.next !== null) owned.topicId ??= id
      else if (this.#setStart(owned, entry, id, timed))
        recreated.set(entry.topic, [...(recreated.get(entry.topic) ?? []), entry.partition])
      this.#report(owned, messagesBetween(owned.next ?? position(entry), entry.high))
    }
    this.#reportRecreated(recreated)
    const denied = this.#rights.update(this.#context.topics, described)
    this.#context.onDenied(denied)
    // Fetching messages without the right to read them would end the consumer.
    this.#hold(new Set([...this.#context.heldTopics(offsets), ...denied]))
    const { lagInterval, backlogInterval } = this.#context.limits
    const soon = this.#unreadInARow > 0 || [...this.#owned.values()].some(partition => partition.paused)
    this.#timer = setTimeout(() => void this.#refresh(generation), soon ? backlogInterval : lagInterval)
  }

  #awaitsStart(entry: PartitionOffsets): boolean {
    return entry.committed === null && this.#owned.get(keyOf(entry))?.awaitsStart === true
  }

  /** True if a topic that is being read was deleted and created again. */
  #isOutdated(described: ReadonlyMap<string, TopicDescription>): boolean {
    return [...this.#owned.values()].some(
      ({ topic, topicId, next }) => next !== null && isOtherTopic(topicId, described.get(topic)?.id ?? null)
    )
  }

  /**
   * Sets the first offset of a partition of the topic `id`, unless it is not known yet. Returns true if the topic is not the one that
   * the group read before.
   */
  #setStart(
    owned: OwnedPartition,
    offsets: PartitionOffsets,
    id: string | null,
    timed: ReadonlyMap<string, bigint>
  ): boolean {
    const { low, committed, note } = offsets
    const recreated = isOtherTopic(note?.topicId ?? owned.topicId, id)
    const start = startOf(offsets, recreated, owned.awaitsStart ? timed.get(keyOf(owned)) : null)
    if (start === null) return false
    if (committed !== null && start !== committed && !recreated) this.#outOfRange(offsets, committed, low)
    owned.topicId = id ?? note?.topicId ?? owned.topicId
    owned.since = note?.since ?? (owned.awaitsStart ? this.#context.since : null)
    owned.awaitsStart = false
    owned.next = start
    const isSeek = start !== committed
    if (isSeek || owned.topicId !== (note?.topicId ?? null)) this.#commitStart(owned, String(start), isSeek)
    return recreated
  }

  #commitStart(owned: OwnedPartition, offset: string, isSeek: boolean): void {
    const { consumer, logger } = this.#context
    const { topic, partition } = owned
    if (isSeek) consumer.seek({ topic, partition, offset })
    // Committed at once, so that the next owner of the partition starts at the same offset.
    consumer
      .commitOffsets([{ topic, partition, offset, metadata: this.noteOf(owned) ?? null }])
      .catch(error => logger.debug({ reason: String(error) }, 'commit of the first offset failed'))
  }

  #reportRecreated(recreated: ReadonlyMap<string, readonly number[]>): void {
    const { logger, events } = this.#context
    for (const { topic, topicId } of this.#owned.values())
      if (topicId !== null) this.#context.topicIds.set(topic, topicId)
    for (const [topic, partitions] of recreated) {
      const numbers = partitions.toSorted((a, b) => a - b)
      logger.warn(
        { topic, partitions: numbers },
        'the topic was deleted and created again; the new one is read from its start'
      )
      events.onRecreated?.(topic)
    }
  }

  /** Pauses the partitions of these topics, and resumes the others. */
  #hold(topics: ReadonlySet<string>): void {
    const owned = [...this.#owned.values()]
    this.#setPaused(
      true,
      owned.filter(({ topic, paused }) => !paused && topics.has(topic))
    )
    this.#setPaused(
      false,
      owned.filter(({ topic, paused, awaitsStart }) => paused && !awaitsStart && !topics.has(topic))
    )
  }

  #setPaused(paused: boolean, partitions: readonly OwnedPartition[]): void {
    if (partitions.length === 0) return
    for (const partition of partitions) partition.paused = paused
    const list = partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] }))
    if (paused) this.#context.consumer.pause(list)
    else this.#context.consumer.resume(list)
  }

  async #checkGap({ topic, partition }: TopicPartition, expected: bigint, first: bigint): Promise<void> {
    const offsets = await this.#context.readOffsets([topic])
    const entry = offsets.find(offset => offset.partition === partition)
    // Compaction and transaction markers leave gaps as well; only messages before the log's start are lost.
    if (entry !== undefined && entry.low > expected)
      this.#outOfRange(entry, expected, entry.low < first ? entry.low : first)
  }

  #outOfRange({ topic, partition, low, high }: PartitionOffsets, from: bigint, to: bigint): void {
    const { logger, events } = this.#context
    const messages = messagesBetween(from, to)
    logger.warn(
      { topic, partition, expected: String(from), first: String(low), next: String(high), messages },
      messages > 0
        ? `${messages} messages expired before they were read; resuming at the earliest offset`
        : 'the committed offset is past the end of the log; resuming at the earliest offset'
    )
    events.onOutOfRange?.(topic, partition, messages)
  }

  /** The offsets that can be read. */
  async #readOffsets(): Promise<PartitionOffsets[]> {
    const { readOffsets, topics, logger } = this.#context
    const offsets = await withTimeout(readOffsets(topics), offsetTimeout * topics.length).catch(() => [])
    if (this.#closed) return offsets
    const unread = topics.filter(topic => !offsets.some(entry => entry.topic === topic))
    this.#unreadInARow = unread.length > 0 ? this.#unreadInARow + 1 : 0
    if (unread.length > 0) {
      const waiting = [...this.#owned].filter(([, { awaitsStart }]) => awaitsStart).map(([key]) => key)
      // A single failed request is not a problem, as the next one follows soon. A lasting failure is logged once.
      logger[this.#unreadInARow === warnAfter ? 'warn' : 'debug'](
        { topics: unread, waiting },
        'cannot read offsets; the lag is unknown, and partitions that start at a time stay paused'
      )
    }
    return offsets
  }

  #report({ topic, partition, next, paused }: OwnedPartition, lag: number): void {
    this.#context.events.onPartition?.({ topic, partition, lag, next, held: paused })
  }
}
