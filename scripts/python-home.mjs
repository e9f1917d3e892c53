import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Folder of the Python environment of the tests. */
export function pythonHome() {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'hierax', 'test-python')
}

/** The requirements installed there; null if there is no environment. */
export function stampOf(home) {
  const stamp = path.join(home, 'installed.txt')
  return fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : null
}
