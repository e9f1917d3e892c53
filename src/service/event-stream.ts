import { Readable } from 'node:stream'

const keepAlive = Buffer.from(': keep-alive\n\n')

/** One client's stream of server-sent events. The buffer is bounded; events beyond it are dropped. */
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

  /** Nothing to do: bytes are pushed when they arrive. */
  override _read(): void {}

  /** Sends a chunk, or drops it if the buffer is full. A later event has the number of dropped chunks. */
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

  /** Ends the stream after the buffered data. */
  finish(): void {
    this.#finished = true
    this.push(null)
  }

  /** Keeps an idle connection open. True if the client has read nothing for `stallMs` while data were buffered. */
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

/** Minimum length of a sampling window, ms. An event waits up to one window. */
const shortestWindowMs = 250

/**
 * Draws a uniform sample of a stream, with a maximum rate. Each time window has a reservoir (Vitter 1985, algorithm R), which is
 * emptied at the end of the window. The sample is also uniform within bursts, and memory is bounded.
 */
export class Sampler<T> {
  /** Interval at which to call `take`, ms. */
  readonly windowMs: number
  readonly #size: number
  #kept: T[] = []
  #seen = 0

  /** @param perSecond at least 0.01 */
  constructor(perSecond: number) {
    this.windowMs = Math.max(shortestWindowMs, 1000 / perSecond)
    this.#size = Math.max(1, Math.floor((perSecond * this.windowMs) / 1000))
  }

  offer(element: T): void {
    this.#seen++
    if (this.#kept.length < this.#size) {
      this.#kept.push(element)
      return
    }
    const place = Math.floor(Math.random() * this.#seen)
    if (place < this.#size) this.#kept[place] = element
  }

  /** The sample since the last call. */
  take(): T[] {
    const kept = this.#kept
    this.#kept = []
    this.#seen = 0
    return kept
  }
}
