import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { HieraxError } from '../errors.ts'
import type { ClassificationJson } from '../messages/classification.ts'
import { EventStream, Sampler } from './event-stream.ts'
import { FairShares } from './fair-shares.ts'
import { type Accept, acceptOf, filterParameters } from './filter.ts'
import type { ServicePorts } from './ports.ts'
import * as example from './schema/examples.ts'
import { parameters, plainText, responses } from './schema/openapi.ts'
import type { Refusals } from './schema/refusals.ts'

/** Bounds of the event streams. */
export const defaultEventLimits = {
  /** Maximum number of clients. */
  maxSubscribers: 100,
  /** Maximum number of clients with one address. */
  maxSubscribersPerAddress: 25,
  /** Maximum bytes buffered for one client; further events are dropped and counted. */
  maxBufferBytes: 256 * 1024,
  /** Interval of comments that keep an idle connection open, ms. */
  keepAliveMs: 15_000,
  /** A client that reads nothing for this time while data are buffered is disconnected, ms. */
  stallMs: 60_000
}

export type EventLimits = Readonly<typeof defaultEventLimits>

/** The subscription of a client. */
export interface SubscriptionOptions {
  /** Which classifications; null for all. */
  readonly accept: Accept | null
  /** Maximum rate per second, sampled uniformly; null for all. */
  readonly sample: number | null
  /** An object whose classifications are also sent as events `followed`, at once and regardless of `accept` and `sample`; null for none. */
  readonly follow: string | null
  /** Interval of events `statistics`, seconds; null for none. */
  readonly statistics: number | null
}

/** Classifications for one client since its last event `statistics`. */
interface Counts {
  published: number
  accepted: number
  sent: number
}

/** One client with its subscription. */
interface Client {
  readonly stream: EventStream
  readonly address: string
  readonly options: SubscriptionOptions
  readonly sampler: Sampler<ClassificationJson> | null
  readonly timers: NodeJS.Timeout[]
  readonly counts: Counts
}

/** How long measured statistics are reused, ms. */
const freshMs = 400

/** Time for streams to end when the service closes, ms. */
const endMs = 500

const greeting = Buffer.from('retry: 3000\n: connected\n\n')

/** All clients of the event stream. An event is serialised once for all clients, and not at all without clients. */
export class EventHub {
  readonly #ports: Pick<ServicePorts, 'subscribe' | 'statistics'>
  readonly #limits: EventLimits
  readonly #refusals: Pick<Refusals, 'refused'>
  readonly #shares: FairShares<Client>
  readonly #clients = new Set<Client>()
  #unsubscribe: (() => void) | null = null
  #timer: NodeJS.Timeout | null = null
  #measured = { at: Number.NEGATIVE_INFINITY, view: Promise.resolve<object>({}) }

  constructor(
    ports: Pick<ServicePorts, 'subscribe' | 'statistics'>,
    limits: EventLimits,
    refusals: Pick<Refusals, 'refused'>
  ) {
    this.#ports = ports
    this.#limits = limits
    this.#refusals = refusals
    this.#shares = new FairShares({ total: limits.maxSubscribers, perClient: limits.maxSubscribersPerAddress })
  }

