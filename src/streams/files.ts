import { constants, existsSync } from 'node:fs'
import { access, open, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { HieraxError } from '../errors.ts'
import { checkRegular } from '../regular-file.ts'
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

const defaultMaximum = 64 * 1024 * 1024

/**
 * Finds the packets under files (`.avro`, `.avro.gz`, or `.value` with the message key in a `.key` file beside it), folders, archives
 * (`.tar`, `.tar.gz`, `.tgz`) and `-` (one container on standard input). Content that is compressed with gzip is decompressed. The iteration holds one packet at a time. What is wrong with one path (unreadable, too large, a damaged archive) is
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
    if (file.kind === 'archive') {
      const { readArchive } = await import('./archive.ts')
      return yield* readArchive(path, maximum)
    }
    const bytes = file.kind === 'stdin' ? await readBounded(stdin, maximum) : await readPacket(path, maximum)
    const keyFile = keyFileOf(path)
    const key = keyFile !== null && existsSync(keyFile) ? await readPacket(keyFile, maximum) : null
    yield packetOf(path, await decompressed(path, bytes, maximum), key, maximum)
  } catch (cause) {
    yield withoutPacket(path, unreadable('FILE_UNREADABLE', path, cause))
  }
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

/** Whether a file in a folder of packets is read, by its name. */
export function isPacketFile(name: string): boolean {
  return isPacket(name) || isKey(name) || isArchive(name)
}

function isArchive(name: string): boolean {
  return /\.(tar|tar\.gz|tgz)$/i.test(name)
}

/**
 * The files that the user named, in that order; folders are searched recursively, sorted by name, for `.avro`,
 * `.avro.gz` and `.value` files and archives. A file that is named itself is always taken, whatever its name.
 */
async function expandPaths(paths: readonly string[]): Promise<NamedFile[]> {
  if (paths.filter(name => name === '-').length > 1) {
    throw new HieraxError('USAGE', 'standard input (-) is named more than once')
  }
  const files: NamedFile[] = []
  for (const given of paths) {
    // Of a message in two files, users may name either or both.
    const name = isKey(given) && existsSync(valueFileOf(given)) ? valueFileOf(given) : given
    if (name !== given && paths.includes(name)) continue
    const before = files.length
    for await (const file of expand(name)) files.push(file)
    if (files.length > before) continue
    const message = `the folder ${name} holds no .avro, .avro.gz or .value file and no .tar, .tar.gz or .tgz archive`
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
