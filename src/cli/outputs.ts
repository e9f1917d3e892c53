import fs from 'node:fs'
import path from 'node:path'
import { HieraxError } from '../errors.ts'

/** A file or folder, and the option or argument that names it. */
export interface NamedPath {
  readonly name: string
  /** `-` for a standard stream. */
  readonly path: string
}

/** What a command reads. */
export interface InputPath extends NamedPath {
  /** Of a folder: whether a file in it is read, given its path relative to the folder; those directly in it if absent. */
  readonly reads?: (file: string) => boolean
}

/**
 * Refuses outputs by which a command would overwrite what it reads, or two outputs in one file: compared are the files themselves, so
 * that links and other spellings of a path do not matter. Devices such as /dev/null are left out. Throws USAGE.
 */
export function checkOutputs(outputs: readonly NamedPath[], inputs: readonly InputPath[]): void {
  const before = new Map<string, NamedPath>()
  for (const output of outputs) {
    const key = identity(output.path)
    if (key === null) continue
    const other = before.get(key)
    if (other !== undefined) throw same(output, `${other.name} ${other.path}`)
    before.set(key, output)
    const input = inputs.find(each => each.path !== '-' && holds(each, output.path, key))
    if (input !== undefined) {
      const within = fs.statSync(input.path).isDirectory() ? 'a file in ' : ''
      throw same(output, `${within}${input.name} ${input.path}`)
    }
  }
}

/** The paths of an option or argument that takes several, or none. */
export function named(name: string, paths: string | readonly string[] | null | undefined): NamedPath[] {
  return [paths ?? []].flat().map(each => ({ name, path: each }))
}

/** The folder of a store of light curves, by its URL; empty for a store that has none. */
export function storeFolder(name: string, url: string): NamedPath[] {
  return url.startsWith('lmdb:') ? [{ name, path: url.slice('lmdb:'.length) }] : []
}

/** Refuses the file of an option in a folder that does not exist, before work is done for it. Throws USAGE. */
export function checkFolderOf({ name, path: file }: NamedPath): void {
  const folder = path.dirname(file)
  const found = fs.statSync(folder, { throwIfNoEntry: false })
  const fault =
    found === undefined
      ? `the folder ${folder} does not exist`
      : !found.isDirectory()
        ? `${folder} is not a folder`
        : fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()
          ? 'it is a folder'
          : null
  if (fault !== null) throw new HieraxError('USAGE', `${name} ${file} can't be written: ${fault}`)
}

function same({ name, path: file }: NamedPath, other: string): HieraxError {
  return new HieraxError('USAGE', `${name} ${file} would overwrite ${other}: name another file`)
}

/** What tells a file from others: its inode, or where it would be; null for what is no file, or can't be looked at. */
function identity(file: string): string | null {
  if (file === '-') return null
  try {
    const found = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
    if (found === undefined) return path.join(real(path.dirname(file)), path.basename(file))
    return found.isFile() ? `${found.dev} ${found.ino}` : null
  } catch {
    return null
  }
}

function holds({ path: input, reads = inFolder }: InputPath, file: string, key: string): boolean {
  try {
    if (!fs.statSync(input).isDirectory()) return identity(input) === key
    if (!fs.existsSync(file)) return false
    const within = path.relative(real(input), real(file))
    return within !== '' && !within.startsWith('..') && !path.isAbsolute(within) && reads(within)
  } catch {
    // It does not exist, which is reported where it is read.
    return false
  }
}

function inFolder(file: string): boolean {
  return !file.includes(path.sep)
}

/** The path without links; of a path that does not exist, as it is written. */
function real(file: string): string {
  return fs.existsSync(file) ? fs.realpathSync(file) : path.resolve(file)
}
