import { constants, createReadStream } from 'node:fs'
import { access, open, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, gunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { HieraxError } from '../errors.ts'
import { checkRegular } from '../regular-file.ts'

/** One packet from disk, or why there is none at this path. */
export type FilePacket =
  | { readonly path: string; readonly bytes: Uint8Array; readonly error: null }
  | { readonly path: string; readonly bytes: null; readonly error: HieraxError }

interface NamedFile {
  /** As the user would write it: `-` for standard input. */
  readonly path: string
  readonly kind: 'archive' | 'packet' | 'stdin'
}

/** Settings of {@link openPackets}. */
export interface FilePacketOptions {
  /** Longest file or archive member that is read, bytes; 64 MiB unless given. */
  readonly maximumBytes?: number
  /** What `-` reads; the process's standard input unless given. */
  readonly stdin?: Readable
}

/** Packets found under the paths that a user named. */
export interface FilePackets extends AsyncIterable<FilePacket> {
  /** How many packets there are; null when only reading tells (archives). */
  readonly total: number | null
}

const gunzipped = promisify(gunzip)

const defaultMaximum = 64 * 1024 * 1024

/**
 * Finds the packets under files (`.avro`, or `.avro.gz`), folders, archives (`.tar`, `.tar.gz`, `.tgz`) and `-` (one container on standard input).
 * The iteration holds one packet at a time. What is wrong with one path (unreadable, too large, a damaged archive) is
 * yielded in its place as an `error` of kind `alert`, and reading continues; a member of an archive has the path
 * `archive.tar!member.avro`.
 *
 * @throws {HieraxError} INPUT_NOT_FOUND, before anything is read, for a path that is missing, unreadable or a folder
 * without packets; USAGE when standard input is named twice
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
  try {
    if (file.kind !== 'stdin') checkRegular(path)
    if (file.kind === 'archive') return yield* readArchive(path, maximum)
    const bytes = file.kind === 'stdin' ? await readBounded(stdin, maximum) : await readPacket(path, maximum)
    yield packetOf(path, await decompressed(path, bytes, maximum), maximum)
  } catch (cause) {
    yield { path, bytes: null, error: unreadable('FILE_UNREADABLE', path, cause) }
  }
}

/** `bytes` is null for a file longer than `maximum`. */
function packetOf(path: string, bytes: Uint8Array | null, maximum: number): FilePacket {
  if (bytes) return { path, bytes, error: null }
  return { path, bytes, error: new HieraxError('FILE_TOO_LARGE', `${path} is longer than ${maximum} bytes`) }
}

async function readPacket(path: string, maximum: number): Promise<Uint8Array | null> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    return size > maximum ? null : await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Reads a stream to its end; null, without keeping what was read, when it is longer than `maximum` bytes. */
async function readBounded(stream: Readable, maximum: number): Promise<Uint8Array | null> {
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

/**
 * The packets of a tar archive, in the archive's order: every regular member named `*.avro` or `*.avro.gz`, one in memory at a time. An
 * archive that turns out damaged yields what could be read of it, then an ARCHIVE_INVALID error.
 *
 * @param maximum longest member that is read, bytes
 */
async function* readArchive(path: string, maximum: number): AsyncGenerator<FilePacket> {
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
    for await (const entry of archive) {
      const packet = await readMember(path, entry as unknown as Readable & { header: Header }, maximum)
      if (!packet) continue
      packets += 1
      yield packet
    }
    if (failure) throw failure
    if (packets === 0)
      yield { path, bytes: null, error: new HieraxError('ARCHIVE_INVALID', `${path} holds no .avro or .avro.gz file`) }
  } catch (cause) {
    yield { path, bytes: null, error: damaged(path, packets, failure ?? cause) }
  } finally {
    archive.destroy()
  }
}

/** One member's packet; null for other members. Leaves the entry drained, as the archive's loop requires. */
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
    return packetOf(path, null, maximum)
  }
  const bytes = await readBounded(entry, maximum)
  try {
    return packetOf(path, await decompressed(name, bytes, maximum), maximum)
  } catch (cause) {
    return { path, bytes: null, error: unreadable('FILE_UNREADABLE', path, cause) }
  }
}

