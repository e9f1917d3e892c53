import type { OutputMessage } from '../../types.ts'
import { backoff, pause } from '../client/timing.ts'
import type { PartitionMessage, SendResult } from './producer.ts'

/** A broker closes the connection at a request of more than 100 MB (`socket.request.max.bytes`). */
const maxValueBytes = 64 * 1024 * 1024

/** One call of `send`: settled when all its messages have been acknowledged, or when it gives up. */
export class PendingSend {
  readonly since = performance.now()
  readonly done: Promise<void>
  #unacknowledged: number
  #settle: { resolve: () => void; reject: (error: Error) => void } | null = null

  constructor(count: number) {
    this.#unacknowledged = count
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  /** True once the call is settled. */
  get ended(): boolean {
    return this.#settle === null
  }

  /** One more of its messages has been acknowledged. */
  acknowledged(): void {
    if (--this.#unacknowledged > 0) return
    this.#settle?.resolve()
    this.#settle = null
  }

  giveUp(error: Error): void {
    this.#settle?.reject(error)
    this.#settle = null
  }
}

/** A message that waits to be sent. */
export interface QueuedMessage extends PartitionMessage {
  /** Its approximate size in a request. */
  readonly bytes: number
  readonly send: PendingSend
}

/** Dependencies and limits of a queue. */
export interface QueueContext {
  readonly partition: number
  /** Sends one request to the partition. */
  readonly request: (messages: readonly PartitionMessage[]) => Promise<SendResult>
  /** Approximate limit of a request, bytes. */
  readonly maxRequestBytes: number
  /** Ends every pause once it is aborted. */
  readonly closing: AbortSignal
  readonly onPublished: (count: number) => void
  /** A request failed and will be repeated. */
  readonly onFailure: (error: unknown) => void
  /** A value of `bytes` bytes was too large for the broker; the message is sent without it. */
  readonly onOmitted: (bytes: number) => void
}

/**
 * The messages for one partition: one request at a time, in the order of the calls, each repeated until it is
 * acknowledged or its calls have given up. A message therefore never overtakes an earlier one with the same key.
 */
export class PartitionQueue {
  readonly #context: QueueContext
  #queue: QueuedMessage[] = []
  #running: Promise<void> | null = null
  #released = false
  /** Messages of requests that failed before the queue was released. */
  readonly #returned: QueuedMessage[] = []

  constructor(context: QueueContext) {
    this.#context = context
  }

  push({ key, value, tombstone, headers }: OutputMessage, send: PendingSend): void {
    const { partition } = this.#context
    const kept = tombstone ? null : bufferOf(value)
    const queued = { partition, key, value: kept, headers, send, bytes: approximateBytes(key, kept, headers) }
    this.#add(value.length > maxValueBytes ? withoutValue(queued) : queued)
  }

  /** Takes a message of another queue. */
  take(queued: QueuedMessage): void {
    this.#add({ ...queued, partition: this.#context.partition })
  }

  #add(queued: QueuedMessage): void {
    this.#queue.push(queued)
    // In the next microtask, after the caller has pushed all its messages for this partition.
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  /** Sends nothing more. Resolves with the messages that are not acknowledged, in order, when no request is in flight. */
  async release(): Promise<readonly QueuedMessage[]> {
    this.#released = true
    await this.#running
    return [...this.#returned, ...this.#queue]
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#released) {
      const batch = this.#nextRequest()
      if (batch.length > 0) await this.#deliver(batch)
    }
    this.#running = null
  }

  /** As many messages as fit into a request, without those of calls that have given up. */
  #nextRequest(): QueuedMessage[] {
    const batch: QueuedMessage[] = []
    let bytes = 0
    let taken = 0
    for (const queued of this.#queue) {
      if (!queued.send.ended) {
        if (batch.length > 0 && bytes + queued.bytes > this.#context.maxRequestBytes) break
        batch.push(queued)
        bytes += queued.bytes
      }
      taken++
    }
    this.#queue.splice(0, taken)
    return batch
  }

  async #deliver(batch: readonly QueuedMessage[]): Promise<void> {
    const { request, closing, onFailure, onPublished } = this.#context
    for (let failures = 1; ; failures++) {
      if (this.#released) return void this.#returned.push(...batch)
      const result = await request(batch)
      if (result.acknowledged) break
      if (result.decision === 'too-large') return this.#divide(batch)
      onFailure(result.error)
      await pause(backoff(failures), closing)
      // The broker may have written the request nevertheless.
      if (this.#released || batch.every(({ send }) => send.ended)) result.abandon()
      if (batch.every(({ send }) => send.ended)) return
    }
    onPublished(batch.length)
    for (const { send } of batch) send.acknowledged()
  }

  /** Sends a request that is too large for the broker in two halves, and a single message without its value. */
  async #divide(batch: readonly QueuedMessage[]): Promise<void> {
    const [first] = batch
    if (first === undefined) return
    if (batch.length > 1) {
      const half = batch.length >> 1
      await this.#deliver(batch.slice(0, half))
      await this.#deliver(batch.slice(half))
      return
    }
    const size = first.value?.length ?? 0
    if (size === 0) {
      // The topic accepts no message at all: retry, as after any other failure.
      this.#context.onFailure(new Error('the topic rejects even an empty message as too large'))
      await pause(backoff(5), this.#context.closing)
      if (!first.send.ended) await this.#deliver(batch)
      return
    }
    this.#context.onOmitted(size)
    await this.#deliver([withoutValue(first)])
  }
}

function approximateBytes(key: string | null, value: Buffer | null, headers: QueuedMessage['headers']): number {
  let bytes = 64 + (value?.length ?? 0) + (key?.length ?? 0)
  for (const name in headers) bytes += name.length + headers[name]!.length + 4
  return bytes
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/** The same message without its value, marked by headers. */
function withoutValue(message: QueuedMessage): QueuedMessage {
  const marks = { 'value.omitted': 'true', 'value.bytes': String(message.value?.length ?? 0) }
  const [value, headers] = [Buffer.alloc(0), { ...message.headers, ...marks }]
  return { ...message, value, headers, bytes: approximateBytes(message.key, value, headers) }
}
