import type { Offsets } from 'kafkajs'
import type { KafkaLogger } from './client.ts'

/** Pause after a commit that failed, ms. */
const retryAfter = 500

/** Commits through the member's present generation. */
export type CommitFunction = (offsets: Offsets) => Promise<void>

/**
 * Offsets of handled messages on their way to the group coordinator. They are gathered and committed together, at most
 * once per `interval` ms, because a request for each batch costs more than it saves: what is repeated after a crash is
 * what was handled within that time.
 */
export class OffsetCommits {
  readonly #interval: number
  readonly #logger: KafkaLogger
  /** Per partition, the offset before which everything was handled. */
  readonly #handled = new Map<string, { topic: string; partition: number; offset: string }>()
  /** Partitions whose offset is not committed yet. */
  #pending = new Set<string>()
  #commit: CommitFunction | null = null
  #timer: NodeJS.Timeout | null = null
  #inFlight = 0
  #running: Promise<void> = Promise.resolve()
  /** Grows whenever the group may have given the partitions to others. */
  #epoch = 0

  constructor(interval: number, logger: KafkaLogger) {
    this.#interval = interval
    this.#logger = logger
  }

  /** The messages of a partition before `offset` are done. */
  add(topic: string, partition: number, offset: string, commit: CommitFunction): void {
    const key = `${topic}/${partition}`
    this.#handled.set(key, { topic, partition, offset })
    this.#pending.add(key)
    this.#commit = commit
    this.#schedule()
  }

  /**
   * Commits everything now. The request is on its way when this returns, so that it reaches the coordinator before
   * whatever is sent to it next. Never rejects: what could not be committed stays for the next time.
   */
  flush(): Promise<void> {
    this.#clearTimer()
    if (this.#pending.size === 0 || this.#commit === null) return this.#running
    const keys = this.#pending
    const epoch = this.#epoch
    this.#pending = new Set()
    const entries = [...keys].map(key => this.#handled.get(key)!)
    this.#inFlight++
    const request = this.#commit({ topics: byTopic(entries) })
      .catch(error => {
        this.#logger.debug({ reason: String(error) }, 'offsets were not committed')
        if (epoch !== this.#epoch) return
        for (const key of keys) this.#pending.add(key)
        this.#schedule(retryAfter)
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
    this.#commit = null
  }

  #schedule(delay = this.#interval): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      // One at a time: while the coordinator is away, requests would pile up.
      if (this.#inFlight > 0) this.#schedule()
      else void this.flush()
    }, delay)
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

function byTopic(entries: readonly { topic: string; partition: number; offset: string }[]): Offsets['topics'] {
  const topics = new Map<string, { partition: number; offset: string }[]>()
  for (const { topic, partition, offset } of entries) {
    const partitions = topics.get(topic) ?? []
    partitions.push({ partition, offset })
    topics.set(topic, partitions)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
