import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** A folder that is removed when the process ends. */
export interface TemporaryFolder {
  readonly path: string
  /** Removes the folder and its contents. */
  remove(): Promise<void>
}

/**
 * Creates a folder that is removed by `remove`, or when the process ends, even by SIGKILL: a shell waits for this process's end of
 * a pipe to close.
 *
 * @param prefix of the folder's name
 */
export function temporaryFolder(prefix: string): TemporaryFolder {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), prefix))
  const removeNow = () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.once('exit', removeNow)
  const shell = spawn('sh', ['-c', 'read -r _; rm -rf "$1"', 'sh', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true // so that Ctrl-C does not end it
  })
  const ended = once(shell, 'exit').catch(() => {}) // without such a shell, `remove` and the exit handler remain
  shell.stdin.once('error', () => {})
  shell.unref()
  return {
    path: folder,
    async remove() {
      process.off('exit', removeNow)
      shell.stdin.end()
      shell.ref()
      await ended
      removeNow()
    }
  }
}
