import type { Batch, Consumer } from 'kafkajs'
import { type BacklogGate, lagOf, type PartitionOffsets, position } from './backlog.ts'
import type { ClusterView } from './source-cluster.ts'
import type { ResolvedOptions } from './source-options.ts'
import { within } from './within.ts'

/** What the survey works with. */
export interface SurveyContext {
  readonly consumer: Consumer
  readonly options: ResolvedOptions
  readonly cluster: ClusterView
  readonly gate: BacklogGate
  readonly topics: readonly string[]
  readonly fromLatest: ReadonlySet<string>
}

/** A partition. */
interface Place {
  readonly topic: string
  readonly partition: number
}

/** How long a look at the offsets may take for each topic, ms. */
const topicLook = 5000

/**
 * Knows where each owned partition stands: sets where its reading begins, reports its lag, notices messages that
 * retention removed unread, and pauses the nights that have to wait for older ones.
 *
 * After every join all partitions are paused until the group's offsets were looked at, for a bounded time. Those that may
 * have to begin at their end are paused until that is known: kafkajs would read them from the earliest.
 */
export class PartitionSurvey {
  readonly #context: SurveyContext
  /** Owned partitions (`topic/partition`). */
  #owned = new Map<string, Place>()
  /** Next offset to be handled. */
  readonly #positions = new Map<string, bigint>()
  readonly #paused = new Set<string>()
  /** Owned partitions of `fromLatest` topics whose offsets are not known yet. */
  readonly #unplaced = new Set<string>()
  /** The offsets of some topic could not be read, and it was said so. */
  #blind = false
  #assignment = 0
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(context: SurveyContext) {
    this.#context = context
    const { consumer } = context
    // kafkajs forgets its group before it tells of a crash, and throws at whoever seeks, pauses or resumes after that.
    consumer.on(consumer.events.STOP, () => this.close())
  }

