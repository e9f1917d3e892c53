import { createHash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIP, isIPv6, type Socket } from 'node:net'
import helmet from '@fastify/helmet'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { HieraxError } from '../errors.ts'
import { FairShares } from './fair-shares.ts'
import type { Refusals } from './schema/refusals.ts'

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
 * Limits the number of connections, in total and per address. When all are taken, an address with few of them gets one of the
 * address with the most, preferably one without a request. Slow and silent clients are disconnected by the timeouts.
 */
export function addConnectionLimits({ server }: FastifyInstance, limits: ConnectionLimits, clients: Clients): void {
  const { connections: total, connectionsPerAddress: perClient } = limits
  const busy = new WeakSet<Socket>()
  const idle = (held: ReadonlySet<Socket>): Socket | undefined => {
    for (const socket of held) if (!busy.has(socket)) return socket
    return [...held][0]
  }
  const shares = new FairShares<Socket>({ total, perClient }, idle)
  server.on('request', ({ socket }, response) => {
    busy.add(socket)
    response.once('close', () => busy.delete(socket))
  })
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const client = normalizeIP(address)
    const admission = shares.take(client, socket, !clients.isProxy(address))
    if (!admission.taken) {
      clients.refusals.refused(admission.limit === 'total' ? 'connections' : 'address_connections', address)
      return void socket.destroy()
    }
    socket.once('close', () => shares.release(client, socket))
    if (admission.evicted === null) return
    clients.refusals.refused('connection_evicted', admission.evicted.remoteAddress)
    admission.evicted.destroy()
  })
}

/** What is known of clients by their addresses. */
export interface Clients {
  /** Whether requests from this address come through a proxy that gives the client's address in `X-Forwarded-For`. */
  isProxy(address: string): boolean
  readonly refusals: Refusals
}

/** Whether an address is in one of the networks (addresses, or CIDR: address/bits). */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return address => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
    return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}

/** Maximum number of connections. */
export interface ConnectionLimits {
  readonly connections: number
  readonly connectionsPerAddress: number
}

/** Limits the request rate per address; health checks and metrics have a separate limit. */
export async function addRateLimit(app: FastifyInstance, perMinute: number, refusals: Refusals): Promise<void> {
  await app.register(rateLimit, {
    max: perMinute,
    onExceeded: ({ ip }) => refusals.refused('address_requests', ip),
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
