import type { HieraxError } from '../errors.ts'
import type { Store } from '../lightcurves/store.ts'
import { diskTrouble } from '../lightcurves/stores/disk.ts'
import type { ServicePorts } from '../service/ports.ts'
import { StallDetector } from './stall-detector.ts'
import { partState, type Streams } from './streams.ts'

/** A failed write says nothing of the present after so long, ms: whoever retries it does so every ten seconds. */
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
    // LMDB gave up its files: waiting does not help, a new process does.
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
