import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { HieraxError } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { addEventRoute, defaultEventLimits, EventHub, type EventLimits } from './events.ts'
import { defaultLineLimits, type LineLimits, LineStreams } from './line-streams.ts'
import type { ServicePorts } from './ports.ts'
import { addApiRoutes } from './routes/api.ts'
import { addCutoutRoutes } from './routes/cutouts.ts'
import { addHealthRoutes } from './routes/health.ts'
import { addObjectRoutes } from './routes/objects.ts'
import { addPageRoutes } from './routes/page.ts'
import { addQueryRoute } from './routes/query.ts'
import { addSkyPortalRoutes } from './routes/skyportal.ts'
import { addDocumentation, sharedSchemas } from './schema/openapi.ts'
import { collectMethods, respondToMalformed, sendError, sendNotFound } from './schema/problems.ts'
import { Refusals } from './schema/refusals.ts'
import {
  addConnectionLimits,
  addHeaders,
  addRateLimit,
  addToken,
  type Clients,
  type ConnectionLimits,
  inNetworks
} from './security.ts'

/** Address, authentication and limits of the service. */
export interface ServiceOptions {
  /** Address to listen on; default `127.0.0.1`. */
  readonly host?: string
  /** Port to listen on; 0 (the default) selects a free port. */
  readonly port?: number
  /** Bearer token for API and page; null (the default) for no authentication. */
  readonly token?: string | null
  readonly logger: Logger
  /** Version of Hierax, for the OpenAPI document. */
  readonly version: string
  /** Addresses of reverse proxies, or networks of them, whose `X-Forwarded-For` is believed; default none. */
  readonly trustedProxies?: readonly string[]
  /** Maximum requests per minute from one address; default 3000. */
  readonly requestsPerMinute?: number
  /** Maximum number of connections; default 1000, from one address 250. */
  readonly connections?: ConnectionLimits
  readonly events?: Partial<EventLimits>
  readonly queries?: Partial<LineLimits>
  /** A further address with health checks and metrics only; none if its port is null (the default). Its host is `host` unless given. */
  readonly management?: { readonly host: string | null; readonly port: number | null }
}

/** Where a server listens. */
interface Listening {
  readonly url: string
  readonly port: number
}

/** The HTTP service. */
export interface Service {
  /** The Fastify server; `app.inject` sends a request without a socket. */
  readonly app: FastifyInstance
  /** Starts to listen; `management` is null without an address of its own. Throws HTTP_UNAVAILABLE. */
  listen(): Promise<Listening & { readonly management: Listening | null }>
  /** Ends event streams, completes the requests in flight, and stops. */
  close(): Promise<void>
}

/** Time for requests in flight when the service closes, ms. */
const closeGraceMs = 1000

/** Builds the HTTP service from its ports. It does not listen yet. */
export async function createService(ports: ServicePorts, options: ServiceOptions): Promise<Service> {
  const { host = '127.0.0.1', port = 0, management, trustedProxies = [] } = options
  const refusals = new Refusals(ports.metrics, options.logger.child({ part: 'http' }))
  const clients: Clients = { isProxy: inNetworks(trustedProxies), refusals }
  const app = await createPublic(ports, options, clients)
  const managementPort = management?.port ?? null
  const managementApp = managementPort === null ? null : await createManagement(ports, options, clients)
  return {
    app,
    async listen() {
      const address = await listen(app, host, port)
      if (!managementApp) return { ...address, management: null }
      return { ...address, management: await listen(managementApp, management?.host ?? host, managementPort ?? 0) }
    },
    // Probes are answered until the rest has ended.
    async close() {
      await close(app)
      if (managementApp) await close(managementApp)
      refusals.close()
    }
  }
}

