import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import type { PartState } from '../../service/schemas.ts'
import { type Part, parts } from '../../telemetry/definitions.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { countedBy, type MetricValues } from '../../telemetry/metrics.ts'
import { type WorkerEnd, WorkerProcess } from './worker-process.ts'

/** What a group is run with, times in ms. */
export interface GroupOptions {
  /** Number of workers. */
  readonly count: number
  /** Settings of each of them. */
  readonly config: Config
  readonly logger: Logger
  readonly onClassifications: (bodies: readonly Record<string, unknown>[]) => void
  readonly onRestart: () => void
  /** Pause before a worker that ended is started again; doubled each time up to the longest. */
  readonly firstPause?: number
  readonly longestPause?: number
  /** A worker that lived so long did not end at once. */
  readonly longLife?: number
}

/** Ends in a row, each soon after the start, after which a worker is said to keep ending. */
const tooOften = 3

/** A worker that has begun is looked for so long before it says anything, ms: it loads models. */
const longestStart = 120_000

/** How often it is looked whether workers answer, ms. */
const watchEvery = 1000

/** A worker of which nothing is heard for so long is told of, ms. */
const quiet = 10_000

/** How long the last batches of a worker may take when the group ends, ms: more than it grants itself. */
const stopTimeout = 30_000

/** How long a worker may take to say how it does, ms. */
const askTimeout = 1000

/**
 * The workers of one consumer group on one machine. Those that end are started again: at once, and later and later where they
 * end again and again, while the others go on.
 */
export class WorkerGroup {
  private readonly options: GroupOptions
  private readonly workers = new Map<number, WorkerProcess>()
  /** Workers that keep ending, and why. */
  private readonly hopeless = new Map<number, string>()
  /** What workers counted that are no more. */
  private counted: MetricValues = []
  private readonly stopping = new AbortController()
  private watched = performance.now()

  constructor(options: GroupOptions) {
    this.options = options
  }

  /** Keeps all workers running until `stop`. */
  async run(): Promise<void> {
    const { count } = this.options
    const watch = setInterval(() => this.watch(), watchEvery)
    try {
      await Promise.all(Array.from({ length: count }, (_, index) => this.keep(index + 1)))
    } finally {
      clearInterval(watch)
    }
  }

  /** Lets all workers finish. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await Promise.all([...this.workers.values()].map(worker => worker.stop(stopTimeout)))
  }

  /** Metrics of every worker as they are now, and what those counted that are no more. */
  async metrics(): Promise<MetricValues[]> {
    const running = [...this.workers.values()]
    await Promise.all(running.map(worker => worker.refresh(askTimeout)))
    return [this.counted, ...running.flatMap(({ state }) => (state ? [state.metrics] : []))]
  }

  /** Whether each part is ready in all workers that run; one that is just being started again is no fault of the group. */
  readiness(): Readonly<Record<Part, PartState>> {
    const states = [...this.workers.values()].flatMap(({ state }) => (state ? [state.readiness] : []))
    const [hopeless] = this.hopeless
    const all = Object.fromEntries(parts.map(part => [part, worst(states.map(state => state[part]))])) as Record<
      Part,
      PartState
    >
    if (hopeless)
      return { ...all, consumer: { ready: false, reason: `worker ${hopeless[0]} keeps ending: ${hopeless[1]}` } }
    const silent = [...this.workers.values()].find(worker => worker.state !== null && worker.silent > quiet)
    if (!silent) return all
    return { ...all, consumer: { ready: false, reason: `worker ${silent.worker} does not answer` } }
  }

  /** A worker that is stuck is ended and started again, so the group itself always lives. */
  liveness(): { readonly ok: boolean; readonly reason: string } {
    const reasons = [...this.workers.values()].flatMap(({ state }) => (state ? [state.liveness.reason] : []))
    return { ok: true, reason: reasons.find(reason => reason === 'working') ?? reasons[0] ?? 'starting workers' }
  }

  /** Keeps one worker running. */
  private async keep(worker: number): Promise<void> {
    const { config, logger, onClassifications, onRestart, longLife = 10_000 } = this.options
    const { firstPause = 200, longestPause = 30_000 } = this.options
    for (let early = 0; !this.stopping.signal.aborted; onRestart()) {
      const child = new WorkerProcess(worker, config, onClassifications)
      this.workers.set(worker, child)
      const settled = setTimeout(() => this.hopeless.delete(worker), longLife)
      const end = await child.ended
      clearTimeout(settled)
      this.workers.delete(worker)
      if (child.state) this.counted = await countedBy(this.counted, child.state.metrics)
      if (this.stopping.signal.aborted) return
      early = end.lived < longLife ? early + 1 : 1
      const reason = reasonOf(end)
      const pause = Math.min(firstPause * 2 ** (early - 1), longestPause)
      const fields = { worker, reason, ...(end.error ? { code: end.error.code } : {}), pause }
      if (early >= tooOften) {
        this.hopeless.set(worker, end.error?.code ?? reason)
        logger.error({ ...fields, times: early }, 'a worker ends again and again; it is started again later')
      } else logger.warn(fields, 'a worker ended; it is started again')
      await sleep(pause, undefined, { signal: this.stopping.signal }).catch(() => {})
      if (this.stopping.signal.aborted) return
    }
  }

  /**
   * Ends workers that are stuck. One that was stopped may hold the lock of the store that all share: its end frees it.
   */
  private watch(): void {
    const now = performance.now()
    const awake = now - this.watched < 3 * watchEvery
    this.watched = now
    // This process was stopped itself, or had no turn: what workers said meanwhile is still to be read.
    if (!awake) return
    for (const worker of this.workers.values()) {
      const limit = worker.state === null ? longestStart : this.options.config.workerTimeout * 1000
      if (worker.state?.liveness.ok !== false && worker.silent <= limit) continue
      const silent = Math.round(worker.silent)
      this.options.logger.error({ worker: worker.worker, silent }, 'a worker is stuck; ended')
      worker.kill()
    }
  }
}

function reasonOf({ exitCode, signal, error }: WorkerEnd): string {
  const how = signal === null ? `exit code ${exitCode}` : signal
  return error === null ? how : `${how}, ${error.message}`
}

/** The first that is not ready; else one that runs rather than one that waits. */
function worst(states: readonly PartState[]): PartState {
  return (
    states.find(({ ready }) => !ready) ??
    states.find(({ reason }) => reason === 'running') ??
    states[0] ?? { ready: false, reason: 'starting workers' }
  )
}
