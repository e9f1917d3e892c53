import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { HieraxError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token: probes and scrapes. */
    open?: boolean
  }
}

/** Headers that keep the page's scripts, frames and connections to this service. */
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
    // TLS, if any, ends before this service: whoever ends it may add HSTS. Browsers ignore (and complain of) the other
    // two on plain HTTP.
    hsts: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false
  })
}

/**
 * Bounds the connections: a client that sends too slowly, or nothing, loses its own soon, and one address gets only a part of
 * them, so that probes find room. Behind a reverse proxy all clients have its address.
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

/** How many connections there may be at a time. */
export interface ConnectionLimits {
  readonly connections: number
  readonly connectionsPerAddress: number
}

/** Bounds how often one address may ask; probes and scrapes have a limit of their own. */
export async function addRateLimit(app: FastifyInstance, perMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, context) =>
      new HieraxError(
        'TOO_MANY_REQUESTS',
        `more than ${context.max} requests in a minute; ask again in ${context.after}`
      )
  })
}

/**
 * Asks for the token on every route that is not `open`: as a bearer token, or as the password of basic authentication,
 * which browsers know how to ask for and send with event streams too. Runs after the rate limit (onRequest).
 */
export function addToken(app: FastifyInstance, token: string): void {
  const expected = digest(token)
  app.addHook('preParsing', async (request, reply) => {
    if (request.routeOptions.config?.open) return
    const given = tokenOf(request.headers.authorization)
    if (given !== null && timingSafeEqual(digest(given), expected)) return
    reply.header('www-authenticate', ['Bearer realm="hierax"', 'Basic realm="hierax", charset="UTF-8"'])
    const message = given === null ? 'a token is needed' : 'the token is not the right one'
    throw new HieraxError('UNAUTHORIZED', message)
  })
}

/** Digests have one length whatever was sent, so that comparing them takes one time. */
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
