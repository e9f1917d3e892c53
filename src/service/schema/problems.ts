import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ErrorCode, errorTable, HieraxError, shown } from '../../errors.ts'
import type { Immutable } from '../../immutable.ts'
import type { Refusals } from './refusals.ts'

/** An error over HTTP, with the code and the remedy of the error table. */
export const problem = z
  .object({
    type: z.string().describe('URN of the code'),
    title: z.string().describe('the code in words'),
    status: z.int().describe('HTTP status'),
    detail: z.string().describe('description of the error, with the value'),
    code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]).describe('code of the error table'),
    remedy: z.string().describe('what to do')
  })
  .describe('An error (RFC 9457)')

export type Problem = Immutable<z.infer<typeof problem>>

/** Media type of a problem. */
const problemType = 'application/problem+json'

/** Refusals that are counted rather than logged. */
const quiet: ReadonlySet<ErrorCode> = new Set(['TOO_MANY_SUBSCRIBERS', 'TOO_MANY_QUERIES', 'INDEX_INCOMPLETE'])

/** Sends any error as a problem. Failures of the service are logged; their details are not sent. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error)
  if (problem.status >= 500 && !quiet.has(problem.code)) {
    request.log.error({ err: error, url: request.url.slice(0, 200) }, 'request failed')
  }
  return reply
    .code(problem.status)
    .type(problemType)
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problem)
}

/** Responds to a request without a route. */
export function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?')[0] as string
  const message = `there is no route ${request.method} ${shown(path)}`
  return sendError(new HieraxError('ROUTE_NOT_FOUND', message), request, reply)
}

/** Responds to an invalid request: malformed, with too large headers, or too slow. */
export function respondToMalformed(error: Error & { code?: string }, socket: Socket, refusals: Refusals): void {
  if (error.code !== 'ECONNRESET')
    refusals.refused(error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'timeout' : 'malformed', socket.remoteAddress)
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = JSON.stringify(
    problemOf('REQUEST_INVALID', status, 'the request is not well-formed HTTP within the limits')
  )
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${problemType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}

/** The problem of an error: of a HieraxError by its code, of a Fastify error by its status, of any other error INTERNAL. */
function toProblem(error: unknown): Problem {
  if (error instanceof HieraxError) return problemOf(error.code, error.status, error.message)
  const { statusCode = 500, message } = error as Partial<FastifyError>
  if (statusCode === 404) return problemOf('ROUTE_NOT_FOUND', 404, 'there is no route at this address')
  if (statusCode >= 400 && statusCode < 500) {
    return problemOf('REQUEST_INVALID', statusCode, message ?? 'the request is not valid')
  }
  return problemOf('INTERNAL', 500, 'an unexpected error; the log has the details')
}

/** The problem of a code, with the remedy of the error table. */
export function problemOf(code: ErrorCode, status: number, detail: string): Problem {
  const { remedy } = new HieraxError(code, detail)
  return { type: `urn:hierax:error:${code}`, title: titleOf(code), status, detail, code, remedy }
}

/** `OBJECT_NOT_FOUND` → `Object not found`. */
function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/**
 * Collects the methods of the routes that are added from now on. Call the returned function after adding all routes: it makes all other
 * methods of their addresses respond with 405, before a body is read.
 */
export function collectMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    // Swagger UI adds these.
    if (url.startsWith('/api/docs')) return
    const methods = taken.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    taken.set(url, methods)
  })
  return () => {
    for (const [url, methods] of [...taken]) refuse(app, url, methods)
  }
}

function refuse(app: FastifyInstance, url: string, taken: ReadonlySet<string>): void {
  const allow = [...taken].join(', ')
  app.route({
    method: app.supportedMethods.filter(method => !taken.has(method)),
    url,
    schema: { hide: true },
    onRequest: async (request, reply) => {
      reply.header('allow', allow)
      throw new HieraxError('METHOD_NOT_ALLOWED', `${shown(request.method)} is not allowed here; allowed: ${allow}`)
    },
    handler: async () => undefined
  })
}
