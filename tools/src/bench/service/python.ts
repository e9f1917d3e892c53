import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolder } from '../setup.ts'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../python/', import.meta.url))

/** The Python consumer's throughput, or why it was skipped. */
export type PythonThroughput =
  | { readonly alertsPerSecond: number; readonly alertsPerCpuSecond: number; readonly alerts: number }
  | { readonly skipped: string }

/** Measures a Python consumer that only reads and decodes `alerts` alerts, which a user might write instead. */
export async function pythonConsumer(
  brokers: readonly string[],
  topic: string,
  alerts: number
): Promise<PythonThroughput> {
  const python = await environment()
  if (typeof python !== 'string') return python
  const script = path.join(folder, 'consume.py')
  const { stdout } = await run(python, [script, brokers.join(','), topic, String(alerts)], { timeout: 600_000 })
  const result = JSON.parse(stdout) as { alerts: number; measured: number; seconds: number; cpuSeconds: number }
  return {
    alerts: result.alerts,
    alertsPerSecond: Math.round(result.measured / result.seconds),
    alertsPerCpuSecond: Math.round(result.measured / result.cpuSeconds)
  }
}

/** Python with the libraries, in the user's cache; installed by pip on the first run. */
async function environment(): Promise<string | { skipped: string }> {
  const home = cacheFolder('bench-python')
  const python = path.join(home, 'bin', 'python')
  const requirements = fs.readFileSync(path.join(folder, 'requirements.txt'), 'utf8')
  const stamp = path.join(home, 'installed.txt')
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === requirements) return python
  try {
    await run('python3', ['-m', 'venv', '--clear', home])
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await run(python, [...install, '-r', path.join(folder, 'requirements.txt')], { timeout: 300_000 })
    fs.writeFileSync(stamp, requirements)
    return python
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr || (error as Error).message).trim()
    return { skipped: `no Python with confluent-kafka and fastavro: ${reason.split('\n').at(-1)?.slice(0, 200)}` }
  }
}