  /** A stream for a new client, until it is destroyed. Throws TOO_MANY_SUBSCRIBERS. */
  open(options: SubscriptionOptions, address: string): EventStream {
    const { maxBufferBytes, keepAliveMs } = this.#limits
    const stream = new EventStream(maxBufferBytes)
    const sampler = options.sample === null ? null : new Sampler<ClassificationJson>(options.sample)
    const counts = { published: 0, accepted: 0, sent: 0 }
    const client = { stream, address: normalizeIP(address), options, sampler, timers: [], counts }
    this.#takePlace(client)
    this.#clients.add(client)
    stream.once('close', () => this.#remove(client))
    stream.offer(greeting)
    this.#startTimers(client)
    this.#unsubscribe ??= this.#ports.subscribe(classification => this.#publish(classification))
    this.#timer ??= setInterval(() => this.#tick(), keepAliveMs).unref()
    return stream
  }

  /** Ends all streams; those that do not end in time are closed. */
  async close(): Promise<void> {
    const streams = [...this.#clients].map(({ stream }) => stream)
    const ended = streams.map(stream => new Promise<void>(resolve => void stream.once('close', resolve)))
    for (const stream of streams) stream.finish()
    const timer = setTimeout(() => {
      for (const stream of streams) stream.destroy()
    }, endMs)
    await Promise.all(ended)
    clearTimeout(timer)
  }

  /** Throws TOO_MANY_SUBSCRIBERS if there is no place for the client. */
  #takePlace(client: Client): void {
    const admission = this.#shares.take(client.address, client)
    if (!admission.taken) {
      const { maxSubscribers, maxSubscribersPerAddress } = this.#limits
      const total = admission.limit === 'total'
      this.#refusals.refused(total ? 'streams' : 'address_streams', client.address)
      const which = total ? `${maxSubscribers} clients` : `${maxSubscribersPerAddress} clients with one address`
      throw new HieraxError('TOO_MANY_SUBSCRIBERS', `the maximum of ${which} is reached`)
    }
    if (admission.evicted === null) return
    this.#refusals.refused('stream_evicted', admission.evicted.address)
    admission.evicted.stream.destroy()
  }

  /** Starts the timers of a client's samples and statistics. */
  #startTimers(client: Client): void {
    const { sampler, timers, options } = client
    if (sampler) {
      const flush = () => {
        for (const classification of sampler.take()) this.#send(client, eventOf('classification', classification))
      }
      timers.push(setInterval(flush, sampler.windowMs).unref())
    }
    if (options.statistics === null) return
    void this.#sendStatistics(client)
    timers.push(setInterval(() => void this.#sendStatistics(client), options.statistics * 1000).unref())
  }

  /** Sends the service's statistics, and this client's counts since the last time. */
  async #sendStatistics({ stream, counts }: Client): Promise<void> {
    const since = { ...counts }
    Object.assign(counts, { published: 0, accepted: 0, sent: 0 })
    try {
      stream.offer(eventOf('statistics', { ...(await this.#statistics()), ...since }))
    } catch {
      // The next event has statistics again.
    }
  }

  /** Shared by all clients whose events are due at about the same time. */
  #statistics(): Promise<object> {
    const now = performance.now()
    if (now - this.#measured.at > freshMs) this.#measured = { at: now, view: this.#ports.statistics() }
    return this.#measured.view
  }

  #publish(classification: ClassificationJson): void {
    let chunk: Buffer | null = null
    for (const client of this.#clients) {
      const { accept, follow } = client.options
      client.counts.published++
      if (follow === classification.objectId) client.stream.offer(eventOf('followed', classification))
      if (accept !== null && !accept(classification)) continue
      client.counts.accepted++
      if (client.sampler) client.sampler.offer(classification)
      else {
        chunk ??= eventOf('classification', classification)
        this.#send(client, chunk)
      }
    }
  }

  #send({ stream, counts }: Client, chunk: Buffer): void {
    counts.sent++
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
    this.#shares.release(client.address, client)
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

const eventsQuery = z.strictObject({
  sample: z.number().min(0.1).max(1000).describe('maximum number per second').optional(),
  follow: z.string().min(1).max(128).describe('id of an object to follow').optional(),
  statistics: z.number().min(0.5).max(3600).describe('interval of events `statistics`, seconds').optional(),
  ...filterParameters
})

/** The event stream of classifications as they are published. */
export function addEventRoute(app: FastifyInstance, ports: Pick<ServicePorts, 'models'>, hub: EventHub): void {
  app.get<{ Querystring: z.infer<typeof eventsQuery> }>(
    '/api/v1/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['objects'],
        summary: 'Classifications as they are published (server-sent events)',
        description:
          'Each classification is one event `classification` with JSON data. If a client reads too slowly, events are dropped, and an ' +
          'event `dropped` has their number (`{"count": n}`). To receive every classification, read the Kafka topic. `sample` limits ' +
          'the rate by uniform sampling. With `follow`, the classifications of one object are also sent as events `followed`. With ' +
          '`statistics`, events of that name have the response of `/api/v1/statistics` and the numbers of classifications that were ' +
          'published, accepted by the filter and sent since the previous one.',
        querystring: parameters(eventsQuery),
        response: responses(plainText('text/event-stream', example.event), 'Events', 400, 401, 404, 503)
      }
    },
    async ({ query: { sample = null, follow = null, statistics = null, ...filter }, ip }, reply) => {
      const accept = acceptOf(filter, ports.models())
      return (
        reply
          .type('text/event-stream; charset=utf-8')
          // Proxies must not buffer the stream.
          .header('x-accel-buffering', 'no')
          .send(hub.open({ accept, sample, follow, statistics }, ip))
      )
    }
  )
}
