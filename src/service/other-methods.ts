import type { FastifyInstance } from 'fastify'
import { HieraxError, shown } from '../errors.ts'

/**
 * Collects what the routes that are added from now on take. The function returned makes all their other methods answer 405, before
 * a body is read; it is called when all routes are there.
 */
export function collectMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    // The pages of the documentation are another's.
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
      throw new HieraxError('METHOD_NOT_ALLOWED', `${shown(request.method)} is not taken here, but ${allow}`)
    },
    handler: async () => undefined
  })
}
