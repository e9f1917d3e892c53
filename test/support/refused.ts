import { mock } from 'node:test'
import { run } from '../../src/cli/program.ts'

/**
 * Runs a command in this process, which costs less than one of its own: for arguments or data that it refuses before it starts anything.
 * Returns the exit code and what it wrote to standard error.
 */
export async function runRefused(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  let stderr = ''
  const write = mock.method(process.stderr, 'write', (text: string) => {
    stderr += text
    return true
  })
  try {
    const code = await run(args)
    return { code, stderr }
  } finally {
    write.mock.restore()
  }
}
