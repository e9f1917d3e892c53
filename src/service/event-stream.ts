import { Readable } from 'node:stream'

const keepAlive = Buffer.from(': keep-alive\n\n')

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

  /** Sends a chunk, or drops it when too much waits already. An event says how many the client missed. */
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

/** Time over which a sample is drawn, at least, ms: so long an event may wait. */
const shortestWindowMs = 250

/**
 * Draws an even sample of what comes, of at most so many a second: a reservoir (Vitter 1985, algorithm R) for each window
 * of time, emptied at its end. Bursts are sampled as evenly as a steady flow, and memory is bounded.
 */
export class Sampler<T> {
  /** How often `take` is to be called, ms. */
  readonly windowMs: number
  readonly #size: number
  readonly #random: () => number
  #kept: T[] = []
  #seen = 0

  /** @param perSecond at least 0.01 */
  constructor(perSecond: number, random: () => number = Math.random) {
    this.windowMs = Math.max(shortestWindowMs, 1000 / perSecond)
    this.#size = Math.max(1, Math.floor((perSecond * this.windowMs) / 1000))
    this.#random = random
  }

  offer(element: T): void {
    this.#seen++
    if (this.#kept.length < this.#size) {
      this.#kept.push(element)
      return
    }
    const place = Math.floor(this.#random() * this.#seen)
    if (place < this.#size) this.#kept[place] = element
  }

  /** What was drawn since the last call. */
  take(): T[] {
    const kept = this.#kept
    this.#kept = []
    this.#seen = 0
    return kept
  }
}
