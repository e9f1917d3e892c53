import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { HieraxError } from '../../errors.ts'

/** The output of `npm run build` for web/; the relative path is the same from src/ and from dist/. */
const folder = fileURLToPath(new URL('../../../dist/web/', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2'
}

/** Asset names contain a hash of the content, so assets may be cached forever. The page itself is revalidated each time. */
const kept = 'private, max-age=31536000, immutable'

/** The live page: a few files, read once, each with its own route. Throws if the page was not built. */
export function addPageRoutes(app: FastifyInstance): void {
  if (!fs.existsSync(`${folder}index.html`))
    throw new HieraxError('NOT_INSTALLED', `the live page is not built: run \`npm run build\` (no ${folder}index.html)`)
  serve(app, '/', 'index.html', 'no-cache')
  serve(app, '/favicon.ico', 'favicon.svg', 'no-cache')
  serve(app, '/favicon.svg', 'favicon.svg', 'no-cache')
  for (const name of fs.readdirSync(`${folder}assets`)) serve(app, `/assets/${name}`, `assets/${name}`, kept)
}

function serve(app: FastifyInstance, address: string, file: string, caching: string): void {
  const content = fs.readFileSync(`${folder}${file}`)
  const type = types[path.extname(file)] ?? 'application/octet-stream'
  app.get(address, { schema: { hide: true } }, async (_request, reply) =>
    reply.header('cache-control', caching).type(type).send(content)
  )
}
