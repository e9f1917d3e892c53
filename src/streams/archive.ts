import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Extract, extract, type Header } from 'tar-stream'
import { HieraxError } from '../errors.ts'
import {
  decompressed,
  type FilePacket,
  isKey,
  isPacket,
  keyFileOf,
  packetOf,
  readBounded,
  unreadable,
  valueFileOf,
  withoutPacket
} from './file-packet.ts'

/**
 * The packets of a tar archive, in the archive's order: every regular member named `*.avro`, `*.avro.gz` or `*.value`, one in memory at
 * a time. A value waits for its key if that comes later. An archive that turns out damaged yields what could be read of it, then an
 * ARCHIVE_INVALID error.
 *
 * @param maximum longest member that is read, bytes; also of all values and keys that wait for each other
 */
export async function* readArchive(path: string, maximum: number): AsyncGenerator<FilePacket> {
  // A failure ends the bytes and is kept for later: thrown at once it would overtake members that are not read yet.
  let failure: unknown = null
  async function* content(): AsyncGenerator<Uint8Array> {
    const file = createReadStream(path)
    try {
      yield* /gz$/i.test(path) ? pipeline(file, createGunzip(), () => undefined) : file
    } catch (cause) {
      failure = cause
    } finally {
      file.destroy()
    }
  }
  const archive = extract()
  pipeline(content(), archive, () => undefined)
  let packets = 0
  try {
    for await (const packet of withKeys(readMembers(path, archive, maximum), maximum)) {
      packets += 1
      yield packet
    }
    if (failure) throw failure
    if (packets === 0)
      yield withoutPacket(path, new HieraxError('ARCHIVE_INVALID', `${path} holds no .avro, .avro.gz or .value file`))
  } catch (cause) {
    yield withoutPacket(path, damaged(path, packets, failure ?? cause))
  } finally {
    archive.destroy()
  }
}

async function* readMembers(path: string, archive: Extract, maximum: number): AsyncGenerator<FilePacket> {
  for await (const entry of archive) {
    const packet = await readMember(path, entry as unknown as Readable & { header: Header }, maximum)
    if (packet) yield packet
  }
}

/** Gives values their keys, whichever comes first. Those that wait take up at most `maximum` bytes; a value may go on without its key. */
async function* withKeys(members: AsyncIterable<FilePacket>, maximum: number): AsyncGenerator<FilePacket> {
  const keys = new Map<string, Uint8Array>()
  const values = new Map<string, FilePacket & { readonly error: null }>()
  let waiting = 0
  let failure: unknown = null
  try {
    for await (const member of members) {
      const { path, bytes, error } = member
      if (error) yield member
      else if (isKey(path)) {
        const value = values.get(valueFileOf(path))
        if (value) {
          values.delete(value.path)
          waiting -= value.bytes.length
          yield { ...value, key: bytes }
        } else if (waiting + bytes.length <= maximum) {
          keys.set(path, bytes)
          waiting += bytes.length
        }
      } else {
        const keyFile = keyFileOf(path)
        const key = keyFile === null ? undefined : keys.get(keyFile)
        if (keyFile !== null && key === undefined && waiting + bytes.length <= maximum) {
          values.set(path, member)
          waiting += bytes.length
        } else {
          if (keyFile !== null && keys.delete(keyFile)) waiting -= key?.length ?? 0
          yield { ...member, key: key ?? null }
        }
      }
    }
  } catch (cause) {
    failure = cause
  }
  yield* values.values()
  if (failure !== null) throw failure
}

/** One member's packet, or a key; null for other members. Leaves the entry drained, as the archive's loop requires. */
async function readMember(
  archive: string,
  entry: Readable & { header: Header },
  maximum: number
): Promise<FilePacket | null> {
  const { name, type, size } = entry.header
  const path = `${archive}!${name}`
  if (type !== 'file' || !(isPacket(name) || isKey(name))) {
    entry.resume()
    return null
  }
  if ((size ?? 0) > maximum) {
    entry.resume()
    return packetOf(path, null, null, maximum)
  }
  const bytes = await readBounded(entry, maximum)
  try {
    return packetOf(path, await decompressed(name, bytes, maximum), null, maximum)
  } catch (cause) {
    return withoutPacket(path, unreadable('FILE_UNREADABLE', path, cause))
  }
}

function damaged(path: string, packets: number, cause: unknown): HieraxError {
  if ((cause as NodeJS.ErrnoException).code?.startsWith('E')) return unreadable('FILE_UNREADABLE', path, cause)
  const why = cause instanceof Error ? cause.message : String(cause)
  return new HieraxError('ARCHIVE_INVALID', `${path} is damaged after ${packets} packets (${why})`, { cause })
}
