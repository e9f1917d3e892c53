import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from '../../../test/support/build.ts'

/** Reports progress on standard error; standard output is only for JSON. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** A folder of the user's cache, for what is installed once and used by later runs. */
export function cacheFolder(name: string): string {
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'hierax', name)
}

/**
 * Builds dist/, then runs `work` with a new cluster and a temporary folder (`hierax-NAME-…`), and removes both. Resolves with the exit
 * code: that of `work`, or 1 if the build fails.
 */
export async function measured<Cluster extends { stop(): Promise<void> }>(
  name: string,
  start: () => Promise<Cluster>,
  work: (cluster: Cluster, folder: string) => Promise<number>
): Promise<number> {
  const log = console.log
  console.log = say
  const built = build()
  console.log = log
  if (!built) return 1
  const cluster = await start()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `hierax-${name}-`))
  try {
    return await work(cluster, folder)
  } finally {
    await cluster.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
