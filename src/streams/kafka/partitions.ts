import type { Batch, Consumer } from 'kafkajs'
import type { ClusterView, PartitionOffsets } from './admin.ts'
import { type BacklogGate, position } from './backlog.ts'
import type { ResolvedOptions } from './source-options.ts'
import { withTimeout } from './timing.ts'

/** What the tracker works with. */
export interface TrackerContext {
  readonly consumer: Consumer
  readonly options: ResolvedOptions
  readonly cluster: Pick<ClusterView, 'offsets'>
  readonly gate: BacklogGate
  readonly topics: readonly string[]
  readonly fromLatest: ReadonlySet<string>
}

interface TopicPartition {
  readonly topic: string
  readonly partition: number
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
    this.#pause([...this.#owned.values()])
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
      if (owned !== undefined && (first || owned.awaitsStart)) this.#setStart(owned, entry)
    }
    this.#reportLags(offsets)
    this.#hold(this.#heldTopics(offsets))
    const { lagInterval, backlogInterval } = this.#context.options.limits
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
    const { consumer, options } = this.#context
    const seek = { topic: owned.topic, partition: owned.partition, offset: String(start) }
    consumer.seek(seek)
    // At once, so that the next owner of the partition starts at the same offset.
    consumer
      .commitOffsets([seek])
      .catch(error => options.logger.debug({ reason: String(error) }, 'commit of the first offset failed'))
  }

  #reportLags(offsets: readonly PartitionOffsets[]): void {
    for (const entry of offsets) {
      const owned = this.#owned.get(keyOf(entry))
      if (owned !== undefined) this.#report(owned, messagesBetween(owned.next ?? position(entry), entry.high))
    }
  }

  #heldTopics(offsets: readonly PartitionOffsets[]): ReadonlySet<string> {
    const { options, gate, topics } = this.#context
    if (options.backlog === 'together') return new Set()
    const { heldTopics, givenUp } = gate.decide(topics, offsets, performance.now())
    for (const { night, lag } of givenUp)
      options.logger.warn({ night, lag: Number(lag) }, 'a night makes no progress; later nights no longer wait for it')
    return heldTopics
  }

  /** Pauses the partitions of these topics, and resumes the others. */
  #hold(topics: ReadonlySet<string>): void {
    const owned = [...this.#owned.values()]
    this.#pause(owned.filter(partition => topics.has(partition.topic) && !partition.paused))
    const free = owned.filter(({ topic, paused, awaitsStart }) => paused && !awaitsStart && !topics.has(topic))
    if (free.length === 0) return
    for (const partition of free) partition.paused = false
    this.#context.consumer.resume(free.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
  }

  #pause(partitions: readonly OwnedPartition[]): void {
    if (partitions.length === 0) return
    for (const partition of partitions) partition.paused = true
    this.#context.consumer.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
  }

  async #checkGap({ topic, partition }: TopicPartition, expected: bigint, first: bigint): Promise<void> {
    const offsets = await this.#context.cluster.offsets([topic])
    const entry = offsets.find(offset => offset.partition === partition)
    // Compaction and transaction markers leave gaps as well; only messages before the log's start are lost.
    if (entry !== undefined && entry.low > expected)
      this.#outOfRange(entry, expected, entry.low < first ? entry.low : first)
  }

  #outOfRange({ topic, partition, low, high }: PartitionOffsets, from: bigint, to: bigint): void {
    const { logger, events } = this.#context.options
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
    const { cluster, topics, options } = this.#context
    const offsets = await withTimeout(cluster.offsets(topics), offsetTimeout * topics.length).catch(() => [])
    if (this.#closed) return offsets
    const unread = topics.filter(topic => !offsets.some(entry => entry.topic === topic))
    this.#unreadInARow = unread.length > 0 ? this.#unreadInARow + 1 : 0
    if (unread.length > 0) {
      const waiting = [...this.#owned].filter(([, { awaitsStart }]) => awaitsStart).map(([key]) => key)
      // A single failed request is not a problem, as the next one follows soon. A lasting failure is logged once.
      options.logger[this.#unreadInARow === warnAfter ? 'warn' : 'debug'](
        { topics: unread, waiting },
        'cannot read offsets; the lag is unknown, and partitions that start at the latest offset stay paused'
      )
    }
    return offsets
  }

  #report({ topic, partition, next, paused }: OwnedPartition, lag: number): void {
    this.#context.options.events.onPartition?.({ topic, partition, lag, next, held: paused })
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

function messagesBetween(from: bigint, to: bigint): number {
  return to > from ? Number(to - from) : 0
}
