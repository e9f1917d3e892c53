import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { requireAll, root } from '../../support/shared.ts'
import { until } from '../../support/until.ts'

/** Why there is no Prometheus here; false where there is. */
export const prometheusSkip: string | false = (() => {
  const found = ['prometheus', 'promtool'].every(name => spawnSync(name, ['--version']).status === 0)
  if (found) return false
  const reason = 'needs prometheus and promtool (Debian: apt-get install prometheus)'
  if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
  return reason
})()

/** Runs promtool; its output, and whether it was content. */
export function promtool(...args: string[]): { ok: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: root, encoding: 'utf8' })
  return { ok: status === 0, output: `${stdout}${stderr}` }
}

/** A series that a query gave. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
}

/** A real Prometheus on a free port of this machine. */
export class Prometheus {
  readonly #url: string
  readonly #stop: () => Promise<void>

  private constructor(url: string, stop: () => Promise<void>) {
    this.#url = url
    this.#stop = stop
  }

  /** One that scrapes a target every second and evaluates the rules of the project. */
  static async start(folder: string, target: string): Promise<Prometheus> {
    const ours = (name: string) => fs.readFileSync(path.join(root, 'ops/prometheus', name), 'utf8')
    const config = ours('prometheus.yml').replaceAll('15s', '1s').replace('hierax:8080', target)
    // Rules that look back for days too: a group begins up to one interval late.
    fs.writeFileSync(path.join(folder, 'alerts.yml'), ours('alerts.yml').replaceAll(/interval: \d+m/g, 'interval: 1s'))
    return Prometheus.#run(folder, config, [])
  }

  /** One that scrapes nothing, and holds samples (OpenMetrics, with times) that are at most a quarter of an hour apart. */
  static async of(folder: string, samples: string): Promise<Prometheus> {
    const args = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', '--max-block-duration=1536h']
    const { ok, output } = promtool(...args, samples, path.join(folder, 'prometheus'))
    if (!ok) throw new Error(`promtool does not take the samples:\n${output}`)
    return Prometheus.#run(folder, '', ['--storage.tsdb.retention.time=1y', '--query.lookback-delta=16m'])
  }

  static async #run(folder: string, config: string, options: readonly string[]): Promise<Prometheus> {
    const file = path.join(folder, 'prometheus.yml')
    fs.writeFileSync(file, config)
    const address = `127.0.0.1:${await freePort()}`
    const data = path.join(folder, 'prometheus')
    const args = [`--config.file=${file}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${address}`, ...options]
    const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const log: string[] = []
    child.stderr.setEncoding('utf8').on('data', chunk => log.push(chunk))
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
    const ready = async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${log.join('')}`)
      return (await fetch(`http://${address}/-/ready`).catch(() => null))?.ok === true
    }
    await until(ready)
    return new Prometheus(`http://${address}`, async () => {
      child.kill('SIGTERM')
      await ended
    })
  }

  /** An answer of its API. Throws what it says is wrong. */
  async api<T>(route: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${route}?${new URLSearchParams(parameters)}`)
    const body = (await response.json()) as { status: string; error?: string; data: T }
    if (body.status !== 'success') throw new Error(`${route}: ${body.error}`)
    return body.data
  }

  /** What an expression gives now. */
  async query(expression: string): Promise<Series[]> {
    return (await this.api<{ result: Series[] }>('query', { query: expression })).result
  }

  async stop(): Promise<void> {
    await this.#stop()
  }
}
