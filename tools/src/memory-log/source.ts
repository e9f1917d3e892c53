import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchHandler, Source } from 'hierax/streams/types.ts'
import type { LogRecord, MemoryLog } from './log.ts'

/** Options of the in-process source. */
export interface MemorySourceOptions {
  readonly log: MemoryLog
  readonly topics: readonly string[]
  /** Consumer group; its offsets are kept in the log. */
  readonly group?: string
  /** Messages of one handler call at most; 500 when absent. */
  readonly batch?: number
  /** False: the run ends when all there is was handled. True (default): it waits for more until `stop`. */
  readonly follow?: boolean
  /** Pause before a rejected batch is delivered again, ms; 100 when absent. */
  readonly retryAfter?: number
  /** Messages of a partition not handled yet, after each batch. */
  readonly onLag?: (topic: string, partition: number, lag: number) => void
}

/** A source that reads an in-process log as the Kafka source reads Kafka: in offset order, at least once, by commits. */
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
    let news = true
    const unlisten = log.onAppend(() => {
      news = true
      this.#wake()
    })
    try {
      while (!this.#stopping.signal.aborted) {
        news = false
        if (await this.#sweep(handler)) continue
        if (!follow) return
        if (news || this.#stopping.signal.aborted) continue
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      unlisten()
    }
  }

  /** One batch of every partition that has messages; false when none had. */
  async #sweep(handler: BatchHandler): Promise<boolean> {
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

  /** Tries until the handler takes the batch; false when the source stops before. */
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
