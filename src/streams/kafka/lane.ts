import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from 'kafkajs'
import type { RenewableProducer } from './producer.ts'

/** Those who wait for a number of messages to be acknowledged: one call of `send`. */
export interface Ticket {
  /** True once nobody waits any more: all acknowledged, given up, or closed. */
  readonly ended: boolean
  acknowledged(count: number): void
}

/** A message on its way to a partition. */
export interface Entry {
  readonly message: Message
  /** Its size in a request, about. */
  readonly bytes: number
  readonly ticket: Ticket
}

/** What a lane tells about its work. */
export interface LaneEvents {
  published(lane: Lane, count: number): void
  /** A request failed and comes again. */
  failed(lane: Lane, error: unknown): void
  /** A value of `bytes` bytes was too large for the broker and goes without it. */
  omitted(lane: Lane, bytes: number): void
}

/**
 * The way to one partition: one request at a time, in the order of the calls, each repeated until it is acknowledged
 * or nobody waits for it any more. So a message never overtakes an earlier one of its key.
 */
export class Lane {
  readonly topic: string
  readonly partition: number
  readonly #producer: RenewableProducer
  readonly #events: LaneEvents
  readonly #maxRequestBytes: number
  readonly #closing: AbortSignal
  #queue: Entry[] = []
  #running = false

  constructor(
    where: { readonly topic: string; readonly partition: number },
    producer: RenewableProducer,
    events: LaneEvents,
    options: { readonly maxRequestBytes: number; readonly closing: AbortSignal }
  ) {
    this.topic = where.topic
    this.partition = where.partition
    this.#producer = producer
    this.#events = events
    this.#maxRequestBytes = options.maxRequestBytes
    this.#closing = options.closing
  }

  /** Takes messages after all that it took before. */
  push(entry: Entry): void {
    this.#queue.push(entry)
    if (this.#running) return
    this.#running = true
    // In the next microtask, when the caller has pushed all it has for this partition.
    queueMicrotask(() => void this.#run())
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#next()
      if (batch.length > 0) await this.#deliver(batch)
    }
    this.#running = false
  }

  /** The next request's messages: as many as fit, none that nobody waits for. */
  #next(): Entry[] {
    const batch: Entry[] = []
    let bytes = 0
    let taken = 0
    for (const entry of this.#queue) {
      if (!entry.ticket.ended) {
        if (batch.length > 0 && bytes + entry.bytes > this.#maxRequestBytes) break
        batch.push(entry)
        bytes += entry.bytes
      }
      taken++
    }
    this.#queue.splice(0, taken)
    return batch
  }

  async #deliver(batch: readonly Entry[]): Promise<void> {
    const messages = batch.map(({ message }) => message)
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#producer.send(this.topic, messages)
      if (outcome.acknowledged) break
      if (outcome.verdict === 'too-large') return this.#divide(batch)
      this.#events.failed(this, outcome.error)
      await this.#pause(attempt)
      // It may have been written all the same.
      if (batch.every(({ ticket }) => ticket.ended)) return outcome.abandon()
    }
    this.#events.published(this, batch.length)
    for (const { ticket } of batch) ticket.acknowledged(1)
  }

  async #pause(attempt: number): Promise<void> {
    await sleep(Math.min(100 * 2 ** attempt, 2000), undefined, { signal: this.#closing }).catch(() => {})
  }

  /** Sends a request that the broker finds too large in two halves, and a single message without its value. */
  async #divide(batch: readonly Entry[]): Promise<void> {
    const [first] = batch
    if (first === undefined) return
    if (batch.length > 1) {
      const half = batch.length >> 1
      await this.#deliver(batch.slice(0, half))
      await this.#deliver(batch.slice(half))
      return
    }
    const size = first.message.value?.length ?? 0
    if (size === 0) {
      // Nothing is left to leave out: the topic takes no message at all. It waits, as for any other fault.
      this.#events.failed(this, new Error('the topic refuses even an empty message as too large'))
      await this.#pause(4)
      if (!first.ticket.ended) await this.#deliver(batch)
      return
    }
    this.#events.omitted(this, size)
    await this.#deliver([{ ...first, message: withoutValue(first.message) }])
  }
}

/** The same message, empty, with headers that say so. */
export function withoutValue(message: Message): Message {
  const headers = { ...message.headers, 'value.omitted': 'true', 'value.bytes': String(message.value?.length ?? 0) }
  return { ...message, value: Buffer.alloc(0), headers }
}
