import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { HieraxError } from 'hierax/errors.ts'
import { linesOf } from 'hierax/lines.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import type { z } from 'zod'

/** What a line holds, and its file and number for errors. */
export interface JsonLine {
  readonly value: unknown
  readonly where: string
}

const wanted = 'each line should be one JSON object (JSON Lines), as docs/training.md describes'

/**
 * Reads a JSON Lines file, gzip-compressed where its name ends in `.gz`; empty lines are left out. Throws DATA_INVALID by line
 * with what the line looks like, INPUT_NOT_FOUND.
 */
export async function* jsonLines(file: string): AsyncGenerator<JsonLine> {
  let count = 0
  let text = ''
  try {
    for await (text of linesOf(textOf(file))) {
      count++
      if (text.trim() !== '') yield { value: parseJson(text), where: `${file}, line ${count}` }
    }
  } catch (cause) {
    if (cause instanceof HieraxError) throw cause
    if (cause instanceof RangeError) throw invalidLine(`${file}, line ${count + 1}`, '', `${cause.message}: ${wanted}`)
    if (cause instanceof SyntaxError) {
      const message = `${appearance(text)} (${cause.message}); ${wanted}`
      throw new HieraxError('DATA_INVALID', `${file}, line ${count}: ${message}`, { cause })
    }
    const code = (cause as NodeJS.ErrnoException).code
    const reason = code === 'ENOENT' ? 'does not exist' : `can't be read (${code ?? (cause as Error).message})`
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

/** The text of a file, decompressed if its name ends in `.gz`. */
function textOf(file: string): Readable {
  checkRegular(file)
  const raw = createReadStream(file)
  return file.endsWith('.gz') ? pipeline(raw, createGunzip(), () => undefined) : raw
}

/** What a line that is not JSON looks like, in words. */
function appearance(line: string): string {
  const text = line.trim()
  if (text === '{' || text === '[' || text === '[{') return 'it looks like JSON over several lines'
  if (text.startsWith('[')) return 'it looks like an array'
  if (text.startsWith('{')) return 'it is not valid JSON'
  if (text.startsWith('<')) return 'it looks like XML or HTML'
  if (text.startsWith('\\') || text.startsWith('|')) return 'it looks like an IPAC table'
  if (text.includes(',')) return 'it looks like CSV'
  return /\S\s+\S/.test(text) ? 'it looks like a table with columns of text' : 'it is not JSON'
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
