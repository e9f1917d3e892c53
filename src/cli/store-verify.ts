import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { loadConfig } from '../config/load.ts'
import { maskUrl } from '../config/show.ts'
import { HieraxError, printable } from '../errors.ts'
import { decodeRecord } from '../lightcurves/object-record.ts'
import { openStore } from '../lightcurves/stores/open.ts'

/** Options of `hierax store verify` as commander gives them. */
export interface VerifyOptions {
  readonly store?: string
  readonly config?: string
  readonly json?: boolean
  /** Check in this process. */
  readonly here?: boolean
}

/**
 * Runs `hierax store verify`, in a child process: reading a file with damaged pages may crash it.
 */
export async function verify(options: VerifyOptions): Promise<void> {
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

async function check(options: VerifyOptions): Promise<void> {
  const config = loadConfig({ file: options.config, env: process.env, overrides: { 'store.url': options.store } })
  const url = maskUrl(config.store.url)
  const store = await openStore(config.store.url, { programs: config.input.programs, readOnly: true })
  const before = (await store.statistics()).objects
  const result = { store: url, objects: 0, points: 0, corrupt: [] as { objectId: string; message: string }[] }
  const report = (objectId: string, message: string): void => {
    result.corrupt.push({ objectId, message })
    if (!options.json) process.stdout.write(`corrupt: ${printable(message)}\n`)
  }
  try {
    for await (const object of store.records()) {
      result.objects++
      if ('record' in object) {
        result.points += decodeRecord(object.objectId, object.record).curve.length
        continue
      }
      report(object.objectId, object.error.message)
    }
    const missing = Math.min(before, (await store.statistics()).objects) - result.objects
    if (missing > 0) report('', `${missing} objects of the index can't be read`)
  } finally {
    await store.close()
  }
  const { objects, points, corrupt } = result
  process.stdout.write(
    options.json
      ? `${JSON.stringify(result)}\n`
      : `${url}: ${objects} objects, ${points} points, ${corrupt.length} corrupt\n`
  )
  if (corrupt.length > 0) process.exitCode = 1
}
