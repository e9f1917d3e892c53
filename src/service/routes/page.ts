import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'

/** What `npm run build` makes of web/: the same folder from src/ and from dist/. */
const folder = fileURLToPath(new URL('../../../dist/web/', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2'
}

/** Names of assets have a hash of their content: they may be kept for good. The page itself is asked for each time. */
const kept = 'private, max-age=31536000, immutable'

/** The live page: a few files, read once, each at an address of its own. Throws where it was not built. */
export function addPageRoutes(app: FastifyInstance): void {
  if (!fs.existsSync(`${folder}index.html`))
    throw new Error(`the live page is not built: run \`npm run build\` (there is no ${folder}index.html)`)
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
