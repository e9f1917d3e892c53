import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root of the project. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** Folder with real data beside the project; most users do not have it. */
export const shared = path.resolve(root, '../shared')

/** Whether a missing prerequisite must fail a test instead of skipping it (CI). */
export const requireAll = process.env.HIERAX_REQUIRE_ALL === '1'

/**
 * Options for a test that reads the real data: skips it with a message if the folder is missing, unless everything is
 * required.
 */
export function needsShared(): { skip: string | false } {
  if (fs.existsSync(shared)) return { skip: false }
  if (requireAll) throw new Error('HIERAX_REQUIRE_ALL=1, but ../shared (real alerts and light curves) is missing')
  return { skip: 'needs ../shared (real alerts and light curves), which is missing' }
}

/** Files below a folder of ../shared, sorted by name. */
export function sharedFiles(folder: string, ending = '.avro'): string[] {
  const top = path.join(shared, folder)
  return fs
    .readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending))
    .sort()
    .map(name => path.join(top, name))
}
