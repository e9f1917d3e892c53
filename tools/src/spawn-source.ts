import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** Runs a TypeScript program of this checkout in a child process, which loads TypeScript as this one does, with its standard output piped. */
export function spawnSource(
  script: URL,
  args: readonly (string | number)[]
): ChildProcessByStdio<null, Readable, null> {
  const command = [...process.execArgv, fileURLToPath(script), ...args.map(String)]
  return spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
}
