import type { HieraxError } from '../errors.ts'
import type { Store } from '../lightcurves/store.ts'
import { diskTrouble } from '../lightcurves/stores/disk.ts'
import type { ServicePorts } from '../service/ports.ts'
import { partState, type Streams } from './streams.ts'

/** A failed write that is older (ms) is ignored: failed writes are retried every ten seconds. */
const writeMemory = 60_000

/** What health depends on. */
export interface HealthDeps {
  readonly streams: Pick<Streams, 'health'>
  readonly store: Pick<Store, 'trouble' | 'lost'>
}

/** Answers the readiness and liveness probes of a process that runs the pipeline. */
export class Health {
  readonly #streams: HealthDeps['streams']
  readonly #store: HealthDeps['store']
  readonly #stalls: StallDetector
  /** The last write to the store, if it failed. */
  #failedWrite: { reason: string; at: number } | null = null
  #stopping = false
  #inFlight = 0

  constructor({ streams, store }: HealthDeps) {
    this.#streams = streams
    this.#store = store
    this.#stalls = new StallDetector(() => ({
      inFlight: this.#inFlight > 0,
      readable: this.readiness().consumer.ready,
      waiting: this.#stopping || this.#unavailable() !== null
    }))
  }

  /** The service is stopping. */
  stop(): void {
    this.#stopping = true
    this.#stalls.close()
  }

  /** A batch, or a portion of one, was completed. */
  progressed(): void {
    this.#stalls.completed()
  }

  /** See `StallDetector.lag`. */
  lag(topic: string, partition: number, messages: number, held = false): void {
    this.#stalls.lag(topic, partition, messages, held)
  }

  /** One check for a stall; runs by itself every 5 s. */
  check(): void {
    this.#stalls.check()
  }

  /** Tracks a batch from its beginning to its end. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight++
    try {
      const result = await work()
      this.progressed()
      this.#failedWrite = null
      return result
    } catch (thrown) {
      const { code } = thrown as HieraxError
      if (code === 'STORE_FAILED' || code === 'STORE_REFUSED')
        this.#failedWrite = { reason: diskTrouble(thrown) ?? 'writes fail', at: Date.now() }
      throw thrown
    } finally {
      this.#inFlight--
    }
  }

  /** The model is loaded before anything else starts. */
  readonly readiness: ServicePorts['readiness'] = () => {
    const { consumer, producer } = this.#streams.health()
    return {
      consumer: this.#stopping ? partState('stopping') : consumer,
      producer,
      store: partState(this.#storeTrouble()),
      model: partState(null)
    }
  }

  readonly liveness: ServicePorts['liveness'] = () => {
    // LMDB closed its files. Waiting does not help, but a new process does.
    if (this.#store.lost()) return { ok: false, reason: 'the store must be opened anew' }
    const working = this.#inFlight > 0
    if (this.#stalls.stalled) return { ok: false, reason: working ? 'a batch is stuck' : 'messages wait unread' }
    const unavailable = this.#unavailable()
    if (unavailable !== null) return { ok: true, reason: `waiting: ${unavailable}` }
    return { ok: true, reason: working ? 'working' : 'waiting' }
  }

  /** Why the output or the store can't be written to; null if they can. */
  #unavailable(): string | null {
    const { ready, reason } = this.#streams.health().producer
    return ready ? this.#storeTrouble() : reason
  }

  #storeTrouble(): string | null {
    const failed = this.#failedWrite
    return this.#store.trouble() ?? (failed && Date.now() - failed.at < writeMemory ? failed.reason : null)
  }
}

/** Time between two checks, ms. */
const checkEvery = 5000

/** The service is stalled after more failed checks in a row than this: two minutes. */
const maxFailed = 24

/** A lag that was reported more checks ago is ignored: one minute. */
const maxLagAge = 12

/** Input of a check. */
interface Conditions {
  /** A batch is in flight. */
  readonly inFlight: boolean
  /** The input can be read. */
  readonly readable: boolean
  /** The output or the store is unavailable, or the service is stopping. */
  readonly waiting: boolean
}

/**
 * Detects that the service makes no progress: for two minutes no batch was completed, although there was work to do (a batch in
 * flight, or consumer lag) and no other system to wait for.
 *
 * It counts checks rather than time, so that the time for which the process itself was suspended does not count.
 */
class StallDetector {
  readonly #conditions: () => Conditions
  readonly #timer: NodeJS.Timeout
  /** Partitions that have messages to be read now. */
  readonly #lagging = new Set<string>()
  #lagAge = Number.POSITIVE_INFINITY
  #failed = 0

  constructor(conditions: () => Conditions) {
    this.#conditions = conditions
    this.#timer = setInterval(() => this.check(), checkEvery).unref()
  }

  get stalled(): boolean {
    return this.#failed > maxFailed
  }

  /** A batch was completed. */
  completed(): void {
    this.#failed = 0
  }

  /** Messages of a partition that are to be read; −1 if it belongs to another process. `held`: older nights are read first. */
  lag(topic: string, partition: number, messages: number, held: boolean): void {
    const key = `${topic}/${partition}`
    if (messages > 0 && !held) this.#lagging.add(key)
    else this.#lagging.delete(key)
    if (messages >= 0) this.#lagAge = 0
  }

  /** One check; runs by itself every 5 s. */
  check(): void {
    const { inFlight, readable, waiting } = this.#conditions()
    // If the input cannot be read but still reports its lag, the broker responds, and the fault is in this process.
    const lagging = this.#lagging.size > 0 && (readable || this.#lagAge < maxLagAge)
    this.#lagAge++
    if (waiting || !(inFlight || lagging)) this.#failed = 0
    else this.#failed++
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
