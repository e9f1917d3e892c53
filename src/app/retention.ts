import type { Store } from '../lightcurves/store.ts'
import type { Logger } from '../telemetry/logger.ts'

/** The regular removal of old objects. */
export interface Retention {
  stop(): Promise<void>
}

const msPerDay = 86_400_000

/** How objects are removed. */
interface RetentionOptions {
  /** Time between two removals, ms. */
  readonly interval?: number
  /** Called after each removal, and as often if nothing is removed. Must not reject. */
  readonly afterwards?: () => Promise<void> | undefined
}

/** Removes objects without a merged alert for `days` of wall time: at once, then every hour. Null keeps all objects. */
export function keepFor(
  days: number | null,
  store: Store,
  logger: Logger,
  { interval = 3_600_000, afterwards }: RetentionOptions = {}
): Retention {
  let pruning: Promise<void> = Promise.resolve()
  const prune = async (): Promise<void> => {
    try {
      const objects = days === null ? 0 : await store.prune(Date.now() - days * msPerDay)
      if (objects > 0) logger.info({ objects, days }, 'old objects removed from the store')
      await afterwards?.()
    } catch (error) {
      logger.error({ err: error }, 'removing old objects failed; retrying in an hour')
    }
  }
  const next = (): void => {
    pruning = pruning.then(prune)
  }
  next()
  const timer = setInterval(next, interval).unref()
  return {
    async stop() {
      clearInterval(timer)
      await pruning
    }
  }
}
