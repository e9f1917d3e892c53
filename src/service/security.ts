import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { HieraxError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Accessible without a token: health checks and metrics. */
    open?: boolean
  }
}

/** Headers that restrict the scripts, frames and connections of the page to this service. */
export async function addHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        fontSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"]
      }
    },
    // A proxy that terminates TLS can add HSTS. Browsers ignore the other two on plain HTTP, with a warning.
    hsts: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false
  })
}

/**
 * Limits the number of connections, in total and per address, so that health checks still get one. Slow and silent clients are
 * disconnected by the timeouts. Behind a reverse proxy, all clients have the address of the proxy.
 */
export function addConnectionLimits({ server }: FastifyInstance, limits: ConnectionLimits): void {
  server.maxConnections = limits.connections
  const perAddress = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const count = perAddress.get(address) ?? 0
    if (count >= limits.connectionsPerAddress) return void socket.destroy()
    perAddress.set(address, count + 1)
    socket.once('close', () => {
      const left = (perAddress.get(address) ?? 1) - 1
      if (left > 0) perAddress.set(address, left)
      else perAddress.delete(address)
    })
  })
}

/** Maximum number of connections. */
export interface ConnectionLimits {
  readonly connections: number
  readonly connectionsPerAddress: number
}

/** Limits the request rate per address; health checks and metrics have a separate limit. */
export async function addRateLimit(app: FastifyInstance, perMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, context) =>
      new HieraxError('TOO_MANY_REQUESTS', `more than ${context.max} requests in a minute; retry in ${context.after}`)
  })
}

/**
 * Requires the token on every route that is not `open`: as a bearer token, or as the password of basic authentication,
 * for which browsers prompt and which they also send with event streams. Runs after the rate limit (onRequest).
 */
export function addToken(app: FastifyInstance, token: string): void {
  const expected = digest(token)
  app.addHook('preParsing', async (request, reply) => {
    if (request.routeOptions.config?.open) return
    const given = tokenOf(request.headers.authorization)
    if (given !== null && timingSafeEqual(digest(given), expected)) return
    reply.header('www-authenticate', ['Bearer realm="hierax"', 'Basic realm="hierax", charset="UTF-8"'])
    const message = given === null ? 'a token is required' : 'the token is wrong'
    throw new HieraxError('UNAUTHORIZED', message)
  })
}

/** Digests have a fixed length, so comparing them takes constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function tokenOf(authorization: string | undefined): string | null {
  const [, scheme, credentials] = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '') ?? []
  if (scheme === undefined || credentials === undefined) return null
  if (scheme.toLowerCase() === 'bearer') return credentials
  const pair = Buffer.from(credentials, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}
