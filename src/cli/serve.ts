import { once } from 'node:events'
import { defaultPopulation } from '../classifier/probabilities/population.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { HieraxError } from '../errors.ts'
import { endProcess } from '../process-end.ts'
import { endSignal } from './end-signal.ts'
import { printConfig } from './print-config.ts'

/** Options of `hierax serve` as commander gives them. */
export interface ServeOptions {
  readonly config?: string
  readonly model?: string[]
  readonly population?: string
  readonly printConfig?: boolean
}

/** Runs `hierax serve` until a signal ends it, or until the input fails for good. */
export async function serve(options: ServeOptions): Promise<void> {
  const overrides = { model: options.model, population: options.population }
  const config = loadConfig({ file: options.config, env: process.env, overrides })
  if (options.printConfig) {
    const comments = (await fromCards(config)).map(line => `# ${line}\n`)
    process.stdout.write(printConfig(config) + comments.join(''))
    return
  }
  const { startService } = await import('../app/start-service.ts')
  const { createLogger } = await import('../telemetry/logger.ts')
  const logger = createLogger({ level: config.log.level })
  const ending = endSignal(() => logger.info({}, 'stopping: finishing the batches in flight'))
  const signalled = once(ending, 'abort')
  const service = await startService(config, { logger })
  try {
    await Promise.race([signalled, service.ended])
  } catch (thrown) {
    const { code, message } = HieraxError.from(thrown)
    logger.fatal({ code, reason: message }, 'the service cannot continue')
    if (service.storeLost) setTimeout(() => endProcess(1), 10_000).unref()
    throw thrown
  } finally {
    await service.stop()
    // After an outage kafkajs may hold on to sockets and timers for up to a minute; nothing is left for them to do.
    setTimeout(() => endProcess(), 1000).unref()
  }
}

/** What the models' cards define, if the settings leave something to them. */
async function fromCards(config: Config): Promise<string[]> {
  const { routes } = config.output
  if (config.population === defaultPopulation && routes.every(route => route.minPurity === undefined)) return []
  const { readModels } = await import('../app/models.ts')
  const { describeModels, resolveRoutes } = await import('../app/routes.ts')
  const models = await readModels(config)
  return describeModels(models, resolveRoutes(routes, models))
}
