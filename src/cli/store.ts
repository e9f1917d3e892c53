import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { admissionOf } from '../alerts/admission.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { maskUrl } from '../config/show.ts'
import { HieraxError, printable } from '../errors.ts'
import { pointsByProgram } from '../lightcurves/purge.ts'
import { decodeRecord } from '../lightcurves/records/object-record.ts'
import type { OpenStore } from '../lightcurves/store.ts'
import { openStore } from '../lightcurves/stores/open.ts'
import { exportLines, importLines } from '../lightcurves/stores/transfer.ts'
import { checkRegular } from '../regular-file.ts'
import { checkOutputs, named, storeFolder } from './outputs.ts'

/** Options of `hierax store …` as commander gives them. */
export interface StoreOptions {
  readonly store?: string
  readonly config?: string
  /** Of `inspect`. */
  readonly model?: string[]
  /** Of `verify`. */
  readonly json?: boolean
  /** Of `verify`: check in this process. */
  readonly here?: boolean
}

/** The store that the options name. `outlives`: one in memory is refused. */
export async function openNamed(
  options: StoreOptions,
  {
    readOnly = false,
    anyPrograms = false,
    outlives = false
  }: { readonly readOnly?: boolean; readonly anyPrograms?: boolean; readonly outlives?: boolean }
): Promise<{ config: Config; store: OpenStore; url: string }> {
  const overrides = { 'store.url': options.store, model: options.model }
  const config = loadConfig({ file: options.config, env: process.env, overrides })
  const { url } = config.store
  if (outlives && url === 'memory:') throw new HieraxError('USAGE', 'a store in memory does not outlive its process')
  const store = await openStore(url, { programs: admissionOf(config).programs, readOnly, anyPrograms })
  return { config, store, url: maskUrl(url) }
}

/** Runs `hierax store verify`, in a child process: reading a file with damaged pages may crash it. */
export async function verify(options: StoreOptions): Promise<void> {
  if (options.here) return check(options)
  const { store, config, json } = options
  const named = Object.entries({ '--store': store, '--config': config }).flatMap(([name, value]) =>
    value === undefined ? [] : [name, value]
  )
  const args = ['store', 'verify', '--here', ...named, ...(json ? ['--json'] : [])]
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, ...args], { stdio: 'inherit' })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  if (signal !== null) {
    throw new HieraxError('STORE_CORRUPT', `The file of the store is damaged: reading it ended with ${signal}`)
  }
  process.exitCode = code ?? 1
}

async function check(options: StoreOptions): Promise<void> {
  const { store, url } = await openNamed(options, { readOnly: true, anyPrograms: true })
  const before = (await store.statistics()).objects
  const result = {
    store: url,
    programs: store.programs,
    objects: 0,
    points: 0,
    pointsByProgram: {} as Record<string, number>,
    corrupt: [] as { objectId: string; message: string }[]
  }
  const report = (objectId: string, message: string): void => {
    result.corrupt.push({ objectId, message })
    if (!options.json) process.stdout.write(`corrupt: ${printable(message)}\n`)
  }
  try {
    for await (const object of store.records()) {
      result.objects++
      if ('error' in object) {
        report(object.objectId, object.error.message)
        continue
      }
      const { curve } = decodeRecord(object.objectId, object.record)
      result.points += curve.length
      for (const [program, count] of pointsByProgram(curve)) {
        const name = program ?? 'unknown'
        result.pointsByProgram[name] = (result.pointsByProgram[name] ?? 0) + count
      }
    }
    const missing = Math.min(before, (await store.statistics()).objects) - result.objects
    if (missing > 0) report('', `${missing} objects of the index can't be read`)
  } finally {
    await store.close()
  }
  const { objects, points, corrupt } = result
  const text = `${url}: ${objects} objects, ${points} points, ${corrupt.length} corrupt`
  process.stdout.write(`${options.json ? JSON.stringify(result) : text}\n`)
  if (corrupt.length > 0) process.exitCode = 1
}

/** Runs `hierax store export`; a summary goes to standard error. */
export async function exportStore(file: string, options: StoreOptions): Promise<void> {
  const { config, store, url } = await openNamed(options, { readOnly: true, outlives: true })
  let corrupt = 0
  let objects = 0
  const onCorrupt = (error: HieraxError): void => {
    corrupt++
    process.stderr.write(`left out: ${printable(error.message)}\n`)
  }
  try {
    checkOutputs(named('the export', file), [
      ...named('the configuration', options.config),
      ...storeFolder('the store', config.store.url)
    ])
    const lines = exportLines(store, onCorrupt, () => void objects++)
    const target = file === '-' ? process.stdout : fs.createWriteStream(file, { flush: true })
    if (file.endsWith('.gz')) await pipeline(lines, createGzip(), target)
    else await pipeline(lines, target, { end: file !== '-' })
  } catch (error) {
    if (error instanceof HieraxError) throw error
    throw new HieraxError('OUTPUT_FAILED', `${file}: ${(error as Error).message}`, { cause: error })
  } finally {
    await store.close()
  }
  process.stderr.write(`${objects} objects of ${url} exported${corrupt > 0 ? `, ${corrupt} corrupt` : ''}\n`)
  if (corrupt > 0) process.exitCode = 1
}

/** Runs `hierax store import`; a summary goes to standard error. */
export async function importStore(file: string, options: StoreOptions): Promise<void> {
  const input = source(file)
  const { store, url } = await openNamed(options, { outlives: true })
  try {
    const objects = await importLines(input, store, file === '-' ? 'standard input' : file)
    process.stderr.write(`${objects} objects imported into ${url}\n`)
  } finally {
    input.destroy()
    await store.close()
  }
}

function source(file: string): Readable {
  if (file === '-') return process.stdin
  if (!fs.existsSync(file)) throw new HieraxError('INPUT_NOT_FOUND', `There is no file ${file}`)
  try {
    checkRegular(file)
  } catch (cause) {
    throw new HieraxError('INPUT_NOT_FOUND', `${file} can't be read: ${(cause as Error).message}`, { cause })
  }
  const bytes = fs.createReadStream(file)
  if (!file.endsWith('.gz')) return bytes
  const inflated = createGunzip()
  bytes.on('error', error => inflated.destroy(error))
  return bytes.pipe(inflated)
}
