import type { KafkaLogger } from './connection.ts'

/** Pause between two lines on one failure, ms. */
const pause = 60_000

/** Logs a lasting failure: when it begins, when its reason changes, once a minute, and when it has ended. */
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

/** Number of different lines that are remembered. */
const maxLines = 200

/** Limits the lines of a client that logs every attempt: each different line is logged at once, then once a minute. */
export class RepeatedLines {
  readonly #lines = new Map<string, { logged: number; count: number }>()

  /** How often the line has occurred since it was last logged, this time included; null if it is not to be logged at `now` (ms of a steady clock). */
  due(line: string, now = performance.now()): number | null {
    const known = this.#lines.get(line)
    if (known && now - known.logged < pause) {
      known.count++
      return null
    }
    if (!known && this.#lines.size >= maxLines) this.#lines.clear()
    this.#lines.set(line, { logged: now, count: 0 })
    return (known?.count ?? 0) + 1
  }
}
