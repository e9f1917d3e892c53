import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'

/** Longest line that is read, bytes. */
const longestLine = 64 * 1024 * 1024

/** What is wrong with a text that a user gave. `line` counts from 1; null if the text as a whole is meant. */
export class TextError extends Error {
  readonly line: number | null

  constructor(message: string, line: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TextError'
    this.line = line
  }

  /** The message with its place: `file, line 3: message`. */
  in(file: string): string {
    return `${file}${this.line === null ? '' : `, line ${this.line}`}: ${this.message}`
  }
}

/** Bytes in UTF-8 as text, without a byte order mark. Throws a TextError with line and byte of what is not UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  const text = withoutMark(bytes)
  if (isUtf8(text)) return text.toString('utf8')
  if ([0xfeff, 0xfffe].includes(text.length > 1 ? text.readUInt16BE(0) : 0))
    throw new TextError('it is text in UTF-16; save it as UTF-8')
  const at = firstInvalid(text)
  const before = text.toString('latin1', 0, at).split('\n')
  throw invalidByte(text[at], (before.at(-1) as string).length, before.length)
}

/**
 * The lines of a UTF-8 text without their line feeds and without a byte order mark; the last one is empty if the text ends in a line feed.
 * Throws a TextError for bytes that are not UTF-8, and for a line of more than 64 MiB before it fills the memory.
 */
export async function* linesOf(text: Readable): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let size = 0
  let number = 0
  const next = (): string => {
    const joined = rest.length === 1 ? (rest[0] as Buffer) : Buffer.concat(rest)
    rest = []
    size = 0
    number++
    const line = number === 1 ? withoutMark(joined) : joined
    if (isUtf8(line)) return line.toString('utf8')
    const at = firstInvalid(line)
    throw invalidByte(line[at], at, number)
  }
  for await (const chunk of text) {
    let bytes: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed)) {
      rest.push(bytes.subarray(0, end))
      bytes = bytes.subarray(end + 1)
      yield next()
    }
    rest.push(bytes)
    size += bytes.length
    if (size > longestLine) throw new TextError(`it has more than ${longestLine} bytes`, number + 1)
  }
  yield next()
}

/**
 * The value of a JSON text. Throws a TextError for text that is empty or no JSON, for two equal keys in an object (of which JSON.parse
 * keeps the last silently), and for the key `__proto__`, which objects in JavaScript cannot have like others.
 */
export function jsonOf(text: string): unknown {
  if (text.trim() === '') throw new TextError('it is empty; expected JSON')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const { message } = cause as Error
    const [, position] = /at position (\d+)/.exec(message) ?? []
    throw new TextError(`not JSON: ${message}`, position === undefined ? null : lineAt(text, Number(position)), {
      cause
    })
  }
  checkKeys(text)
  return value
}

/** Braces and strings; a string that a colon follows is a key. */
const bracesAndStrings = /[{}]|("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/g

/** Throws a TextError for two equal keys in an object, and for the key `__proto__`. `text` must be valid JSON. */
export function checkKeys(text: string): void {
  const open: Set<string>[] = []
  for (const { 0: token, 1: string, 2: colon, index } of text.matchAll(bracesAndStrings)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const keys = open.at(-1)
      const key: string = string.includes('\\') ? JSON.parse(string) : string.slice(1, -1)
      if (keys?.has(key)) throw new TextError(`${string} occurs twice; keep one of them`, lineAt(text, index))
      if (key === '__proto__') throw new TextError(`${string} can't be a key; choose another name`, lineAt(text, index))
      keys?.add(key)
    }
  }
}

const lineFeed = 0x0a

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

function withoutMark(bytes: Uint8Array): Buffer {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return all[0] === 0xef && all[1] === 0xbb && all[2] === 0xbf ? all.subarray(3) : all
}

/** Index of the first byte that is not part of UTF-8 text: where a decoder puts the first replacement character of its own. */
function firstInvalid(bytes: Buffer): number {
  const decoded = Buffer.from(bytes.toString('utf8'))
  let at = 0
  while (at < bytes.length && bytes[at] === decoded[at]) at++
  while (((decoded[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}

function invalidByte(byte: number | undefined, at: number, line: number): TextError {
  const shown = `0x${(byte ?? 0).toString(16).padStart(2, '0')}`
  return new TextError(`byte ${at + 1} of the line, ${shown}, is not UTF-8; save the file as UTF-8`, line)
}
