import { HieraxError } from '../../errors.ts'
import { type KafkaConnection, kafkaError, rootCause } from './connection.ts'
import type { SourceLimits } from './limits.ts'
import { backoff } from './timing.ts'

/** Consecutive rejections of the credentials after which the source gives up. A broker that is starting may reject them at first. */
const maxRefusals = 3

/**
 * Decides how long to wait after a failure of the consumer, and when to give up: if credentials are rejected repeatedly,
 * or if the consumer crashes for minutes without progress. It never gives up on a cluster that does not answer. Crashes that
 * are far apart do not count as consecutive.
 */
export class CrashPolicy {
  readonly #limits: SourceLimits
  readonly #connection: KafkaConnection
  #failures = 0
  #refusals = 0
  #crashes = 0
  #firstCrash = 0
  #lastCrash = 0

  constructor(limits: SourceLimits, connection: KafkaConnection) {
    this.#limits = limits
    this.#connection = connection
  }

  /** Messages were handled: resets the failure counters. */
  progressed(): void {
    this.#failures = 0
    this.#refusals = 0
    this.#crashes = 0
  }

  /** The cluster answered. */
  reached(): void {
    this.#refusals = 0
  }

  /**
   * Pause (ms) before the next attempt after a failure at `now` (ms of a steady clock).
   *
   * @throws {HieraxError} KAFKA_UNAVAILABLE when it gives up.
   */
  failed(error: unknown, now: number): number {
    const cause = rootCause(error)
    const name = cause instanceof Error ? cause.name : ''
    if (/SASL/.test(name)) {
      if (++this.#refusals >= maxRefusals) throw kafkaError(error, this.#connection)
    } else if (!/Connection|BrokerNotFound|NoBroker|RequestTimeout|LockTimeout/.test(name)) {
      this.#countCrash(error, now)
    }
    const { retryFirst, retryLongest } = this.#limits
    return backoff(++this.#failures, retryFirst, retryLongest)
  }

  #countCrash(error: unknown, now: number): void {
    if (now - this.#lastCrash > this.#limits.crashSpan) this.#crashes = 0
    this.#lastCrash = now
    if (this.#crashes++ === 0) this.#firstCrash = now
    if (this.#crashes < this.#limits.crashes || now - this.#firstCrash < this.#limits.crashSpan) return
    const cause = rootCause(error)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HieraxError(
      'KAFKA_UNAVAILABLE',
      `The consumer crashed ${this.#crashes} times without progress, last: ${reason.slice(0, 300)}`,
      { cause: error }
    )
  }
}
