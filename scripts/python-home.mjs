import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** The Python environments of the tests, by the list of their packages in test/python. */
export const environments = { 'requirements.txt': 'test-python', 'tom-requirements.txt': 'test-tom' }

/** Folder of a Python environment of the tests. */
export function pythonHome(requirements = 'requirements.txt') {
  const cache = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache')
  return path.join(cache, 'hierax', environments[requirements])
}

/** The requirements installed there; null if there is no environment. */
export function stampOf(home) {
  const stamp = path.join(home, 'installed.txt')
  return fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : null
}
