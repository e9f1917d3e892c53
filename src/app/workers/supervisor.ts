import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import type { Store } from '../../lightcurves/store.ts'
import type { PartState } from '../../service/schema/schemas.ts'
import { type Part, parts } from '../../telemetry/definitions.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { countedBy, type MetricValues } from '../../telemetry/processes.ts'
import { partState } from '../streams.ts'
import { type WorkerEnd, type WorkerEvents, WorkerProcess } from './worker-process.ts'

/** What a supervisor is made with, times in ms. */
export interface SupervisorOptions extends WorkerEvents {
  /** Settings of the service; `workers` is the number of workers. */
  readonly config: Config
  readonly logger: Logger
  /** The store that all workers share, as this process has it. */
  readonly store: Pick<Store, 'trouble'>
  readonly onRestart: () => void
  /** Pause before a worker is restarted; doubled each time up to half a minute. */
  readonly firstPause?: number
  /** A worker that lived so long did not fail at its start. */
  readonly longLife?: number
}

/** Longest pause before a worker is restarted, ms. */
const longestPause = 30_000

/** Early ends in a row after which a worker is reported as failing repeatedly. */
const maxEarlyEnds = 3

/** Time that a worker may take before its first message, ms: it loads models. */
const longestStart = 120_000

/** How often workers are checked, ms. */
const checkEvery = 1000

/** A worker that has sent nothing for so long makes the service not ready, ms. */
const maxSilence = 10_000

/** Time for the last batches of a worker when the service stops, ms: more than it takes for itself. */
const stopTimeout = 30_000

/** Time limit for a worker's response to a request for its state, ms. */
const stateTimeout = 1000

/**
 * Runs the workers of one consumer group on one machine. Workers that end are restarted, at once and then with growing pauses,
 * while the others continue; workers that are stuck are killed.
 */
export class WorkerSupervisor {
  readonly #options: SupervisorOptions
  readonly #workerConfig: Config
  readonly #workers = new Map<number, WorkerProcess>()
  /** Workers that fail repeatedly, and why. */
  readonly #failing = new Map<number, string>()
  /** Counters of workers that have ended. */
  #counted: MetricValues = []
  readonly #stopping = new AbortController()
  #lastCheck = performance.now()
  /** Some worker could read its input. */
  #wasReady = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    const { config } = options
    // This process serves HTTP and drops old objects for all workers.
    this.#workerConfig = { ...config, workers: 1, store: { ...config.store, keepDays: null } }
  }

  /** Keeps all workers running until `stop`. Rejects with CONFIG_INVALID if a worker does and none was ever ready. */
  async run(): Promise<void> {
    const timer = setInterval(() => this.#check(), checkEvery)
    try {
      const { workers } = this.#options.config
      await Promise.all(Array.from({ length: workers }, (_, index) => this.#keepRunning(index + 1)))
    } finally {
      clearInterval(timer)
    }
  }

  /** Lets all workers finish their batches. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#workers.values()].map(worker => worker.stop(stopTimeout)))
  }

  /** Current metrics of every worker, and the counters of those that have ended. */
  async metrics(): Promise<MetricValues[]> {
    const running = [...this.#workers.values()]
    await Promise.all(running.map(worker => worker.refresh(stateTimeout)))
    return [this.#counted, ...running.flatMap(({ state }) => (state ? [state.metrics] : []))]
  }

  /** Whether each part is ready in all running workers. A worker that is just being restarted does not count. */
  readiness(): Readonly<Record<Part, PartState>> {
    const states = [...this.#workers.values()].flatMap(({ state }) => (state ? [state.readiness] : []))
    const all = Object.fromEntries(parts.map(part => [part, worst(states.map(state => state[part]))])) as Record<
      Part,
      PartState
    >
    const store = partState(this.#options.store.trouble())
    const reason = this.#reasonAgainstConsumer()
    return {
      ...all,
      consumer: reason === null ? all.consumer : { ready: false, reason },
      store: store.ready ? all.store : store
    }
  }

  #reasonAgainstConsumer(): string | null {
    if (this.#stopping.signal.aborted) return 'stopping'
    const [failing] = this.#failing
    if (failing) return `worker ${failing[0]} keeps ending: ${failing[1]}`
    const silent = [...this.#workers.values()].find(worker => worker.state !== null && worker.silent > maxSilence)
    return silent ? `worker ${silent.worker} does not answer` : null
  }

  /** A stuck worker is killed and restarted, so this process itself is always alive. */
  liveness(): { readonly ok: boolean; readonly reason: string } {
    const reasons = [...this.#workers.values()].flatMap(({ state }) => (state ? [state.liveness.reason] : []))
    return { ok: true, reason: reasons.find(reason => reason === 'working') ?? reasons[0] ?? 'starting workers' }
  }

  async #keepRunning(worker: number): Promise<void> {
    const { logger, onRestart, longLife = 10_000, firstPause = 200 } = this.#options
    const { signal } = this.#stopping
    for (let earlyEnds = 0; !signal.aborted; onRestart()) {
      const child = new WorkerProcess(worker, this.#workerConfig, this.#options)
      this.#workers.set(worker, child)
      const settled = setTimeout(() => this.#failing.delete(worker), longLife)
      const end = await child.ended
      clearTimeout(settled)
      this.#workers.delete(worker)
      if (child.state) this.#counted = await countedBy(this.#counted, child.state.metrics)
      if (signal.aborted) return
      if (!this.#wasReady && end.error?.code === 'CONFIG_INVALID') throw end.error
      earlyEnds = end.lived < longLife ? earlyEnds + 1 : 1
      const reason = reasonOf(end)
      const pause = Math.min(firstPause * 2 ** (earlyEnds - 1), longestPause)
      const fields = { worker, reason, ...(end.error ? { code: end.error.code } : {}), pause }
      if (earlyEnds >= maxEarlyEnds) {
        this.#failing.set(worker, end.error?.code ?? reason)
        logger.error({ ...fields, times: earlyEnds }, 'a worker ended again soon after its start; restarting it later')
      } else logger.warn(fields, 'a worker ended; restarting it')
      await sleep(pause, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
    }
  }

  /**
   * Kills workers that are stuck. A suspended worker may hold the lock of the store that all share: its end releases it.
   */
  #check(): void {
    const now = performance.now()
    const awake = now - this.#lastCheck < 3 * checkEvery
    this.#lastCheck = now
    // This process itself was suspended, or too busy: messages of workers are still to be read.
    if (!awake) return
    for (const worker of this.#workers.values()) {
      this.#wasReady ||= worker.state?.readiness.consumer.ready === true
      const limit = worker.state === null ? longestStart : this.#options.config.workerTimeout * 1000
      if (worker.state?.liveness.ok !== false && worker.silent <= limit) continue
      const silent = Math.round(worker.silent)
      this.#options.logger.error({ worker: worker.worker, silent }, 'a worker is stuck; killing and restarting it')
      worker.kill()
    }
  }
}

function reasonOf({ exitCode, signal, error }: WorkerEnd): string {
  const how = signal === null ? `exit code ${exitCode}` : signal
  return error === null ? how : `${how}, ${error.message}`
}

/** The first that is not ready; else one that is running rather than one that waits. */
function worst(states: readonly PartState[]): PartState {
  return (
    states.find(({ ready }) => !ready) ??
    states.find(({ reason }) => reason === 'running') ??
    states[0] ?? { ready: false, reason: 'starting workers' }
  )
}
