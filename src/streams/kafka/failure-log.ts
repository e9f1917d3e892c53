import type { KafkaLogger } from './connection.ts'

/** Pause between two lines on one failure, ms. */
const pause = 60_000

/** Logs a failure that goes on: when it begins, when its reason changes, once a minute, and when it has ended. */
export class FailureLog {
  readonly #logger: KafkaLogger
  #reason: string | null = null
  #logged = 0
  #attempts = 0

  constructor(logger: KafkaLogger) {
    this.#logger = logger
  }

  /** An attempt failed at `now` (ms of a steady clock). */
  failed(
    fields: { readonly reason: string; readonly [field: string]: unknown },
    message: string,
    now = performance.now()
  ): void {
    this.#attempts++
    if (fields.reason === this.#reason && now - this.#logged < pause) return
    this.#reason = fields.reason
    this.#logged = now
    this.#logger.warn({ ...fields, attempts: this.#attempts }, message)
  }

  /** An attempt succeeded. */
  ended(fields: object, message: string): void {
    if (this.#reason !== null) this.#logger.info({ ...fields, attempts: this.#attempts }, message)
    this.#reason = null
    this.#attempts = 0
  }
}
