import type { Batch, Consumer } from 'kafkajs'
import type { PartitionStatus } from '../types.ts'
import type { KafkaLogger } from './connection.ts'
import type { SourceLimits } from './limits.ts'
import { keyOf, messagesBetween, type PartitionOffsets, position, type TopicPartition } from './offsets.ts'
import { withTimeout } from './timing.ts'

/** What a source reports, for metrics. All optional, called synchronously, must not throw. */
export interface SourceEvents {
  /** The topics that are read from now on; none of them may exist yet. */
  onTopics?(topics: readonly string[]): void
  onPartition?(status: PartitionStatus): void
  /** This member joined the group, for the first time or after a rebalance. */
  onRebalance?(): void
  /** The consumer crashed and is restarted. */
  onRestart?(reason: string): void
  /** Messages were removed by retention (or the topic was recreated) before they were read; reading continues. */
  onOutOfRange?(topic: string, partition: number, messages: number): void
}

/** What the tracker works with. */
export interface TrackerContext {
  readonly consumer: Consumer
  readonly logger: KafkaLogger
  readonly events: SourceEvents
  readonly limits: SourceLimits
  readonly topics: readonly string[]
  /** Topics that a group without committed offsets reads from the end. */
  readonly fromLatest: ReadonlySet<string>
  /** The group's offsets in these topics; topics that can't be read are left out. */
  readonly readOffsets: (topics: readonly string[]) => Promise<PartitionOffsets[]>
  /** The topics that must wait for older nights, given the group's offsets. */
  readonly heldTopics: (offsets: readonly PartitionOffsets[]) => ReadonlySet<string>
}

interface OwnedPartition extends TopicPartition {
  /** Next offset to be handled; null while unknown. */
  next: bigint | null
  paused: boolean
  /** The partition starts at the end of the topic, and that offset is not known yet. */
  awaitsStart: boolean
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
 * start at the end of the topic stay paused until that offset is known, because kafkajs would read them from the earliest offset.
 */
export class PartitionTracker {
  readonly #context: TrackerContext
  /** By `topic/partition`. */
  #owned = new Map<string, OwnedPartition>()
  /** Number of consecutive failures to read a topic's offsets. */
  #unreadInARow = 0
  #generation = 0
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(context: TrackerContext) {
    this.#context = context
    const { consumer } = context
    // kafkajs discards its group before it reports a crash; seek, pause and resume throw after that.
    consumer.on(consumer.events.STOP, () => this.close())
  }

  /** The group assigned these partitions to this member. */
  assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    const previous = this.#owned
    this.#owned = new Map()
    for (const [topic, partitions] of Object.entries(assignment)) {
      const awaitsStart = this.#context.fromLatest.has(topic)
      for (const partition of partitions) {
        const owned = { topic, partition, next: null, paused: false, awaitsStart }
        this.#owned.set(keyOf(owned), owned)
      }
    }
    for (const [key, partition] of previous) if (!this.#owned.has(key)) this.#report(partition, -1)
    this.#setPaused(true, [...this.#owned.values()])
    void this.#refresh(++this.#generation, true)
  }

  /** A batch was fetched. Messages missing before its first may have been removed by retention. */
  fetched(batch: TopicPartition, firstOffset: string | null): void {
    const expected = this.#owned.get(keyOf(batch))?.next ?? null
    const first = BigInt(firstOffset ?? -1)
    if (expected !== null && first > expected) void this.#checkGap(batch, expected, first)
  }

  /** Messages up to `offset` have been handled; returns the offset to commit, the next one. */
  handled(batch: Batch, offset: string): string {
    // The last message may be followed by transaction markers, which are passed with it.
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
  async #refresh(generation: number, first: boolean): Promise<void> {
    const offsets = await this.#readOffsets()
    if (this.#closed || generation !== this.#generation) return
    for (const entry of offsets) {
      const owned = this.#owned.get(keyOf(entry))
      if (owned === undefined) continue
      if (first || owned.awaitsStart) this.#setStart(owned, entry)
      this.#report(owned, messagesBetween(owned.next ?? position(entry), entry.high))
    }
    this.#hold(this.#context.heldTopics(offsets))
    const { lagInterval, backlogInterval } = this.#context.limits
    const soon = this.#unreadInARow > 0 || [...this.#owned.values()].some(partition => partition.paused)
    this.#timer = setTimeout(() => void this.#refresh(generation, false), soon ? backlogInterval : lagInterval)
  }

  #setStart(owned: OwnedPartition, offsets: PartitionOffsets): void {
    const { low, high, committed } = offsets
    let start = position(offsets)
    if (committed === null && owned.awaitsStart) start = high
    else if (committed !== null && (committed < low || committed > high)) {
      start = low
      this.#outOfRange(offsets, committed, low)
    }
    owned.awaitsStart = false
    owned.next = start
    if (start === committed) return
    const { consumer, logger } = this.#context
    const seek = { topic: owned.topic, partition: owned.partition, offset: String(start) }
    consumer.seek(seek)
    // At once, so that the next owner of the partition starts at the same offset.
    consumer
      .commitOffsets([seek])
      .catch(error => logger.debug({ reason: String(error) }, 'commit of the first offset failed'))
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

  /** Offsets as far as they can be read. */
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
        'cannot read offsets; the lag is unknown, and partitions that start at the latest offset stay paused'
      )
    }
    return offsets
  }

  #report({ topic, partition, next, paused }: OwnedPartition, lag: number): void {
    this.#context.events.onPartition?.({ topic, partition, lag, next, held: paused })
  }
}
