import { Hierax } from '../app/hierax.ts'
import { loadConfig } from '../config/load.ts'
import { printConfig } from '../config/print.ts'
import { HieraxError } from '../errors.ts'
import { createLogger } from '../telemetry/logger.ts'

/** Options of `hierax serve` as commander gives them. */
export interface ServeOptions {
  readonly config?: string
  readonly model?: string[]
  readonly printConfig?: boolean
}

/** Runs `hierax serve` until a signal ends it, or until the input can't go on. */
export async function serve(options: ServeOptions): Promise<void> {
  const config = loadConfig({ file: options.config, env: process.env, overrides: { model: options.model } })
  if (options.printConfig) {
    process.stdout.write(printConfig(config))
    return
  }
  const logger = createLogger({ level: config.log.level })
  const signalled = new Promise<NodeJS.Signals>(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        resolve(signal)
        process.once(signal, () => process.exit(1))
      })
    }
  })
  const hierax = await Hierax.start(config, { logger })
  try {
    const signal = await Promise.race([signalled, hierax.ended])
    if (signal) logger.info({ signal }, 'ending: batches in work are finished')
  } catch (thrown) {
    const { code, message } = HieraxError.from(thrown)
    logger.fatal({ code, reason: message }, 'the input can not go on')
    throw thrown
  } finally {
    await hierax.stop()
    // After an outage kafkajs may hold on to sockets and timers for up to a minute; nothing is left for them to do.
    setTimeout(() => process.exit(), 1000).unref()
  }
}