  /** The group gave these partitions to this member. */
  assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    const partitions = Object.entries(assignment).flatMap(([topic, list]) =>
      list.map(partition => ({ topic, partition }))
    )
    const owned = new Map(partitions.map(entry => [keyOf(entry), entry]))
    for (const [key, entry] of this.#owned) if (!owned.has(key)) this.#report(entry, -1)
    this.#owned = owned
    this.#positions.clear()
    this.#paused.clear()
    this.#unplaced.clear()
    for (const [key, { topic }] of owned) if (this.#context.fromLatest.has(topic)) this.#unplaced.add(key)
    this.#pause([...owned.values()])
    const number = ++this.#assignment
    void this.#begin(number)
  }

  /** A batch was fetched. Messages missing before its first are looked into: did retention remove them? */
  fetched(batch: Place, firstOffset: string | null): void {
    const expected = this.#positions.get(keyOf(batch))
    const first = BigInt(firstOffset ?? -1)
    if (expected !== undefined && first > expected) void this.#lookIntoGap(batch, expected, first)
  }

  /** Messages up to `offset` are handled; returns the offset to commit, the next one. */
  handled(batch: Batch, offset: string): string {
    // Behind the last message there may be markers of transactions, which are passed over with it.
    return this.passed(batch, offset === batch.messages.at(-1)?.offset ? batch.lastOffset() : offset)
  }

  /** Everything up to `offset` is done with; returns the offset to commit, the next one. */
  passed(batch: Place & { readonly highWatermark: string }, offset: string): string {
    const next = BigInt(offset) + 1n
    this.#positions.set(keyOf(batch), next)
    this.#report(batch, atLeastZero(BigInt(batch.highWatermark) - next))
    return String(next)
  }

  /** No more looks at the offsets. */
  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** The partitions are no longer ours. */
  disown(): void {
    for (const entry of this.#owned.values()) this.#report(entry, -1)
    this.#owned.clear()
  }

  async #begin(number: number): Promise<void> {
    const offsets = await this.#look()
    if (this.#stale(number)) return
    for (const entry of offsets) if (this.#owned.has(keyOf(entry))) this.#beginPartition(entry)
    this.#apply(offsets)
    this.#schedule(number)
  }

  #beginPartition(entry: PartitionOffsets): void {
    const { topic, partition, low, high, committed } = entry
    const { consumer, fromLatest } = this.#context
    let start = position(entry)
    if (committed === null && fromLatest.has(topic)) start = high
    else if (committed !== null && (committed < low || committed > high)) {
      start = low
      this.#outOfRange(entry, committed, low)
    }
    this.#unplaced.delete(keyOf(entry))
    this.#positions.set(keyOf(entry), start)
    if (start === committed) return
    consumer.seek({ topic, partition, offset: String(start) })
    // At once, so that whoever gets the partition next begins at the same place.
    consumer
      .commitOffsets([{ topic, partition, offset: String(start) }])
      .catch(error => this.#context.options.logger.debug({ reason: String(error) }, 'first offset was not committed'))
  }

  #schedule(number: number): void {
    const { lagInterval, backlogInterval } = this.#context.options.limits
    if (this.#stale(number)) return
    const delay = this.#paused.size > 0 ? backlogInterval : lagInterval
    this.#timer = setTimeout(() => void this.#refresh(number), delay)
  }

  async #refresh(number: number): Promise<void> {
    const offsets = await this.#look()
    if (this.#stale(number)) return
    for (const entry of offsets) if (this.#unplaced.has(keyOf(entry))) this.#beginPartition(entry)
    this.#apply(offsets)
    this.#schedule(number)
  }

  /** Reports lags and pauses or resumes nights. */
  #apply(offsets: readonly PartitionOffsets[]): void {
    const { options, gate, topics } = this.#context
    for (const entry of offsets) {
      const key = keyOf(entry)
      if (!this.#owned.has(key)) continue
      const here = this.#positions.get(key)
      this.#report(entry, atLeastZero(here === undefined ? lagOf(entry) : entry.high - here))
    }
    if (options.backlog === 'together') {
      this.#hold(new Set())
      return
    }
    const { heldTopics, givenUp } = gate.decide(topics, offsets, performance.now())
    for (const { night, lag } of givenUp) {
      options.logger.warn({ night, lag: Number(lag) }, 'a night makes no progress: later ones no longer wait for it')
    }
    this.#hold(heldTopics)
  }

  #hold(topics: ReadonlySet<string>): void {
    const owned = [...this.#owned.entries()]
    this.#pause(owned.filter(([key, { topic }]) => topics.has(topic) && !this.#paused.has(key)).map(([, p]) => p))
    const waits = (key: string, topic: string) => topics.has(topic) || this.#unplaced.has(key)
    const free = owned.filter(([key, { topic }]) => this.#paused.has(key) && !waits(key, topic)).map(([, p]) => p)
    if (free.length === 0) return
    for (const entry of free) this.#paused.delete(keyOf(entry))
    this.#context.consumer.resume(free.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
  }

  #pause(partitions: readonly Place[]): void {
    if (partitions.length === 0) return
    for (const entry of partitions) this.#paused.add(keyOf(entry))
    this.#context.consumer.pause(partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })))
  }

  async #lookIntoGap({ topic, partition }: Place, expected: bigint, first: bigint): Promise<void> {
    const offsets = await this.#context.cluster.offsets([topic])
    const entry = offsets.find(offset => offset.partition === partition)
    // Compacted messages and markers of transactions leave gaps as well; only those before the log's begin are lost.
    if (entry !== undefined && entry.low > expected) this.#outOfRange(entry, expected, min(entry.low, first))
  }

  #outOfRange({ topic, partition, low, high }: PartitionOffsets, from: bigint, to: bigint): void {
    const { logger, events } = this.#context.options
    const messages = to > from ? Number(to - from) : 0
    logger.warn(
      { topic, partition, expected: String(from), first: String(low), next: String(high), messages },
      'offset out of range: messages are gone from the log before they were read; on from the earliest'
    )
    events.onOutOfRange?.(topic, partition, messages)
  }

  /** Offsets as far as they can be read. */
  async #look(): Promise<PartitionOffsets[]> {
    const { cluster, topics } = this.#context
    const offsets = await within(cluster.offsets(topics), topicLook * topics.length).catch(() => [])
    const unread = topics.filter(topic => !offsets.some(entry => entry.topic === topic))
    if (!this.#closed) this.#noteUnread(unread)
    return offsets
  }

  /** A warning when it begins, no more than a line for debugging while it lasts. */
  #noteUnread(topics: readonly string[]): void {
    const { logger } = this.#context.options
    const fields = { topics, waiting: [...this.#unplaced] }
    const message = 'offsets can not be read: lags are unknown, and partitions that begin at their end wait'
    if (topics.length > 0 && !this.#blind) logger.warn(fields, message)
    else if (topics.length > 0) logger.debug(fields, message)
    this.#blind = topics.length > 0
  }

  #report(entry: Place, lag: number): void {
    const { topic, partition } = entry
    this.#context.options.events.onLag?.(topic, partition, lag, this.#paused.has(keyOf(entry)))
  }

  #stale(number: number): boolean {
    return this.#closed || number !== this.#assignment
  }
}

function keyOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`
}

function atLeastZero(lag: bigint): number {
  return lag > 0n ? Number(lag) : 0
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
