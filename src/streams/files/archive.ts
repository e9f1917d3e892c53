import { createReadStream } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { HieraxError } from '../../errors.ts'
import { readBounded } from './bounded.ts'
import { type FilePacket, tooLarge } from './file-packet.ts'
import { isGzipped, isPacket } from './paths.ts'

/**
 * The packets of a tar archive, in the archive's order: every regular member named `*.avro`, one in memory at a time. An
 * archive that turns out damaged yields what could be read of it, then an ARCHIVE_INVALID error.
 *
 * @param maximum longest member that is read, bytes
 */
export async function* readArchive(path: string, maximum: number): AsyncGenerator<FilePacket> {
  const archive = extract()
  const content = new Content(path)
  pipeline(content.chunks(), archive, () => undefined)
  let packets = 0
  try {
    for await (const entry of archive) {
      const packet = await readMember(path, entry as unknown as Readable & { header: Header }, maximum)
      if (!packet) continue
      packets += 1
      yield packet
    }
    if (content.failure) throw content.failure
    if (packets === 0)
      yield { path, bytes: null, error: new HieraxError('ARCHIVE_INVALID', `${path} holds no .avro file`) }
  } catch (cause) {
    yield { path, bytes: null, error: damaged(path, packets, content.failure ?? cause) }
  } finally {
    archive.destroy()
  }
}

/**
 * The bytes of an archive, decompressed. A failure ends them and is kept for later: raised at once it would overtake
 * members that came before it and are not read yet.
 */
class Content {
  readonly #path: string
  failure: unknown = null

  constructor(path: string) {
    this.#path = path
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const file = createReadStream(this.#path)
    try {
      yield* isGzipped(this.#path) ? pipeline(file, createGunzip(), () => undefined) : file
    } catch (cause) {
      this.failure = cause
    } finally {
      file.destroy()
    }
  }
}

/** One member's packet; null for members that are none. Leaves the entry drained, as the archive's loop requires. */
async function readMember(
  archive: string,
  entry: Readable & { header: Header },
  maximum: number
): Promise<FilePacket | null> {
  const { name, type, size } = entry.header
  const path = `${archive}!${name}`
  if (type !== 'file' || !isPacket(name)) {
    entry.resume()
    return null
  }
  if ((size ?? 0) > maximum) {
    entry.resume()
    return { path, bytes: null, error: tooLarge(path, maximum) }
  }
  const bytes = await readBounded(entry, maximum)
  return bytes ? { path, bytes, error: null } : { path, bytes: null, error: tooLarge(path, maximum) }
}

function damaged(path: string, packets: number, cause: unknown): HieraxError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code?.startsWith('E')) return new HieraxError('FILE_UNREADABLE', `${path} can't be read (${code})`, { cause })
  const why = cause instanceof Error ? cause.message : String(cause)
  return new HieraxError('ARCHIVE_INVALID', `${path} is damaged after ${packets} packets (${why})`, { cause })
}