function damaged(path: string, packets: number, cause: unknown): HieraxError {
  if ((cause as NodeJS.ErrnoException).code?.startsWith('E')) return unreadable('FILE_UNREADABLE', path, cause)
  const why = cause instanceof Error ? cause.message : String(cause)
  return new HieraxError('ARCHIVE_INVALID', `${path} is damaged after ${packets} packets (${why})`, { cause })
}

function unreadable(code: 'FILE_UNREADABLE' | 'INPUT_NOT_FOUND', what: string, cause: unknown): HieraxError {
  const why = (cause as NodeJS.ErrnoException).code ?? (cause instanceof Error ? cause.message : String(cause))
  return new HieraxError(code, `${what} can't be read (${why})`, { cause })
}

function isArchive(name: string): boolean {
  return /\.(tar|tar\.gz|tgz)$/i.test(name)
}

/** The content of a packet that is compressed with gzip, by its name; that of others as it is. Null if it is longer than `maximum`. */
async function decompressed(name: string, bytes: Uint8Array | null, maximum: number): Promise<Uint8Array | null> {
  if (bytes === null || !/\.gz$/i.test(name)) return bytes
  try {
    return await gunzipped(bytes, { maxOutputLength: maximum })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null
    throw cause
  }
}

/** True for packets, but not for the hidden companion files that macOS adds to archives (`._x.avro`). */
function isPacket(name: string): boolean {
  return /\.avro(\.gz)?$/i.test(name) && !path.basename(name).startsWith('._')
}

/**
 * The files that the user named, in that order; folders are searched recursively, sorted by name, for `.avro` and
 * `.avro.gz` files and archives. A file that is named itself is always taken, whatever its name.
 */
async function expandPaths(paths: readonly string[]): Promise<NamedFile[]> {
  if (paths.filter(name => name === '-').length > 1) {
    throw new HieraxError('USAGE', 'standard input (-) is named more than once')
  }
  const files: NamedFile[] = []
  for (const name of paths) {
    const before = files.length
    for await (const file of expand(name)) files.push(file)
    if (files.length > before) continue
    const message = `the folder ${name} holds no .avro or .avro.gz file and no .tar, .tar.gz or .tgz archive`
    throw new HieraxError('INPUT_NOT_FOUND', message)
  }
  return files
}

async function* expand(name: string): AsyncGenerator<NamedFile> {
  if (name === '-') yield { path: name, kind: 'stdin' }
  else if (await isFolder(name)) yield* walk(name)
  else yield { path: name, kind: isArchive(name) ? 'archive' : 'packet' }
}

/** Throws INPUT_NOT_FOUND when the path is missing or unreadable. */
async function isFolder(name: string): Promise<boolean> {
  try {
    const found = await stat(name)
    await access(name, constants.R_OK)
    if (found.isDirectory()) return true
    checkRegular(name)
    return false
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new HieraxError('INPUT_NOT_FOUND', `${name} does not exist`, { cause })
    throw unreadable('INPUT_NOT_FOUND', name, cause)
  }
}

async function* walk(folder: string): AsyncGenerator<NamedFile> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(cause => {
    throw unreadable('INPUT_NOT_FOUND', `the folder ${folder}`, cause)
  })
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  for (const entry of entries) {
    const name = path.join(folder, entry.name)
    // Links to folders are not followed: they may be circular.
    if (entry.isDirectory()) yield* walk(name)
    else if (!entry.isFile() && !entry.isSymbolicLink()) continue
    else if (isPacket(entry.name)) yield { path: name, kind: 'packet' }
    else if (isArchive(entry.name)) yield { path: name, kind: 'archive' }
  }
}
