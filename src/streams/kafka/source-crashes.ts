import { HieraxError } from '../../errors.ts'
import { type KafkaConnection, kafkaError, rootCause } from './client.ts'
import type { SourceLimits } from './source-options.ts'

/** Refusals of credentials in a row after which there is no hope: one may be a broker that is just being set up. */
const refusals = 3

/**
 * Decides how long to wait after a failure of the consumer, and when to give up: when credentials are refused again and
 * again, or when it crashes over and over for minutes without any progress. A cluster that does not answer is waited
 * for without end, and crashes far apart are no row.
 */
export class CrashPolicy {
  readonly #limits: SourceLimits
  readonly #connection: KafkaConnection
  #crashes = 0
  #refused = 0
  #since = 0
  #lastCrash = 0
  #pause: number

  constructor(limits: SourceLimits, connection: KafkaConnection) {
    this.#limits = limits
    this.#connection = connection
    this.#pause = limits.retryFirst
  }

  /** Messages were handled: all is forgiven. */
  progressed(): void {
    this.#crashes = 0
    this.#refused = 0
    this.#pause = this.#limits.retryFirst
  }

  /** The cluster answered. */
  reached(): void {
    this.#refused = 0
  }

  /**
   * Pause (ms) before the next attempt after a failure at `now` (ms of a steady clock).
   *
   * @throws {HieraxError} KAFKA_UNAVAILABLE when there is no hope.
   */
  failed(error: unknown, now: number): number {
    const cause = rootCause(error)
    const name = cause instanceof Error ? cause.name : ''
    if (/SASL/.test(name)) {
      if (++this.#refused >= refusals) throw kafkaError(error, this.#connection)
    } else if (!/Connection|BrokerNotFound|NoBroker|RequestTimeout|LockTimeout/.test(name)) {
      if (now - this.#lastCrash > this.#limits.crashSpan) this.#crashes = 0
      this.#lastCrash = now
      if (this.#crashes++ === 0) this.#since = now
      if (this.#crashes >= this.#limits.crashes && now - this.#since >= this.#limits.crashSpan) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        throw new HieraxError(
          'KAFKA_UNAVAILABLE',
          `The consumer crashed ${this.#crashes} times without progress, last: ${reason.slice(0, 300)}`,
          { cause: error }
        )
      }
    }
    const pause = this.#pause
    this.#pause = Math.min(pause * 2, this.#limits.retryLongest)
    return pause
  }
}
