import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { HieraxError } from '../../errors.ts'
import { readArchive } from './archive.ts'
import { readBounded } from './bounded.ts'
import { type FilePacket, tooLarge } from './file-packet.ts'
import { expandPaths, type NamedFile } from './paths.ts'

/** Settings of {@link openPackets}. */
export interface FilePacketOptions {
  /** Longest file or archive member that is read, bytes; 64 MiB unless given. */
  readonly maximumBytes?: number
  /** What `-` reads; the process's standard input unless given. */
  readonly stdin?: Readable
}

/** Packets found under the paths that a user named. */
export interface FilePackets extends AsyncIterable<FilePacket> {
  /** How many packets there are; null where only reading tells (archives). */
  readonly total: number | null
}

const defaultMaximum = 64 * 1024 * 1024

/**
 * Finds the packets under files, folders, archives (`.tar`, `.tar.gz`, `.tgz`) and `-` (one container on standard input).
 * The iteration holds one packet at a time. What is wrong with one path (unreadable, too large, a damaged archive) is
 * yielded in its place as an `error` of kind `alert`, and the rest goes on; a member of an archive has the path
 * `archive.tar!member.avro`.
 *
 * @throws HieraxError INPUT_NOT_FOUND, before anything is read, for a path that is not there or can't be read
 */
export async function openPackets(paths: readonly string[], options: FilePacketOptions = {}): Promise<FilePackets> {
  const files = await expandPaths(paths)
  const maximum = options.maximumBytes ?? defaultMaximum
  const stdin = options.stdin ?? process.stdin
  return {
    total: files.some(file => file.kind === 'archive') ? null : files.length,
    async *[Symbol.asyncIterator]() {
      for (const file of files) yield* readFile(file, maximum, stdin)
    }
  }
}

async function* readFile(file: NamedFile, maximum: number, stdin: Readable): AsyncGenerator<FilePacket> {
  const { path } = file
  if (file.kind === 'archive') return yield* readArchive(path, maximum)
  try {
    const bytes = file.kind === 'stdin' ? await readBounded(stdin, maximum) : await readPacket(path, maximum)
    if (bytes) yield { path, bytes, error: null }
    else yield { path, bytes: null, error: tooLarge(path, maximum) }
  } catch (cause) {
    yield { path, bytes: null, error: unreadable(path, cause) }
  }
}

async function readPacket(path: string, maximum: number): Promise<Uint8Array | null> {
  const handle = await open(path)
  try {
    const found = await handle.stat()
    if (!found.isFile()) return await readBounded(createReadStream(path), maximum)
    return found.size > maximum ? null : await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** The error for a file that could not be read to its end. */
function unreadable(path: string, cause: unknown): HieraxError {
  const code = (cause as NodeJS.ErrnoException).code
  return new HieraxError('FILE_UNREADABLE', `${path} can't be read (${code ?? String(cause)})`, { cause })
}
