import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { HieraxError } from '../errors.ts'
import { whyUnreadable } from '../regular-file.ts'

/** One packet from disk, or why there is none at this path. */
export type FilePacket =
  | {
      readonly path: string
      readonly bytes: Uint8Array
      /** Its message key: the content of `NAME.key` for a packet `NAME.value`; null if there is none. */
      readonly key: Uint8Array | null
      readonly error: null
    }
  | { readonly path: string; readonly bytes: null; readonly key: null; readonly error: HieraxError }

/** `bytes` is null for a file longer than `maximum`. */
export function packetOf(path: string, bytes: Uint8Array | null, key: Uint8Array | null, maximum: number): FilePacket {
  if (bytes) return { path, bytes, key, error: null }
  return withoutPacket(path, new HieraxError('FILE_TOO_LARGE', `${path} is longer than ${maximum} bytes`))
}

/** Why there is no packet at a path. */
export function withoutPacket(path: string, error: HieraxError): FilePacket {
  return { path, bytes: null, key: null, error }
}

/** True for packets, but not for the hidden companion files that macOS adds to archives (`._x.avro`). */
export function isPacket(name: string): boolean {
  return /\.(avro(\.gz)?|value)$/i.test(name) && !/(^|[/\\])\._[^/\\]*$/.test(name)
}

/** Whether a file holds the key of a message whose value is in another file: `NAME.key` beside `NAME.value`. */
export function isKey(name: string): boolean {
  return /\.key$/i.test(name)
}

/** The name of the file with the value of a message, given that of its key. */
export function valueFileOf(keyFile: string): string {
  return keyFile.replace(/key$/i, ending => (ending === 'KEY' ? 'VALUE' : 'value'))
}

/** The name of the file with the key of a message, given that of its value; null for a packet that is not such a value. */
export function keyFileOf(valueFile: string): string | null {
  return /\.value$/i.test(valueFile) ? valueFile.replace(/value$/i, e => (e === 'VALUE' ? 'KEY' : 'key')) : null
}

/** Reads a stream to its end; null, without keeping what was read, when it is longer than `maximum` bytes. */
export async function readBounded(stream: Readable, maximum: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    length += chunk.length
    if (length > maximum) {
      stream.destroy()
      return null
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const gunzipped = promisify(gunzip)

/** The content of a packet that is compressed with gzip, by its name or first bytes; that of others as it is. Null if it is longer than `maximum`. */
export async function decompressed(
  name: string,
  bytes: Uint8Array | null,
  maximum: number
): Promise<Uint8Array | null> {
  const named = /\.gz$/i.test(name)
  if (bytes === null || (!named && !(bytes[0] === 0x1f && bytes[1] === 0x8b))) return bytes
  try {
    return await gunzipped(bytes, { maxOutputLength: maximum })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null
    throw cause
  }
}

/** The error for a file that cannot be read. */
export function unreadable(code: 'FILE_UNREADABLE' | 'INPUT_NOT_FOUND', what: string, cause: unknown): HieraxError {
  return new HieraxError(code, `${what} can't be read (${whyUnreadable(cause)})`, { cause })
}

/** A note for a file that holds text, such as a table of photometry, in the place of a packet; null for other content. */
export function textNote(path: string, bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1')
  if (!/^(\xef\xbb\xbf)?[\t\n\r\x20-\x7e]{4,}$/.test(start) || start.startsWith('Obj')) return null
  return `${path} holds text, but alerts are Avro packets; for a table of photometry, see \`hierax convert --help\``
}
