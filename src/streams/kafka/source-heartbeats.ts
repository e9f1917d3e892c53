import type { EachBatchPayload } from 'kafkajs'
import type { KafkaLogger } from './client.ts'
import type { SourceLimits } from './source-options.ts'
import type { Tenure } from './source-work.ts'

/**
 * Heartbeats while handlers work: kafkajs sends its own only between batches, and a member that is silent for a whole
 * session is taken out of the group. What the coordinator answers decides how the tenure goes on:
 *
 * - a rebalance is under way: finish the chunks in work (for half the time that the group waits), commit, join again;
 * - this member or its generation is unknown: the partitions belong to others already;
 * - no answer: as before, until a whole session has passed.
 */
export class Heartbeats {
  readonly #limits: SourceLimits
  readonly #logger: KafkaLogger
  readonly #loseTouch: () => void
  readonly #working = new Map<EachBatchPayload, Tenure>()
  readonly #timer: NodeJS.Timeout
  #lastAnswer = 0
  #beating: Promise<void> | null = null
  readonly #graces = new Set<NodeJS.Timeout>()

  constructor(limits: SourceLimits, logger: KafkaLogger, loseTouch: () => void) {
    this.#limits = limits
    this.#logger = logger
    this.#loseTouch = loseTouch
    this.#timer = setInterval(() => void this.beat(), Math.round(limits.sessionTimeout / 15))
  }

  /** A batch is in work from now on. */
  begin(payload: EachBatchPayload, tenure: Tenure): void {
    if (this.#working.size === 0) this.#lastAnswer = performance.now()
    this.#working.set(payload, tenure)
  }

  /** A batch is no longer in work. */
  end(payload: EachBatchPayload): void {
    this.#working.delete(payload)
  }

  /** Sends a heartbeat when one is due. Never rejects. */
  beat(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = null
    })
    return this.#beating
  }

  close(): void {
    clearInterval(this.#timer)
    for (const grace of this.#graces) clearTimeout(grace)
  }

  async #beat(): Promise<void> {
    const [first] = this.#working
    if (first === undefined) return
    const [payload, tenure] = first
    try {
      await payload.heartbeat()
      this.#lastAnswer = performance.now()
    } catch (error) {
      this.#failed(error, tenure)
    }
  }

  #failed(error: unknown, tenure: Tenure): void {
    const type = error instanceof Error && 'type' in error ? error.type : null
    this.#logger.debug({ reason: String(error) }, 'heartbeat failed')
    if (type === 'REBALANCE_IN_PROGRESS' || type === 'NOT_COORDINATOR_FOR_GROUP') {
      this.#lastAnswer = performance.now()
      this.#finishSoon(error as Error, tenure)
    } else if (type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID' || type === 'FENCED_INSTANCE_ID') {
      tenure.rejoin = error as Error
      tenure.lost.abort(error)
      tenure.leave.abort()
    } else if (performance.now() - this.#lastAnswer > this.#limits.sessionTimeout) {
      this.#lastAnswer = performance.now()
      this.#loseTouch()
    }
  }

  #finishSoon(error: Error, tenure: Tenure): void {
    if (tenure.rejoin !== null) return
    tenure.rejoin = error
    tenure.leave.abort()
    const grace = setTimeout(() => tenure.lost.abort(error), this.#limits.rebalanceTimeout / 2)
    this.#graces.add(grace)
    tenure.lost.signal.addEventListener('abort', () => {
      clearTimeout(grace)
      this.#graces.delete(grace)
    })
  }
}
