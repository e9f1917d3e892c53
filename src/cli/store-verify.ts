import { loadConfig } from '../config/load.ts'
import { maskUrl } from '../config/show.ts'
import { decodeRecord } from '../lightcurves/object-record.ts'
import { openStore } from '../lightcurves/stores/open.ts'
import { printable } from '../telemetry/printable.ts'

/** Options of `hierax store verify` as commander gives them. */
export interface VerifyOptions {
  readonly store?: string
  readonly config?: string
  readonly json?: boolean
}

/** Runs `hierax store verify`. */
export async function verify(options: VerifyOptions): Promise<void> {
  const config = loadConfig({ file: options.config, env: process.env, overrides: { 'store.url': options.store } })
  const url = maskUrl(config.store.url)
  const store = await openStore(config.store.url, { programs: config.input.programs, readOnly: true })
  const result = { store: url, objects: 0, points: 0, corrupt: [] as { objectId: string; message: string }[] }
  try {
    for await (const object of store.records()) {
      result.objects++
      if ('record' in object) {
        result.points += decodeRecord(object.objectId, object.record).curve.length
        continue
      }
      const { objectId, error } = object
      result.corrupt.push({ objectId, message: error.message })
      if (!options.json) process.stdout.write(`corrupt: ${printable(error.message)}\n`)
    }
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
