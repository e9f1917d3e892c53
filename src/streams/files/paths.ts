import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { HieraxError } from '../../errors.ts'

/** What a file is to us: an archive of packets, or one packet. */
type FileKind = 'archive' | 'packet' | 'stdin'

/** One file to read. */
export interface NamedFile {
  /** As the user would write it: `-` for standard input. */
  readonly path: string
  readonly kind: FileKind
}

const archiveName = /\.(tar|tar\.gz|tgz)$/i
const gzipName = /\.(tar\.gz|tgz)$/i

/** True for names of archives that are read member by member: `.tar`, `.tar.gz`, `.tgz`. */
function isArchive(name: string): boolean {
  return archiveName.test(name)
}

/** True for names of gzip-compressed archives. */
export function isGzipped(name: string): boolean {
  return gzipName.test(name)
}

/** True for names of packets; the hidden companions that macOS adds to archives (`._x.avro`) are none. */
export function isPacket(name: string): boolean {
  return /\.avro$/i.test(name) && !path.basename(name).startsWith('._')
}

/**
 * Turns what the user named into files, in the order named; folders are read recursively, sorted by name, for `.avro` files
 * and archives. A file that is named itself is always taken, whatever its name.
 *
 * @throws HieraxError INPUT_NOT_FOUND for a path that is missing or unreadable or a folder without packets; USAGE when
 * standard input is named twice
 */
export async function expandPaths(paths: readonly string[]): Promise<NamedFile[]> {
  if (paths.filter(name => name === '-').length > 1) {
    throw new HieraxError('USAGE', 'standard input (-) is named more than once')
  }
  const files: NamedFile[] = []
  for (const name of paths) files.push(...(await expand(name)))
  return files
}

async function expand(name: string): Promise<NamedFile[]> {
  if (name === '-') return [{ path: name, kind: 'stdin' }]
  const found = await readable(name)
  if (!found.isDirectory()) return [{ path: name, kind: isArchive(name) ? 'archive' : 'packet' }]
  const files: NamedFile[] = []
  for await (const file of walk(name)) files.push(file)
  if (files.length === 0) {
    throw new HieraxError(
      'INPUT_NOT_FOUND',
      `the folder ${name} holds no .avro file and no .tar, .tar.gz or .tgz archive`
    )
  }
  return files
}

async function readable(name: string) {
  try {
    const found = await stat(name)
    await access(name, constants.R_OK)
    return found
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `can't be read (${code ?? cause})`
    throw new HieraxError('INPUT_NOT_FOUND', `${name} ${why}`, { cause })
  }
}

async function* walk(folder: string): AsyncGenerator<NamedFile> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(cause => {
    throw new HieraxError('INPUT_NOT_FOUND', `the folder ${folder} can't be read (${cause.code ?? cause})`, { cause })
  })
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  for (const entry of entries) {
    const name = path.join(folder, entry.name)
    // Links to folders are not followed: they may lead in circles.
    if (entry.isDirectory()) yield* walk(name)
    else if (!entry.isFile() && !entry.isSymbolicLink()) continue
    else if (isPacket(entry.name)) yield { path: name, kind: 'packet' }
    else if (isArchive(entry.name)) yield { path: name, kind: 'archive' }
  }
}
