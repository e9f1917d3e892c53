import fs from 'node:fs'
import type { FastifyInstance } from 'fastify'

const folder = new URL('../../../web/', import.meta.url)

const files = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/assets/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/assets/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/favicon.ico', file: 'favicon.svg', type: 'image/svg+xml' }
]

/** The live page: a few files, read once. */
export function addPageRoutes(app: FastifyInstance): void {
  for (const { path, file, type } of files) {
    const content = fs.readFileSync(new URL(file, folder))
    app.get(path, { schema: { hide: true } }, async (_request, reply) => reply.type(type).send(content))
  }
}
