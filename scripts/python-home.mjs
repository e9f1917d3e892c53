import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** Where the tests' Python lives. */
export function pythonHome() {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'hierax', 'test-python')
}

/** The requirements that are installed there; null where there are none. */
export function stampOf(home) {
  const stamp = path.join(home, 'installed.txt')
  return fs.existsSync(stamp) ? fs.readFileSync(stamp, 'utf8') : null
}
