import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fieldName, problemOf } from 'hierax/classifier/model/model-file.ts'
import { HieraxError } from 'hierax/errors.ts'
import { checkRegular } from 'hierax/regular-file.ts'
import { checkKeys, linesOf, TextError } from 'hierax/text.ts'
import type { z } from 'zod'
import { fileFault, gzipMagic } from './file-fault.ts'

/** What a line holds, and its file and number for errors. */
export interface JsonLine {
  readonly value: unknown
  readonly where: string
  /** NaN and infinities, which are null in `value`, by field: `mag[3]`. */
  readonly notNumbers: ReadonlyMap<string, string>
}

const wanted = 'each line should be one JSON object (JSON Lines), as docs/training.md describes'

/**
 * Reads a JSON Lines file, which may be compressed by gzip; empty lines and a byte order mark are left out. Throws DATA_INVALID by line
 * with what the line looks like, for a file without lines, and for a damaged gzip file; INPUT_NOT_FOUND.
 */
export async function* jsonLines(file: string): AsyncGenerator<JsonLine> {
  let count = 0
  let filled = 0
  let text = ''
  try {
    for await (text of linesOf(await textOf(file))) {
      count++
      if (text.trim() === '') continue
      filled++
      yield { ...parseJson(text, count), where: `${file}, line ${count}` }
    }
  } catch (cause) {
    if (cause instanceof HieraxError) throw cause
    if (cause instanceof TextError) {
      throw new HieraxError('DATA_INVALID', cause.in(file), { cause })
    }
    if (cause instanceof SyntaxError) {
      const message = `${appearance(text)} (${cause.message}); ${wanted}`
      throw new HieraxError('DATA_INVALID', `${file}, line ${count}: ${message}`, { cause })
    }
    throw fileFault(file, cause, count)
  }
  if (filled === 0) throw invalidLine(file, '', `it is empty; ${wanted}`)
}

/** A line's object, its fields checked one by one. Throws DATA_INVALID by line and field. */
export function checkedLine<T extends z.ZodType>(shape: T, { value, where, notNumbers }: JsonLine): z.infer<T> {
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = fieldName(issue?.path ?? [])
  const message = issue === undefined ? 'it is not valid' : problemOf(issue)
  const written = notNumbers.get(field)
  throw invalidLine(where, field, written === undefined ? message : message.replace(/null$/, written))
}

/** `field` is empty where the line as a whole is at fault. */
export function invalidLine(where: string, field: string, message: string): HieraxError {
  return new HieraxError('DATA_INVALID', `${where}${field === '' ? '' : `, field ${field}`}: ${message}`)
}

/** The text of a file, decompressed if its name ends in `.gz` or it begins as gzip does. */
async function textOf(file: string): Promise<Readable> {
  checkRegular(file)
  const start = await firstBytes(file)
  const isCompressed = gzipMagic.equals(start) || (file.endsWith('.gz') && start.length > 0)
  const raw = createReadStream(file)
  return isCompressed ? pipeline(raw, createGunzip(), () => undefined) : raw
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
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

/** Strings, and what Python writes for numbers that JSON does not have. */
const stringsAndNotNumbers = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g
/** Prefix of a text that represents such a number. */
const mark = '\u0000not a number '

/** JSON of a line, and what Python writes for missing numbers: NaN and Infinity are read as null. */
function parseJson(text: string, line: number): Pick<JsonLine, 'value' | 'notNumbers'> {
  const notNumbers = new Map<string, string>()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const repaired = text.replaceAll(stringsAndNotNumbers, token =>
      token.startsWith('"') ? token : JSON.stringify(mark + token)
    )
    if (repaired === text) throw error
    try {
      value = withoutMarks(JSON.parse(repaired), [], notNumbers)
    } catch {
      throw error
    }
  }
  try {
    checkKeys(text)
  } catch (error) {
    throw new TextError((error as TextError).message, line, { cause: error })
  }
  return { value, notNumbers }
}

/** A value with null in place of the marked texts, which are noted by field. */
function withoutMarks(value: unknown, path: readonly PropertyKey[], notNumbers: Map<string, string>): unknown {
  if (typeof value === 'string' && value.startsWith(mark)) {
    notNumbers.set(fieldName(path), value.slice(mark.length))
    return null
  }
  if (Array.isArray(value)) return value.map((each, at) => withoutMarks(each, [...path, at], notNumbers))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withoutMarks(each, [...path, key], notNumbers)])
  )
}
