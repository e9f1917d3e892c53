import { HieraxError } from '../../../errors.ts'
import { type KafkaConnection, kafkaError, kafkaProblem, rootCause } from '../client/connection.ts'
import { backoff } from '../client/timing.ts'
import type { SourceLimits } from './limits.ts'

/** Consecutive rejections of the credentials after which a start fails. A broker that is starting may reject them at first. */
export const maxRefusals = 4

/**
 * Decides how long to wait after a failure of the consumer, and when to give up: if credentials are rejected repeatedly before they
 * ever worked, or if the consumer crashes for minutes without progress. It never gives up on a cluster that does not answer or that denies
 * access. Crashes that are far apart do not count as consecutive.
 */
export class CrashPolicy {
  readonly #limits: SourceLimits
  readonly #connection: KafkaConnection
  #failures = 0
  #refusals = 0
  #joined = false
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

  /** This member joined the group, so its credentials have worked. */
  joined(): void {
    this.#joined = true
    this.#refusals = 0
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
    const { retryFirst, retryLongest, refusalFirst, refusalLongest } = this.#limits
    const problem = kafkaProblem(error)
    if (problem === 'credentials') {
      if (++this.#refusals >= maxRefusals && !this.#joined) throw kafkaError(error, this.#connection)
      return backoff(this.#refusals, refusalFirst, refusalLongest)
    }
    if (problem === 'other') this.#countCrash(error, now)
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
