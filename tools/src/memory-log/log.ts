import { createHash } from 'node:crypto'

/** One message in the log. */
export interface LogRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: Uint8Array | null
  readonly headers: Readonly<Record<string, string>>
  /** When it was appended, epoch ms. */
  readonly timestamp: number
}

/** What is appended; a missing partition is computed from the key, or taken in turn without one. */
export interface NewRecord {
  readonly topic: string
  readonly key?: string | null
  readonly value: Uint8Array | null
  readonly headers?: Readonly<Record<string, string>>
  readonly partition?: number
}

/** A partition: the messages that are left, and the offset of the first of them. */
interface Partition {
  first: number
  readonly records: LogRecord[]
}

const none: Partition = { first: 0, records: [] }

/**
 * A log in this process with topics, partitions and the offsets of groups: the part of Kafka that a source and a sink
 * need. For tests, and for a demonstration where no broker can be had. Nothing outlives the process.
 */
export class MemoryLog {
  readonly #partitions: number
  readonly #topics = new Map<string, Partition[]>()
  readonly #committed = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  #turn = 0

  /** `partitions`: of topics that are created by their first message. */
  constructor(options: { readonly partitions?: number } = {}) {
    this.#partitions = options.partitions ?? 4
  }

  /** Creates a topic; one that exists stays as it is. */
  createTopic(name: string, partitions = this.#partitions): void {
    if (!this.#topics.has(name)) {
      this.#topics.set(
        name,
        Array.from({ length: partitions }, () => ({ first: 0, records: [] }))
      )
    }
  }

  /** Names of the topics there are. */
  topics(): string[] {
    return [...this.#topics.keys()]
  }

  /** Number of partitions of a topic; 0 when there is none of that name. */
  partitions(topic: string): number {
    return this.#topics.get(topic)?.length ?? 0
  }

  /** Appends a message, creates its topic when absent, and wakes whoever waits for messages. */
  append({ topic, key = null, value, headers = {}, partition }: NewRecord): LogRecord {
    this.createTopic(topic)
    const partitions = this.#topics.get(topic)!
    const number = (partition ?? this.#partitionOf(key)) % partitions.length
    const { first, records } = partitions[number]!
    const place = { topic, partition: number, offset: first + records.length }
    const record = { ...place, key, value, headers, timestamp: Date.now() }
    records.push(record)
    for (const listener of this.#listeners) listener()
    return record
  }

  /** At most `limit` messages of a partition from `offset` on, or from the first that is left. */
  read(topic: string, partition: number, offset: number, limit: number): LogRecord[] {
    const { first, records } = this.#topics.get(topic)?.[partition] ?? none
    const from = Math.max(0, offset - first)
    return records.slice(from, from + limit)
  }

  /** Offset of the next message of a partition. */
  end(topic: string, partition: number): number {
    const { first, records } = this.#topics.get(topic)?.[partition] ?? none
    return first + records.length
  }

  /** Forgets a partition's messages before `offset`; the others keep their offsets. */
  deleteBefore(topic: string, partition: number, offset: number): void {
    const found = this.#topics.get(topic)?.[partition]
    if (!found || offset <= found.first) return
    found.first += found.records.splice(0, offset - found.first).length
  }

  /** All messages that a topic has left, partition by partition. */
  records(topic: string): LogRecord[] {
    return this.#topics.get(topic)?.flatMap(({ records }) => records) ?? []
  }

  /** Where a group goes on in a partition. */
  committed(group: string, topic: string, partition: number): number {
    return this.#committed.get(JSON.stringify([group, topic, partition])) ?? 0
  }

  /** A group has handled a partition's messages before `offset`. */
  commit(group: string, topic: string, partition: number, offset: number): void {
    this.#committed.set(JSON.stringify([group, topic, partition]), offset)
  }

  /** Calls `listener` after every append; returns how to end that. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #partitionOf(key: string | null): number {
    if (key === null) return this.#turn++
    return createHash('sha1').update(key).digest().readUInt32BE(0)
  }
}
