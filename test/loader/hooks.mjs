import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/hierax-tests/', import.meta.url))
fs.mkdirSync(cache, { recursive: true })

/** @param {string} file @param {string} source @param {string} key */
async function compile(file, source, key) {
  const { transform } = await import('esbuild')
  const { code } = await transform(source, {
    loader: file.endsWith('.tsx') ? 'tsx' : 'ts',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    format: 'esm',
    target: 'es2023',
    sourcemap: 'inline',
    sourcesContent: false,
    sourcefile: file
  })
  // Renamed when complete, because other processes read and write here at the same time.
  const part = `${path.join(cache, key)}.${process.pid}`
  fs.writeFileSync(part, code)
  fs.renameSync(part, path.join(cache, key))
  return code
}

/** Zod's own index of locales loads 63 others, which nothing here uses: a fifth of what a small test file costs. */
const locales = "export { default as en } from './en.js'"

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (url.endsWith('/node_modules/zod/v4/locales/index.js'))
    return { format: 'module', source: locales, shortCircuit: true }
  if (!url.startsWith('file:') || !/\.tsx?$/.test(url) || url.includes('/node_modules/')) return nextLoad(url, context)
  const file = fileURLToPath(url)
  const text = fs.readFileSync(file, 'utf8')
  const key = `${createHash('sha256').update(`${file}\n${text}`).digest('hex').slice(0, 40)}.js`
  const known = path.join(cache, key)
  const source = fs.existsSync(known) ? fs.readFileSync(known) : await compile(file, text, key)
  return { format: 'module', source, shortCircuit: true }
}
