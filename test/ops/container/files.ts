import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import untyped from '@balena/dockerignore'
import { root } from '../../support/shared.ts'

// Its types tell of a `default` that the module does not have.
const dockerignore = untyped as unknown as typeof untyped.default

/** Text of a file of the project. */
export const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8')

/**
 * Files that a build sees in a fresh clone: what git tracks, less what .dockerignore leaves out. Null outside of a git
 * checkout.
 */
export function buildContext(): string[] | null {
  const ignored = dockerignore().add(read('.dockerignore'))
  return trackedFiles()?.filter(file => !ignored.ignores(file)) ?? null
}

/** Files that git tracks and that are there; null outside of a git checkout. */
export function trackedFiles(): string[] | null {
  if (!fs.existsSync(path.join(root, '.git'))) return null
  const output = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
  return output.split('\0').filter(file => file !== '' && fs.existsSync(path.join(root, file)))
}

/** Whether `source` of a COPY is one of the files or a folder that holds some. */
export function holds(files: readonly string[], source: string): boolean {
  const wanted = path.posix.normalize(source).replace(/\/$/, '')
  return files.some(file => file === wanted || file.startsWith(`${wanted}/`))
}