/** The server of page, API, health checks and metrics. */
function createPublic(ports: ServicePorts, options: ServiceOptions, clients: Clients): Promise<FastifyInstance> {
  return createApp(options, clients, async app => {
    const hub = new EventHub(ports, { ...defaultEventLimits, ...options.events }, clients.refusals)
    const queries = new LineStreams({ ...defaultLineLimits, ...options.queries }, clients.refusals)
    app.addHook('preClose', () => {
      queries.close()
      return hub.close()
    })
    if (options.token) addToken(app, options.token)
    await addDocumentation(app, options.version)
    addHealthRoutes(app, ports)
    addObjectRoutes(app, ports)
    addQueryRoute(app, ports, queries)
    addCutoutRoutes(app, ports)
    addSkyPortalRoutes(app, ports)
    addApiRoutes(app, ports)
    addEventRoute(app, ports, hub)
    addPageRoutes(app)
  })
}

/** The server of health checks and metrics only. */
function createManagement(ports: ServicePorts, options: ServiceOptions, clients: Clients): Promise<FastifyInstance> {
  return createApp(options, clients, async app => {
    for (const schema of sharedSchemas) app.addSchema(schema)
    addHealthRoutes(app, ports)
  })
}

/** A server with all limits and the form of errors. Other methods than those of its routes are refused. */
async function createApp(
  options: ServiceOptions,
  clients: Clients,
  addRoutes: (app: FastifyInstance) => Promise<void>
): Promise<FastifyInstance> {
  const app = createServer(options.logger, clients)
  addCaching(app)
  addConnectionLimits(app, options.connections ?? { connections: 1000, connectionsPerAddress: 250 }, clients)
  const refuseOthers = collectMethods(app)
  await addHeaders(app)
  await addRateLimit(app, options.requestsPerMinute ?? 3000, clients.refusals)
  app.addHook('onResponse', async (request, { statusCode }) => {
    if (statusCode === 401 || statusCode === 403) clients.refusals.unauthorized(request)
  })
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply))
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => sendNotFound(request, reply))
  await addRoutes(app)
  refuseOthers()
  await app.ready()
  return app
}

function createServer(logger: Logger, { isProxy, refusals }: Clients): FastifyInstance {
  const quiet = logger.levelVal > 30 ? logger.level : logger.levelVal < 30 ? logger.level : 'warn'
  const app = Fastify({
    // Requests and disconnected clients are not logged. Important events are counted or logged as warnings.
    loggerInstance: logger.child({ part: 'http' }, { level: quiet }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024,
    requestTimeout: 10_000,
    keepAliveTimeout: 20_000,
    // By default, Node checks for slow clients every half minute.
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, maxHeaderSize: 16_384 },
    // Longer than any valid id, so that the schema rejects ids that are too long, with the name of the parameter.
    routerOptions: { maxParamLength: 16_384 },
    ajv: { customOptions: { removeAdditional: false, allErrors: true, coerceTypes: true } },
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
    clientErrorHandler: (error, socket) => respondToMalformed(error, socket, refusals),
    trustProxy: isProxy
  })
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  return app as unknown as FastifyInstance
}

/** Clients may cache responses about objects and models and revalidate them by ETag. Other responses are not cached unless their route allows it. */
function addCaching(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (!reply.hasHeader('cache-control')) {
      const kept = reply.statusCode === 200 && /^\/api\/v1\/(objects|taxonomy|model)\b/.test(request.url)
      reply.header('cache-control', kept ? 'private, no-cache' : 'no-store')
    }
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
    const etag = reply.getHeader('etag') ?? `W/"${createHash('sha1').update(payload).digest('base64')}"`
    reply.header('etag', etag)
    if (request.headers['if-none-match'] !== etag) return payload
    reply.code(304)
    return ''
  })
}

/** Node does not count a connection without any request as idle (browsers open such connections). They would delay closing by a minute. */
async function close(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), closeGraceMs)
  await app.close()
  clearTimeout(timer)
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<Listening> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new HieraxError('HTTP_UNAVAILABLE', `can't listen on ${host} port ${port}: ${code ?? message}`, {
      cause: error
    })
  }
  const address = app.server.address() as AddressInfo
  const shownHost = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return { url: `http://${shownHost}:${address.port}`, port: address.port }
}
