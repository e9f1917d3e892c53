import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { HieraxError } from '../../errors.ts'
import { version } from '../../version.ts'
import { additionOf, checkMeta, mergedAt, presentRecord, recordVersion } from '../object-record.ts'
import type { Addition, Store } from '../store.ts'

/*
 * A store as lines of JSON:
 *
 *   {"format":"hierax-store","version":2,"programs":[1],"hierax":"0.1.0"}
 *   {"objectId":"ZTF…","merged":"2025-01-01T00:00:00.000Z","record":"<base64>","crc32":"<hex, of objectId and record>"}
 *   …
 *   {"objects":<their number>}
 */
const format = 'hierax-store'

/** Objects that are merged at a time. */
const batchSize = 200

/** All objects of a store as lines, each with its line break. What is damaged is reported, and left out. */
export async function* exportLines(
  store: Pick<Store, 'records' | 'programs'>,
  onCorrupt: (error: HieraxError) => void,
  onObject: () => void = () => {}
): AsyncGenerator<string> {
  yield `${JSON.stringify({ format, version: recordVersion, programs: store.programs, hierax: version })}\n`
  let objects = 0
  for await (const object of store.records()) {
    if ('error' in object) {
      onCorrupt(object.error)
      continue
    }
    const { objectId, record } = object
    const merged = new Date(mergedAt(record)).toISOString()
    yield `${JSON.stringify({ objectId, merged, record: record.toString('base64'), crc32: checksum(objectId, record) })}\n`
    objects++
    onObject()
  }
  yield `${JSON.stringify({ objects })}\n`
}

/**
 * Merges what `exportLines` wrote into a store, and resolves with the number of objects. Rejects with EXPORT_INVALID for a line
 * that is damaged or missing, named by its number, and with STORE_REFUSED for a newer version or programmes that are not admitted. Older versions are migrated.
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
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++
      if (line === '' && complete) continue
      if (complete) throw invalid('something follows the last line')
      const value = parse(line, invalid)
      if (number === 1) checkHeader(value, store.programs, from, invalid)
      else if ('objects' in value) {
        if (value.objects !== objects) throw invalid(`${String(value.objects)} objects are announced, ${objects} came`)
        complete = true
      } else {
        const addition = readObject(value, invalid)
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

type Invalid = (what: string) => HieraxError

function parse(line: string, invalid: Invalid): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw invalid('it is no JSON object')
}

function checkHeader(
  value: Record<string, unknown>,
  programs: readonly number[],
  from: string,
  invalid: Invalid
): void {
  const { version: written, programs: held, hierax } = value
  const isProgram = (program: unknown): boolean => Number.isInteger(program)
  if (value.format !== format || typeof written !== 'number' || !Array.isArray(held) || !held.every(isProgram)) {
    throw invalid('it does not begin as an export of a store does')
  }
  const by = typeof hierax === 'string' ? { hierax } : {}
  checkMeta({ version: written, programs: held, ...by }, programs, from)
}

function readObject({ objectId, record: text, crc32: sum }: Record<string, unknown>, invalid: Invalid): Addition {
  if (typeof objectId !== 'string' || typeof text !== 'string') throw invalid('it is no object of a store')
  const record = Buffer.from(text, 'base64')
  if (sum !== checksum(objectId, record)) throw invalid('its checksum does not match')
  try {
    return additionOf(objectId, presentRecord(objectId, record))
  } catch (error) {
    throw invalid((error as Error).message)
  }
}

function checksum(objectId: string, record: Buffer): string {
  return crc32(record, crc32(objectId)).toString(16).padStart(8, '0')
}
