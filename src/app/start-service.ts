import v8 from 'node:v8'
import { admissionOf } from '../alerts/admission.ts'
import type { Classifier } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { maskUrl } from '../config/show.ts'
import type { HieraxError } from '../errors.ts'
import type { OpenStore } from '../lightcurves/store.ts'
import { openCutouts } from '../lightcurves/stores/cutouts.ts'
import { openStore } from '../lightcurves/stores/open.ts'
import type { Classification } from '../messages/classification.ts'
import { reclassificationProgress } from '../pipeline/reclassification-progress.ts'
import type { ShadowResult } from '../pipeline/shadows.ts'
import { ClassificationFeed } from '../service/feed.ts'
import { ShadowReport } from '../service/shadow-report.ts'
import { MinuteStatistics } from '../service/statistics.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { version } from '../version.ts'
import { resolveDesc } from './desc-classes.ts'
import { createEngine, type Engine, type EngineDeps, type EngineParts } from './engine.ts'
import { createPorts } from './http-ports.ts'
import { loadModels, readModels } from './models.ts'
import { announceModels } from './output/announcements.ts'
import { type CurrentKeeper, keepCurrent } from './output/current-answers.ts'
import { keepFor } from './retention.ts'
import { logRoutes, resolveRoutes } from './routes.ts'
import { loadShadows } from './shadows.ts'
import { StoreWatch } from './store-watch.ts'
import type { WorkerState } from './workers/worker-process.ts'

/** What a service is started with, besides its settings. */
export interface ServiceDeps extends EngineDeps {
  /** False for a worker, whose parent serves HTTP. */
  readonly http?: boolean
  /** Called with every batch's classifications after they were acknowledged; must be quick and not throw. */
  readonly onClassifications?: (classifications: readonly Classification[]) => void
  /** Called with what a shadow model did with a batch. */
  readonly onShadow?: (result: ShadowResult) => void
}

/** A running service. */
export interface RunningService {
  readonly models: readonly Classifier[]
  readonly metrics: Metrics
  /** Where HTTP is served; empty for a worker. */
  readonly address: string
  /** Resolves when the service has ended; rejects if the input can't be read any more, or this process can't use the store again. */
  readonly ended: Promise<void>
  /** Whether the store does not answer, so that it can't be closed. */
  readonly storeLost: boolean
  /** Health and metrics, for the parent of a worker. */
  state(): Promise<WorkerState>
  /** Finishes the batches in flight, commits them and closes everything. */
  stop(): Promise<void>
}

/** Least time between two measurements of the store, ms. */
const storePause = 5000

/** Starts a service. Rejects with a usage error for settings, a model or a store that can't be used. */
export async function startService(config: Config, deps: ServiceDeps): Promise<RunningService> {
  // Objects of a batch survive a collection or two. V8 would then create them in the old space, which is only freed by marking the whole heap.
  v8.setFlagsFromString('--no-allocation-site-pretenuring')
  const shutdown = new Shutdown(deps.logger)
  try {
    return await start(config, deps, shutdown)
  } catch (error) {
    await shutdown.run()
    throw error
  }
}

