import path from 'node:path'
import { maskUrl } from '../config/show.ts'
import { type Store, type StoreTrouble, storeTroubles } from '../lightcurves/store.ts'
import type { PartState } from '../service/schema/schemas.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Where a watch reports. */
export interface StoreWatchDeps {
  readonly store: Pick<Store, 'statistics'>
  readonly url: string
  readonly logger: Pick<Logger, 'error' | 'info'>
  readonly metrics: Pick<Metrics, 'increment'>
}

/** How often readiness is looked at, ms. */
const lookEvery = 500

/** Time without trouble after which it has passed, ms: on a nearly full disk some writes succeed between those that fail. */
const steady = 5000

/** Reports that the store can't be used, and that it can again: one log line each, and a count of the troubles by reason. */
export class StoreWatch {
  readonly #deps: StoreWatchDeps
  #timer: NodeJS.Timeout | undefined
  #trouble: { reason: StoreTrouble; since: number; seen: number } | null = null

  constructor(deps: StoreWatchDeps) {
    this.#deps = deps
  }

  /** The same readiness, looked at whenever it is asked for, and at least twice a second until `stop`. */
  over<State extends { readonly store: PartState }>(readiness: () => State): () => State {
    const watched = (): State => {
      const state = readiness()
      void this.see(state.store)
      return state
    }
    this.#timer = setInterval(watched, lookEvery).unref()
    return watched
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Looks at the readiness of the store. */
  async see(readiness: PartState): Promise<void> {
    const { logger, metrics, url } = this.#deps
    const now = Date.now()
    // Workers that are starting, for example, say nothing of the store.
    const reason = storeTroubles.find(trouble => trouble === readiness.reason)
    const where = url.startsWith('lmdb:') ? path.resolve(url.slice('lmdb:'.length)) : maskUrl(url)
    const known = this.#trouble
    if (reason !== undefined) {
      this.#trouble = { reason, since: known?.since ?? now, seen: now }
      if (known?.reason === reason) return
      metrics.increment('store_failures_total', 1, { reason })
      const freeBytes = await this.#freeBytes()
      logger.error({ store: where, reason, freeBytes }, `the store can't be used: ${reason}`)
    } else if (known && now - known.seen >= steady) {
      this.#trouble = null
      const seconds = Math.round((now - known.since) / 1000)
      logger.info({ store: where, reason: known.reason, seconds }, 'the store can be used again')
    }
  }

  async #freeBytes(): Promise<number | null> {
    try {
      return (await this.#deps.store.statistics()).freeBytes
    } catch {
      // A server that does not answer.
      return null
    }
  }
}
