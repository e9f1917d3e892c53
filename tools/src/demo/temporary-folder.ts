import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** A folder that does not outlive the process. */
export interface TemporaryFolder {
  readonly path: string
  /** Removes it with all that is in it. */
  remove(): Promise<void>
}

/**
 * Makes a folder that is removed by `remove`, or else when the process ends, however that happens: a shell waits for our
 * end of a pipe to close, which even SIGKILL does.
 *
 * @param prefix first part of its name
 */
export function temporaryFolder(prefix: string): TemporaryFolder {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), prefix))
  const removeNow = () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.once('exit', removeNow)
  const shell = spawn('sh', ['-c', 'read -r _; rm -rf "$1"', 'sh', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true // Ctrl-C must not reach it
  })
  const ended = once(shell, 'exit').catch(() => {}) // where there is no such shell, the two others must do
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
