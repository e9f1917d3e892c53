import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { HieraxError } from 'hierax/errors.ts'
import type { BatchHandler, Sink, Source } from 'hierax/streams/types.ts'

/** One message in the log. */
export interface LogRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: Uint8Array | null
  readonly headers: Readonly<Record<string, string>>
  /** Time of the append, epoch ms. */
  readonly timestamp: number
}

/** A message to append. The default partition is computed from the key; messages without a key are distributed in turn. */
export interface NewRecord {
  readonly topic: string
  readonly key?: string | null
  readonly value: Uint8Array | null
  readonly headers?: Readonly<Record<string, string>>
  readonly partition?: number
}

/** The retained messages of a partition, and the offset of the first one. */
interface Partition {
  first: number
  readonly records: LogRecord[]
}

const none: Partition = { first: 0, records: [] }

/**
 * An in-process log with topics, partitions and committed offsets: the part of Kafka that a source and a sink need. For tests, and for
 * demos without a broker. Nothing is persistent.
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

  /** Creates a topic unless it exists. */
  createTopic(name: string): void {
    if (this.#topics.has(name)) return
    const partitions = Array.from({ length: this.#partitions }, () => ({ first: 0, records: [] }))
    this.#topics.set(name, partitions)
  }

  /** Number of partitions of a topic; 0 if it does not exist. */
  partitions(topic: string): number {
    return this.#topics.get(topic)?.length ?? 0
  }

  /** Appends a message, creates its topic if necessary, and notifies listeners. */
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

  /** At most `limit` messages of a partition, starting at `offset` or the first retained message. */
  read(topic: string, partition: number, offset: number, limit: number): LogRecord[] {
    const { first, records } = this.#partition(topic, partition)
    const from = Math.max(0, offset - first)
    return records.slice(from, from + limit)
  }

  /** Offset of the next message of a partition. */
  end(topic: string, partition: number): number {
    const { first, records } = this.#partition(topic, partition)
    return first + records.length
  }

  /** Deletes a partition's messages before `offset`; the others keep their offsets. */
  deleteBefore(topic: string, partition: number, offset: number): void {
    const found = this.#partition(topic, partition)
    if (offset > found.first) found.first += found.records.splice(0, offset - found.first).length
  }

  /** All retained messages of a topic, partition by partition. */
  records(topic: string): LogRecord[] {
    return this.#topics.get(topic)?.flatMap(({ records }) => records) ?? []
  }

  /** The committed offset of a group in a partition. */
  committed(group: string, topic: string, partition: number): number {
    return this.#committed.get(JSON.stringify([group, topic, partition])) ?? 0
  }

  /** Commits the offset at which a group resumes in a partition. */
  commit(group: string, topic: string, partition: number, offset: number): void {
    this.#committed.set(JSON.stringify([group, topic, partition]), offset)
  }

  /** Calls `listener` after every append; returns a function that removes it. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #partition(topic: string, partition: number): Partition {
    return this.#topics.get(topic)?.[partition] ?? none
  }

  #partitionOf(key: string | null): number {
    if (key === null) return this.#turn++
    return createHash('sha1').update(key).digest().readUInt32BE(0)
  }
}

/** A sink that appends to an in-process log. Rejects with PUBLISH_FAILED after it is closed. */
export function createMemorySink(log: MemoryLog): Sink {
  let closed = false
  return {
    async send(messages) {
      if (closed) throw new HieraxError('PUBLISH_FAILED', 'the in-process sink is closed')
      for (const message of messages) log.append(message)
    },
    async close() {
      closed = true
    }
  }
}

export interface MemorySourceOptions {
  readonly log: MemoryLog
  readonly topics: readonly string[]
  /** Consumer group; its offsets are kept in the log. */
  readonly group?: string
  /** Maximum number of messages per handler call; default 500. */
  readonly batch?: number
  /** False: the run ends when all messages are handled. True (default): it waits for more until `stop`. */
  readonly follow?: boolean
  /** Pause before a rejected batch is delivered again, ms; default 100. */
  readonly retryAfter?: number
  /** Called after each batch with the number of unhandled messages of its partition. */
  readonly onLag?: (topic: string, partition: number, lag: number) => void
}

/** A source with the semantics of the Kafka source: in offset order, at least once, with committed offsets. */
export function createMemorySource(options: MemorySourceOptions): Source {
  return new MemorySource(options)
}

class MemorySource implements Source {
  readonly #options: Required<Omit<MemorySourceOptions, 'onLag'>> & Pick<MemorySourceOptions, 'onLag'>
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #wake: () => void = () => undefined

  constructor(options: MemorySourceOptions) {
    this.#options = { group: 'hierax', batch: 500, follow: true, retryAfter: 100, ...options }
    this.#stopping.signal.addEventListener('abort', () => this.#wake())
  }

  run(handler: BatchHandler): Promise<void> {
    this.#running = this.#run(handler)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running.catch(() => undefined)
  }

  async #run(handler: BatchHandler): Promise<void> {
    const { log, follow } = this.#options
    let appended = true
    const removeListener = log.onAppend(() => {
      appended = true
      this.#wake()
    })
    try {
      while (!this.#stopping.signal.aborted) {
        appended = false
        if (await this.#readAll(handler)) continue
        if (!follow) return
        if (appended || this.#stopping.signal.aborted) continue
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      removeListener()
    }
  }

  /** Handles one batch of every partition that has messages; false if none has. */
  async #readAll(handler: BatchHandler): Promise<boolean> {
    const { log, topics, group, batch, onLag } = this.#options
    let any = false
    for (const topic of topics) {
      for (let partition = 0; partition < log.partitions(topic); partition++) {
        const records = log.read(topic, partition, log.committed(group, topic, partition), batch)
        if (records.length === 0) continue
        if (!(await this.#handle(records, handler))) return true
        any = true
        const next = records.at(-1)!.offset + 1
        log.commit(group, topic, partition, next)
        onLag?.(topic, partition, log.end(topic, partition) - next)
      }
    }
    return any
  }

  /** Retries until the handler resolves; false if the source is stopped first. */
  async #handle(records: readonly LogRecord[], handler: BatchHandler): Promise<boolean> {
    const { signal } = this.#stopping
    const messages = records.map(({ topic, partition, offset, value, timestamp }) => ({
      value,
      topic,
      source: `${topic}/${partition}/${offset}`,
      ingested: timestamp
    }))
    while (!signal.aborted) {
      try {
        // Stopping lets a batch in flight finish, so its own signal never aborts.
        await handler(messages, { heartbeat: async () => undefined, signal: new AbortController().signal })
        return true
      } catch {
        await sleep(this.#options.retryAfter, undefined, { signal }).catch(() => undefined)
      }
    }
    return false
  }
}