async function start(config: Config, deps: ServiceDeps, shutdown: Shutdown): Promise<RunningService> {
  const { logger } = deps
  const models = await readModels(config)
  // Populations, routes and classes are checked before a network is loaded.
  const routes = resolveRoutes(config.output.routes, models)
  const desc = resolveDesc(config.output.desc, models)
  const classifiers = await loadModels(config, models)
  shutdown.add('models', () => classifiers.forEach(classifier => void classifier.dispose()))
  for (const { name, version, sha256, taxonomy, runtime, population } of classifiers) {
    logger.info({ name, version, sha256, taxonomy, runtime, population }, 'model loaded')
  }
  logRoutes(logger, routes)
  const shadowModels = await loadShadows(config, classifiers)
  shutdown.add('shadow models', () => shadowModels.forEach(model => void model.dispose()))
  for (const { name, version, sha256, taxonomy } of shadowModels)
    logger.info({ name, version, sha256, taxonomy }, 'shadow model loaded')

  const metrics = new Metrics()
  let loseStore: (error: HieraxError) => void = () => {}
  const storeLost = new Promise<never>((_, reject) => (loseStore = reject))
  const store = await openServiceStore(config, logger, metrics, error => loseStore(error))
  shutdown.add('store', () => store.close())
  const cutouts = config.http.cutouts === null ? null : await openCutouts(config.store.url, config.http.cutouts)
  shutdown.add('cutouts', () => cutouts?.close())

  const isWorker = deps.http === false
  const feed = new ClassificationFeed(config.output.encoding)
  const minute = new MinuteStatistics(classifiers[0]?.sha256 ?? '')
  const onClassifications: EngineParts['onClassifications'] = (classifications, values) => {
    // Nobody asks a worker for them: its parent serves the API.
    if (!isWorker) {
      feed.push(classifications, values)
      minute.add(classifications)
    }
    deps.onClassifications?.(classifications)
  }

  const shadows = new ShadowReport(shadowModels)
  const onShadow = (result: ShadowResult): void => {
    shadows.add(result)
    deps.onShadow?.(result)
  }

  const parts = {
    config,
    deps,
    store,
    cutouts,
    classifiers,
    metrics,
    routes: routes.routes,
    desc,
    onClassifications,
    onShadow,
    shadowModels
  }
  const engine = createEngine(parts)
  const { liveness } = engine
  const watch = new StoreWatch({ store, url: config.store.url, logger, metrics })
  // The parent of workers reports for all of them.
  const watched = isWorker ? engine.readiness : watch.over(engine.readiness)
  let current: CurrentKeeper | null = null
  const readiness: typeof watched = () => {
    const state = watched()
    const hint = current?.hint() ?? null
    return hint !== null && state.producer.ready ? { ...state, producer: { ready: true, reason: hint } } : state
  }
  shutdown.add('store watch', () => watch.stop())
  collectGauges({ ...parts, readiness })

  let address = ''
  let management: string | undefined
  if (!isWorker) {
    const admission = admissionOf(config)
    const ports = createPorts({ ...parts, admission, feed, minute, shadows, readiness, liveness })
    // Adds objects of an older release to the index of positions; a query tries again if this fails.
    store.idsIn([]).catch(error => logger.debug({ reason: (error as Error).message }, 'index of positions not checked'))
    const { createService } = await import('../service/service.ts')
    const http = await createService(ports, { ...config.http, logger, version })
    shutdown.add('http', () => http.close())
    const listening = await http.listen()
    address = listening.url
    management = listening.management?.url
  }

  const running = engine.run()
  const ended = Promise.race([running, storeLost])
  ended.catch(() => {}) // for whoever awaits `ended`
  const retention = keepFor(config.store.keepDays, store, logger, { afterwards: () => current?.removeOld() })
  shutdown.add('retention', () => retention.stop())
  if ((deps.http ?? true) && !deps.connect) {
    const announcer = announceModels(config, classifiers, logger)
    shutdown.add('announcements', () => announcer?.stop())
    current = keepCurrent(config, { store, classifiers, metrics, logger })
    shutdown.add('current classifications', () => current?.stop())
  }
  shutdown.add('pipeline', () => running.catch(() => {}))
  shutdown.add('streams', () => engine.stop())
  const started = { version, address, management, store: maskUrl(config.store.url), workers: config.workers }
  logger.info(started, 'hierax started')
  return {
    models: classifiers,
    metrics,
    address,
    ended,
    get storeLost() {
      return store.lost()
    },
    state: async () => ({ readiness: readiness(), liveness: liveness(), metrics: await metrics.values() }),
    stop: () => shutdown.run()
  }
}

/** Closes what was opened, the last first. */
class Shutdown {
  readonly #logger: Logger
  readonly #steps: { readonly part: string; readonly close: () => unknown }[] = []
  #done: Promise<void> | null = null

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(part: string, close: () => unknown): void {
    this.#steps.push({ part, close })
  }

  run(): Promise<void> {
    this.#done ??= this.#closeAll()
    return this.#done
  }

  async #closeAll(): Promise<void> {
    const began = performance.now()
    for (const { part, close } of this.#steps.reverse()) {
      await close()
      this.#logger.debug({ part }, 'closed')
    }
    this.#logger.info({ seconds: Math.round((performance.now() - began) / 100) / 10 }, 'hierax ended')
  }
}

function openServiceStore(
  config: Config,
  logger: Logger,
  metrics: Metrics,
  onLost: (error: HieraxError) => void
): Promise<OpenStore> {
  const { url } = config.store
  return openStore(url, {
    programs: admissionOf(config).programs,
    patient: true,
    onCorrupt: error => {
      metrics.increment('store_corrupt_total')
      logger.error(
        { code: error.code, reason: error.message },
        'a stored record is unreadable; rebuilding it from alerts'
      )
    },
    onNotice: notice => logger.warn({ store: maskUrl(url), notice }, 'store durability warning'),
    onLost
  })
}

/** Sets the gauges of models, and updates those of readiness, tensors and store before every scrape. */
function collectGauges(parts: EngineParts & Pick<Engine, 'readiness'>): void {
  const { metrics, classifiers, shadowModels, routes, store, readiness } = parts
  metrics.models(classifiers)
  metrics.shadows(shadowModels)
  metrics.routes(
    routes.map(({ topic }) => topic),
    classifiers
  )
  metrics.progress()
  let measured = Number.NEGATIVE_INFINITY
  metrics.beforeScrape(async () => {
    metrics.ready(readiness())
    metrics.set('tensors', Math.max(0, ...classifiers.map(classifier => classifier.tensors())))
    if (performance.now() - measured < storePause) return
    measured = performance.now()
    metrics.store(await store.statistics())
    const reclassified = await reclassificationProgress(store.journal)
    metrics.set('reclassify_objects', reclassified?.total ?? 0, { state: 'total' })
    metrics.set('reclassify_objects', reclassified?.objects ?? 0, { state: 'done' })
  })
}
