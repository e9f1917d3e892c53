import fs from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { loadConfig } from '../config/load.ts'
import { maskUrl } from '../config/show.ts'
import { HieraxError, printable } from '../errors.ts'
import { openStore } from '../lightcurves/stores/open.ts'
import { exportLines, importLines } from '../lightcurves/stores/transfer.ts'

/** Options of `hierax store export` and `import` as commander gives them. */
export interface MoveOptions {
  readonly store?: string
  readonly config?: string
}

/** Runs `hierax store export`; a summary goes to standard error. */
export async function exportStore(file: string, options: MoveOptions): Promise<void> {
  const { url, programs } = settings(options)
  const store = await openStore(url, { programs, readOnly: true })
  let corrupt = 0
  let objects = 0
  const onCorrupt = (error: HieraxError): void => {
    corrupt++
    process.stderr.write(`left out: ${printable(error.message)}\n`)
  }
  try {
    const lines = exportLines(store, onCorrupt, () => void objects++)
    if (file === '-') await pipeline(lines, process.stdout, { end: false })
    else if (file.endsWith('.gz')) await pipeline(lines, createGzip(), target(file))
    else await pipeline(lines, target(file))
  } catch (error) {
    if (error instanceof HieraxError) throw error
    throw new HieraxError('OUTPUT_FAILED', `${file}: ${(error as Error).message}`, { cause: error })
  } finally {
    await store.close()
  }
  process.stderr.write(`${objects} objects of ${maskUrl(url)} exported${corrupt > 0 ? `, ${corrupt} corrupt` : ''}\n`)
  if (corrupt > 0) process.exitCode = 1
}

/** Runs `hierax store import`; a summary goes to standard error. */
export async function importStore(file: string, options: MoveOptions): Promise<void> {
  const { url, programs } = settings(options)
  const input = source(file)
  const store = await openStore(url, { programs })
  try {
    const objects = await importLines(input, store, file === '-' ? 'standard input' : file)
    process.stderr.write(`${objects} objects imported into ${maskUrl(url)}\n`)
  } finally {
    input.destroy()
    await store.close()
  }
}

function settings(options: MoveOptions): { url: string; programs: readonly number[] } {
  const { store, input } = loadConfig({
    file: options.config,
    env: process.env,
    overrides: { 'store.url': options.store }
  })
  if (store.url === 'memory:') throw new HieraxError('USAGE', 'a store in memory does not outlive its process')
  return { url: store.url, programs: input.programs }
}

function target(file: string): Writable {
  return fs.createWriteStream(file, { flush: true })
}

function source(file: string): Readable {
  if (file === '-') return process.stdin
  if (!fs.existsSync(file)) throw new HieraxError('INPUT_NOT_FOUND', `There is no file ${file}`)
  const bytes = fs.createReadStream(file)
  if (!file.endsWith('.gz')) return bytes
  const inflated = createGunzip()
  bytes.on('error', error => inflated.destroy(error))
  return bytes.pipe(inflated)
}
