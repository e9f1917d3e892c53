import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { HttpRefusal, RouteKind } from '../../telemetry/definitions.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'

/** Least time between two log lines, ms. */
const logPause = 60_000

/** Counts what HTTP clients are refused. The log has the first refusal at once, and from then on the counts of each minute. */
export class Refusals {
  readonly #metrics: Pick<Metrics, 'increment'>
  readonly #logger: Pick<Logger, 'warn'>
  #counts: Record<string, number> = {}
  #address = ''
  #timer: NodeJS.Timeout | null = null

  constructor(metrics: Pick<Metrics, 'increment'>, logger: Pick<Logger, 'warn'>) {
    this.#metrics = metrics
    this.#logger = logger
  }

  /** A connection, stream or request beyond a limit. */
  refused(reason: HttpRefusal, address: string | undefined): void {
    this.#metrics.increment('http_refused_total', 1, { reason })
    this.#note(reason, address)
  }

  /** A request that got the status 401 or 403. */
  unauthorized(request: FastifyRequest): void {
    const route = kindOf(request.routeOptions.url)
    this.#metrics.increment('http_unauthorized_total', 1, { route })
    this.#note(`unauthorized_${route}`, request.ip)
  }

  /** No log line after this. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #note(what: string, address = ''): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
    this.#address = address
    if (this.#timer === null) this.#log()
  }

  #log(): void {
    this.#timer = null
    if (Object.keys(this.#counts).length === 0) return
    // A proxy passes on what its client calls itself.
    const address = isIP(this.#address) === 0 ? 'unknown' : this.#address
    this.#logger.warn({ refused: this.#counts, lastAddress: address }, 'HTTP clients were refused')
    this.#counts = {}
    this.#timer = setTimeout(() => this.#log(), logPause).unref()
  }
}

/** The kind of a route by its pattern; undefined for an address without a route. */
function kindOf(url: string | undefined): RouteKind {
  if (url === undefined) return 'other'
  if (url === '/api/v1/events') return 'events'
  if (url.startsWith('/api/docs') || url === '/api/v1/openapi.json') return 'docs'
  return url.startsWith('/api/') ? 'api' : 'page'
}
