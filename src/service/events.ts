import { Readable } from 'node:stream'
import { HieraxError } from '../errors.ts'
import type { ClassificationJson, ServicePorts } from './ports.ts'

/** Bounds of the event streams. */
export interface EventLimits {
  /** Clients at a time. */
  readonly maxSubscribers: number
  /** Bytes that wait for one client; beyond them events are dropped for it, and counted. */
  readonly maxBufferBytes: number
  /** Time between two comments that keep a quiet connection open, ms. */
  readonly keepAliveMs: number
  /** A client that reads nothing for so long while bytes wait for it is disconnected, ms. */
  readonly stallMs: number
}

export const defaultEventLimits: EventLimits = {
  maxSubscribers: 100,
  maxBufferBytes: 256 * 1024,
  keepAliveMs: 15_000,
  stallMs: 60_000
}

/** One client's stream of server-sent events: bounded, and lossy rather than large. */
export class EventStream extends Readable {
  readonly #maxBufferBytes: number
  #finished = false
  #dropped = 0
  #pushed = 0
  #consumed = 0
  #stalledSince: number | null = null

  constructor(maxBufferBytes: number) {
    super({ highWaterMark: 16 * 1024 })
    this.#maxBufferBytes = maxBufferBytes
  }

  /** Bytes are pushed as they come; there is nothing to fetch. */
  override _read(): void {}

  /** Sends a chunk, or drops it when too much waits already. The client is told how many it missed. */
  offer(chunk: Buffer): void {
    if (this.#finished || this.destroyed) return
    if (this.readableLength + chunk.length > this.#maxBufferBytes) {
      this.#dropped++
      return
    }
    if (this.#dropped > 0) {
      this.#send(Buffer.from(`event: dropped\ndata: {"count":${this.#dropped}}\n\n`))
      this.#dropped = 0
    }
    this.#send(chunk)
  }

  /** Ends the stream after what waits. */
  finish(): void {
    this.#finished = true
    this.push(null)
  }

  /** Keeps a quiet connection open. True when the client has read nothing for `stallMs` though bytes wait. */
  tick(now: number, stallMs: number): boolean {
    const consumed = this.#pushed - this.readableLength
    const stalled = this.readableLength > 0 && consumed === this.#consumed
    this.#consumed = consumed
    this.#stalledSince = stalled ? (this.#stalledSince ?? now) : null
    if (this.readableLength === 0) this.offer(keepAlive)
    return this.#stalledSince !== null && now - this.#stalledSince >= stallMs
  }

  #send(chunk: Buffer): void {
    this.#pushed += chunk.length
    this.push(chunk)
  }
}

const keepAlive = Buffer.from(': keep-alive\n\n')
const greeting = Buffer.from('retry: 3000\n: connected\n\n')

/** All clients of the event stream. An event is written out once, whatever the number of clients; not at all for none. */
export class EventHub {
  readonly #subscribe: ServicePorts['subscribe']
  readonly #limits: EventLimits
  readonly #streams = new Set<EventStream>()
  #unsubscribe: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(subscribe: ServicePorts['subscribe'], limits: EventLimits) {
    this.#subscribe = subscribe
    this.#limits = limits
  }

  /** Number of clients. */
  get size(): number {
    return this.#streams.size
  }

  /** A stream for a new client, until it is destroyed. Throws TOO_MANY_SUBSCRIBERS. */
  open(): EventStream {
    const { maxSubscribers, maxBufferBytes, keepAliveMs } = this.#limits
    if (this.#streams.size >= maxSubscribers) {
      throw new HieraxError('TOO_MANY_SUBSCRIBERS', `${maxSubscribers} clients listen already`)
    }
    const stream = new EventStream(maxBufferBytes)
    this.#streams.add(stream)
    stream.once('close', () => this.#remove(stream))
    stream.offer(greeting)
    this.#unsubscribe ??= this.#subscribe(classification => this.#publish(classification))
    this.#timer ??= setInterval(() => this.#tick(), keepAliveMs).unref()
    return stream
  }

  /** Ends all streams; those that do not end within `graceMs` are cut. */
  async close(graceMs = 500): Promise<void> {
    const ended = [...this.#streams].map(stream => new Promise<void>(resolve => void stream.once('close', resolve)))
    for (const stream of this.#streams) stream.finish()
    const timer = setTimeout(() => {
      for (const stream of this.#streams) stream.destroy()
    }, graceMs)
    await Promise.all(ended)
    clearTimeout(timer)
  }

  #publish(classification: ClassificationJson): void {
    const chunk = Buffer.from(`event: classification\ndata: ${JSON.stringify(classification)}\n\n`)
    for (const stream of this.#streams) stream.offer(chunk)
  }

  #tick(): void {
    const now = performance.now()
    for (const stream of this.#streams) {
      if (stream.tick(now, this.#limits.stallMs)) stream.destroy()
    }
  }

  #remove(stream: EventStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = null
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}
