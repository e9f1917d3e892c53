/** Time between two checks, ms. */
const checkEvery = 5000

/** The service is stalled after more than so many failed checks in a row: two minutes. */
const maxFailed = 24

/** A lag that was reported longer ago, in checks, says nothing about the present: one minute. */
const maxLagAge = 12

/** What a check looks at. */
export interface Conditions {
  /** A batch is in flight. */
  readonly inFlight: boolean
  /** The input can be read. */
  readonly readable: boolean
  /** The output or the store is unavailable, or the service is stopping. */
  readonly waiting: boolean
}

/**
 * Detects that the service makes no progress: for two minutes no batch was completed, although there was work to do (a batch in
 * flight, or consumer lag) and nothing outside to wait for.
 *
 * It counts checks rather than time, so that the time for which the process itself was suspended does not count.
 */
export class StallDetector {
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
    // If the input can't be read but still reports its lag, the broker is there and the fault is here.
    const lagging = this.#lagging.size > 0 && (readable || this.#lagAge < maxLagAge)
    this.#lagAge++
    if (waiting || !(inFlight || lagging)) this.#failed = 0
    else this.#failed++
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
