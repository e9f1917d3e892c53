import type { Store } from '../lightcurves/stores/store.ts'
import type { Logger } from '../telemetry/logger.ts'

/** The regular look for objects that may be forgotten. */
export interface Retention {
  stop(): Promise<void>
}

const msPerDay = 86_400_000

/** Drops objects of which no alert was merged for `days` of wall time: at once, then every hour. Null keeps all. */
export function keepFor(days: number | null, store: Store, logger: Logger, interval = 3_600_000): Retention | null {
  if (days === null) return null
  let looking: Promise<void> = Promise.resolve()
  const look = async (): Promise<void> => {
    try {
      const objects = await store.prune(Date.now() - days * msPerDay)
      if (objects > 0) logger.info({ objects, days }, 'objects without alerts dropped from the store')
    } catch (error) {
      logger.error({ err: error }, 'old objects could not be dropped from the store')
    }
  }
  const next = (): void => {
    looking = looking.then(look)
  }
  next()
  const timer = setInterval(next, interval).unref()
  return {
    async stop() {
      clearInterval(timer)
      await looking
    }
  }
}
