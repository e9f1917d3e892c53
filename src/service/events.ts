import { HieraxError } from '../errors.ts'
import type { ClassificationJson } from '../messages/schema.ts'
import { EventStream } from './event-stream.ts'
import type { Accept } from './filter.ts'
import type { ServicePorts } from './ports.ts'
import { Sampler } from './sampler.ts'

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

/** What a client wants to be told. */
export interface EventWish {
  /** Which classifications; null for all. */
  readonly accept: Accept | null
  /** At most so many of them a second, chosen evenly; null for all. */
  readonly sample: number | null
  /** An object whose classifications also come as events `followed`, at once and whatever `accept` and `sample` say; null for none. */
  readonly follow: string | null
  /** An event `statistics` every so many seconds; null for none. */
  readonly statistics: number | null
}

export const everything: EventWish = { accept: null, sample: null, follow: null, statistics: null }

/** What became of the classifications for one client since its last event `statistics`. */
interface Passed {
  published: number
  accepted: number
  sent: number
}

/** One client with what it wants. */
interface Client {
  readonly stream: EventStream
  readonly wish: EventWish
  readonly sampler: Sampler<ClassificationJson> | null
  readonly timers: NodeJS.Timeout[]
  readonly passed: Passed
}

/** How long statistics are those of now, ms. */
const freshMs = 400

const greeting = Buffer.from('retry: 3000\n: connected\n\n')

/** All clients of the event stream. An event is written out once, whatever the number of clients; not at all for none. */
export class EventHub {
  readonly #ports: Pick<ServicePorts, 'subscribe' | 'statistics'>
  readonly #limits: EventLimits
  readonly #clients = new Set<Client>()
  #unsubscribe: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #measured = { at: Number.NEGATIVE_INFINITY, view: Promise.resolve<object>({}) }

  constructor(ports: Pick<ServicePorts, 'subscribe' | 'statistics'>, limits: EventLimits) {
    this.#ports = ports
    this.#limits = limits
  }

  /** Number of clients. */
  get size(): number {
    return this.#clients.size
  }

  /** A stream for a new client, until it is destroyed. Throws TOO_MANY_SUBSCRIBERS. */
  open(wish: EventWish = everything): EventStream {
    const { maxSubscribers, maxBufferBytes, keepAliveMs } = this.#limits
    if (this.#clients.size >= maxSubscribers) {
      throw new HieraxError('TOO_MANY_SUBSCRIBERS', `${maxSubscribers} clients listen already`)
    }
    const stream = new EventStream(maxBufferBytes)
    const sampler = wish.sample === null ? null : new Sampler<ClassificationJson>(wish.sample)
    const client = { stream, wish, sampler, timers: [], passed: { published: 0, accepted: 0, sent: 0 } }
    this.#clients.add(client)
    stream.once('close', () => this.#remove(client))
    stream.offer(greeting)
    this.#keepTelling(client)
    this.#unsubscribe ??= this.#ports.subscribe(classification => this.#publish(classification))
    this.#timer ??= setInterval(() => this.#tick(), keepAliveMs).unref()
    return stream
  }

  /** Ends all streams; those that do not end within `graceMs` are cut. */
  async close(graceMs = 500): Promise<void> {
    const streams = [...this.#clients].map(({ stream }) => stream)
    const ended = streams.map(stream => new Promise<void>(resolve => void stream.once('close', resolve)))
    for (const stream of streams) stream.finish()
    const timer = setTimeout(() => {
      for (const stream of streams) stream.destroy()
    }, graceMs)
    await Promise.all(ended)
    clearTimeout(timer)
  }

  /** Starts what comes to a client by the clock: samples and statistics. */
  #keepTelling(client: Client): void {
    const { sampler, timers, wish } = client
    if (sampler) {
      const flush = () => {
        for (const classification of sampler.take()) this.#send(client, eventOf('classification', classification))
      }
      timers.push(setInterval(flush, sampler.windowMs).unref())
    }
    if (wish.statistics === null) return
    void this.#tell(client)
    timers.push(setInterval(() => void this.#tell(client), wish.statistics * 1000).unref())
  }

  /** Says how the service does, and what became of the classifications for this client since the last time. */
  async #tell({ stream, passed }: Client): Promise<void> {
    const since = { ...passed }
    Object.assign(passed, { published: 0, accepted: 0, sent: 0 })
    try {
      stream.offer(eventOf('statistics', { ...(await this.#statistics()), ...since }))
    } catch {
      // What can't be told now is told the next time.
    }
  }

  /** Measured once for all clients that are told at about the same time. */
  #statistics(): Promise<object> {
    const now = performance.now()
    if (now - this.#measured.at > freshMs) this.#measured = { at: now, view: this.#ports.statistics() }
    return this.#measured.view
  }

  #publish(classification: ClassificationJson): void {
    let chunk: Buffer | null = null
    for (const client of this.#clients) {
      const { accept, follow } = client.wish
      client.passed.published++
      if (follow === classification.objectId) client.stream.offer(eventOf('followed', classification))
      if (accept !== null && !accept(classification)) continue
      client.passed.accepted++
      if (client.sampler) client.sampler.offer(classification)
      else {
        chunk ??= eventOf('classification', classification)
        this.#send(client, chunk)
      }
    }
  }

  #send({ stream, passed }: Client, chunk: Buffer): void {
    passed.sent++
    stream.offer(chunk)
  }

  #tick(): void {
    const now = performance.now()
    for (const { stream } of this.#clients) {
      if (stream.tick(now, this.#limits.stallMs)) stream.destroy()
    }
  }

  #remove(client: Client): void {
    this.#clients.delete(client)
    for (const timer of client.timers) clearInterval(timer)
    if (this.#clients.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = null
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}

function eventOf(name: string, data: object): Buffer {
  return Buffer.from(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}
