import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { rounded } from '@hierax/training/light-curves/light-curve.ts'

/** Cost of only receiving packets, or why it was not measured. */
export type Receiving =
  | { readonly alerts: number; readonly microsecondsOfCpuPerAlert: number }
  | { readonly skipped: string }

/**
 * CPU time that a client in C (kcat, with librdkafka) needs to receive the first `alerts` messages of a topic and to drop them: no consumer can need
 * less by much.
 */
export async function receiving(brokers: readonly string[], topic: string, alerts: number): Promise<Receiving> {
  const kcat = ['kcat', '-C', '-q', '-b', brokers.join(','), '-t', topic, '-o', 'beginning', '-c', String(alerts)]
  // The shell's `times` prints its own user and system time, then those of its children.
  const script = '"$@" > /dev/null && times'
  try {
    const { stdout } = await promisify(execFile)('sh', ['-c', script, 'sh', ...kcat], { timeout: 300_000 })
    return { alerts, microsecondsOfCpuPerAlert: rounded((childSeconds(stdout) / alerts) * 1e6, 0) }
  } catch (error) {
    return { skipped: `kcat: ${(error as Error).message.split('\n')[0]}` }
  }
}

/** The time of the children in what `times` printed, user and system, s. */
export function childSeconds(times: string): number {
  const [user, system] = [...(times.trim().split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds)
  )
  if (user === undefined || system === undefined) throw new Error(`times printed ${JSON.stringify(times)}`)
  return user + system
}
