import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { root } from '../support/shared.ts'

/** What a run of the command line left. */
export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `hierax` from the sources. */
export async function hierax(
  args: readonly string[],
  options: { input?: Uint8Array; env?: NodeJS.ProcessEnv } = {}
): Promise<CommandResult> {
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', 'src/cli/main.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...options.env }
  })
  const code = new Promise<number | null>(resolve => child.once('close', resolve))
  child.stdin.end(options.input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, stdout, stderr }
}
