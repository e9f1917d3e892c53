import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { HieraxError } from '../../errors.ts'
import { linesOf } from '../../text.ts'
import { version as hierax } from '../../version.ts'
import { additionOf, mergedAt, presentRecord, recordVersion } from '../records/object-record.ts'
import type { Addition, Store } from '../store.ts'
import { checkMeta } from '../store-meta.ts'

/*
 * A store as lines of JSON:
 *
 *   {"format":"hierax-store","version":2,"programs":[1],"hierax":"0.1.0"}
 *   {"objectId":"ZTF…","merged":"2025-01-01T00:00:00.000Z","record":"<base64>","crc32":"<hex, of objectId and record>"}
 *   …
 *   {"objects":<number of objects>}
 */
const format = 'hierax-store'
const anyObject = z.record(z.string(), z.unknown())
const header = z.object({
  format: z.literal(format),
  version: z.number(),
  programs: z.array(z.int()),
  hierax: z.string().optional().catch(undefined)
})
const objectLine = z.object({ objectId: z.string(), record: z.string(), crc32: z.unknown() })

/** Objects that are merged at a time. */
const batchSize = 200

/** All objects of a store as lines, each with its line break. Damaged objects are reported and left out. */
export async function* exportLines(
  store: Pick<Store, 'records' | 'programs'>,
  onCorrupt: (error: HieraxError) => void,
  onObject: () => void = () => {}
): AsyncGenerator<string> {
  yield `${JSON.stringify({ format, version: recordVersion, programs: store.programs, hierax })}\n`
  let objects = 0
  for await (const stored of store.records()) {
    if ('error' in stored) {
      onCorrupt(stored.error)
      continue
    }
    const { objectId, record } = stored
    const merged = new Date(mergedAt(record)).toISOString()
    yield `${JSON.stringify({ objectId, merged, record: record.toString('base64'), crc32: checksum(objectId, record) })}\n`
    objects++
    onObject()
  }
  yield `${JSON.stringify({ objects })}\n`
}

/**
 * Merges the lines of `exportLines` into a store, and resolves with the number of objects. Older versions are migrated. Rejects with
 * EXPORT_INVALID, which states the number of the line, for a damaged or missing line, and with STORE_REFUSED for a newer version
 * or programmes that are not admitted.
 */
export async function importLines(
  input: Readable,
  store: Pick<Store, 'merge' | 'programs'>,
  from: string
): Promise<number> {
  let number = 0
  let objects = 0
  let complete = false
  let batch = new Map<string, Addition>()
  const flush = async (): Promise<void> => {
    if (batch.size > 0) await store.merge([...batch.values()])
    batch = new Map()
  }
  const invalid = (what: string): HieraxError => new HieraxError('EXPORT_INVALID', `${from}, line ${number}: ${what}`)
  const read = <T>(parse: () => T, problem?: string): T => {
    try {
      return parse()
    } catch (error) {
      throw invalid(problem ?? (error as Error).message)
    }
  }
  try {
    for await (const line of linesOf(input)) {
      number++
      if (line.trim() === '' && complete) continue
      if (complete) throw invalid('something follows the last line')
      const value = read(() => anyObject.parse(JSON.parse(line)), 'it is no JSON object')
      if (number === 1) {
        const meta = read(() => header.parse(value), 'it does not begin as an export of a store does')
        checkMeta(meta, store.programs, from)
      } else if ('objects' in value) {
        if (value.objects !== objects) throw invalid(`${String(value.objects)} objects are announced, ${objects} came`)
        complete = true
      } else {
        const object = read(() => objectLine.parse(value), 'it is no object of a store')
        const record = Buffer.from(object.record, 'base64')
        if (object.crc32 !== checksum(object.objectId, record)) throw invalid('its checksum does not match')
        const present = read(() => presentRecord(object.objectId, record))
        const addition = additionOf(object.objectId, present)
        if (batch.has(addition.objectId) || batch.size >= batchSize) await flush()
        batch.set(addition.objectId, addition)
        objects++
      }
    }
  } catch (error) {
    await flush()
    if (error instanceof HieraxError) throw error
    number++
    throw invalid((error as Error).message)
  }
  await flush()
  if (!complete) {
    number++
    throw invalid('the end is missing: it was cut short')
  }
  return objects
}

function checksum(objectId: string, record: Buffer): string {
  return crc32(record, crc32(objectId)).toString(16).padStart(8, '0')
}
