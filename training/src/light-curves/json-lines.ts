import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { HieraxError } from 'hierax/errors.ts'
import type { z } from 'zod'

/** What a line holds, and its file and number for errors. */
export interface JsonLine {
  readonly value: unknown
  readonly where: string
}

/**
 * Reads a JSON Lines file, gzip-compressed where its name ends in `.gz`; empty lines are left out. Throws DATA_INVALID by line
 * (`fault` says what it is), INPUT_NOT_FOUND.
 */
export async function* jsonLines(file: string, fault = 'not JSON'): AsyncGenerator<JsonLine> {
  let number = 0
  try {
    for await (const text of lines(file)) {
      number += 1
      if (text.trim() !== '') yield { value: parseJson(text), where: `${file}, line ${number}` }
    }
  } catch (cause) {
    if (cause instanceof SyntaxError) {
      throw new HieraxError('DATA_INVALID', `${file}, line ${number}: ${fault} (${cause.message})`, { cause })
    }
    const code = (cause as NodeJS.ErrnoException).code
    const reason = code === 'ENOENT' ? 'does not exist' : `can't be read (${code ?? String(cause)})`
    throw new HieraxError('INPUT_NOT_FOUND', `${file} ${reason}`, { cause })
  }
}

/** A line's object, its fields checked one by one. Throws DATA_INVALID by line and field. */
export function checkedLine<T extends z.ZodType>(shape: T, { value, where }: JsonLine): z.infer<T> {
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalidLine(where, fieldName(issue?.path ?? []), issue?.message ?? 'it is not valid')
}

/** `field` is empty where the line as a whole is at fault. */
export function invalidLine(where: string, field: string, message: string): HieraxError {
  return new HieraxError('DATA_INVALID', `${where}${field === '' ? '' : `, field ${field}`}: ${message}`)
}

/** A path in a line as people write it: `pos[0]`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at > 0 ? '.' : ''}${String(part)}`))
    .join('')
}

function lines(file: string): AsyncIterable<string> {
  const raw = createReadStream(file)
  if (!file.endsWith('.gz')) return createInterface({ input: raw, crlfDelay: Number.POSITIVE_INFINITY })
  const unzipped = createGunzip()
  // Passed on by hand: the reader of lines listens only to the stream that it is given.
  raw.on('error', error => unzipped.destroy(error))
  return createInterface({ input: raw.pipe(unzipped), crlfDelay: Number.POSITIVE_INFINITY })
}

/** JSON, and what Python writes for missing numbers: NaN and Infinity are read as null. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const repaired = text.replaceAll(/(?<=[:,[]\s*)-?(?:NaN|Infinity)(?=\s*[,\]}])/g, 'null')
    if (repaired === text) throw error
    return JSON.parse(repaired)
  }
}
