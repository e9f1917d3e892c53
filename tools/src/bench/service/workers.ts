import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceProcess, total } from '../../../../test/support/service.ts'
import type { Cluster } from './cluster.ts'
import { idleRecorder, idleShare } from './idle-share.ts'
import { ProcessMeter } from './process-meter.ts'

const recorder = new URL('../profile/recorder.mjs', import.meta.url).href

/** A built service. */
export interface Build {
  /** The file of its command line. */
  readonly main: string
  /** The settings that it knows, as environment variables; others are not given to it. */
  readonly settings: ReadonlySet<string>
}

export interface WorkersOptions {
  /** Default: this checkout's. */
  readonly build?: Build
  /** Further settings, as environment variables. */
  readonly settings?: Readonly<Record<string, string>>
  readonly cluster: Cluster
  readonly count: number
  readonly inputs: readonly string[]
  readonly output: string
  /** Folder of the store. */
  readonly store: string
  /** Folder for CPU profiles. */
  readonly profile?: string
}

/** Metrics summed over all workers, by name and labels. */
export type Metrics = ReadonlyMap<string, number>

/** The consumer group of the processes that write to an output topic. */
export function groupOf(output: string): string {
  return `group-of-${output}`
}

/** The built service: one or more processes of one group on one store. */
export class Workers {
  readonly #processes: readonly ServiceProcess[]
  readonly #meters: readonly ProcessMeter[]
  readonly #cluster: Cluster
  readonly #output: string
  readonly #idleFiles: readonly string[]

  private constructor(options: WorkersOptions, processes: readonly ServiceProcess[], idleFiles: readonly string[]) {
    this.#idleFiles = idleFiles
    this.#cluster = options.cluster
    this.#output = options.output
    this.#processes = processes
    this.#meters = processes.map(({ child }) => new ProcessMeter(child.pid ?? 0))
  }

  /** Creates the output topic (LogAppendTime) and starts the processes. */
  static async start(options: WorkersOptions): Promise<Workers> {
    const { cluster, count, inputs, output, store, profile, build } = options
    await cluster.tools.topic(output, { partitions: 4, config: { 'message.timestamp.type': 'LogAppendTime' } })
    const settings: Record<string, string> = {
      HIERAX_INPUT_BROKERS: cluster.brokers.join(','),
      HIERAX_INPUT_TOPICS: inputs.join(','),
      HIERAX_INPUT_GROUP: groupOf(output),
      HIERAX_INPUT_BACKLOG: 'together',
      HIERAX_OUTPUT_CLASSIFICATIONS: output,
      HIERAX_OUTPUT_DEAD_LETTERS: `${output}.dead-letters`,
      HIERAX_STORE_URL: `lmdb:${store}`,
      ...options.settings
    }
    for (const name of Object.keys(settings)) if (build && !build.settings.has(name)) delete settings[name]
    const preloads = [idleRecorder, ...(profile ? [recorder] : [])]
    settings.NODE_OPTIONS = preloads.map(preload => `--import=${preload}`).join(' ')
    if (profile) settings.BENCH_PROFILE = profile
    const idleFiles = Array.from({ length: count }, (_, index) => `${store}-${index}.idle`)
    const starts = idleFiles.map(file => ServiceProcess.start({ ...settings, BENCH_IDLE: file }, false, build?.main))
    return new Workers(options, await Promise.all(starts), idleFiles)
  }

  /** Waits until the output topic has `alerts` messages and the workers have counted as many alerts. */
  async answered(alerts: number, limitMs = 600_000): Promise<Metrics> {
    for (const began = Date.now(); ; await sleep(100)) {
      const { total: messages } = await this.#cluster.tools.offsets(this.#output)
      if (messages >= alerts) {
        const metrics = await this.metrics()
        if (total(metrics, 'hierax_alerts_consumed_total') >= alerts) return metrics
      }
      for (const { child, log } of this.#processes) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`The service exited:\n${log}`)
      }
      if (Date.now() - began > limitMs) throw new Error(`${messages} of ${alerts} messages after ${limitMs / 1000} s`)
    }
  }

  /** Current metrics, summed over the workers. */
  async metrics(): Promise<Metrics> {
    const sums = new Map<string, number>()
    for (const process of this.#processes) {
      for (const [name, value] of await process.metrics()) sums.set(name, (sums.get(name) ?? 0) + value)
    }
    return sums
  }

  /** Alerts that each of the workers has processed. */
  consumed(): Promise<number[]> {
    return Promise.all(
      this.#processes.map(async process => total(await process.metrics(), 'hierax_alerts_consumed_total'))
    )
  }

  /** Process ids. */
  pids(): number[] {
    return this.#processes.map(({ child }) => child.pid ?? 0)
  }

  /** CPU time of all workers between two moments (epoch ms), seconds. */
  cpuSeconds(from: number, to: number): number | null {
    return this.#meters.reduce<number | null>((sum, meter) => {
      const own = meter.cpuSeconds(from, to)
      return sum === null || own === null ? null : sum + own
    }, 0)
  }

  /** Share of the time between two moments (epoch ms) in which the main threads waited, 0–1. */
  idleShare(from: number, to: number): number | null {
    const shares = this.#idleFiles.map(file => idleShare(file, from, to))
    return shares.reduce((sum, share) => (sum === null || share === null ? null : sum + share / shares.length), 0)
  }

  /** Peak resident memory of any worker, MB. */
  peakMegabytes(): number | null {
    const peaks = this.#meters.map(meter => meter.peakBytes())
    return peaks.some(peak => peak === null) ? null : Math.round(Math.max(...peaks.map(peak => peak ?? 0)) / 1e6)
  }

  /** Stops the workers gracefully; false if one did not exit with 0. */
  async stop(): Promise<boolean> {
    for (const meter of this.#meters) meter.stop()
    const codes = await Promise.all(this.#processes.map(process => process.end()))
    return codes.every(code => code === 0)
  }
}
