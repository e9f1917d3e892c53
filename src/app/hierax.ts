import { createDecoder } from '../alerts/decoder.ts'
import { describeRange, describeThreshold } from '../classifier/purity.ts'
import type { Classifier } from '../classifier/types.ts'
import type { Config } from '../config/config.ts'
import { maskUrl } from '../config/show.ts'
import { openStore } from '../lightcurves/stores/open.ts'
import type { Store } from '../lightcurves/stores/store.ts'
import type { Classification } from '../messages/classification.ts'
import { toJson } from '../messages/encoding.ts'
import type { BatchStats } from '../pipeline/batch-stats.ts'
import { ObjectClassifier } from '../pipeline/object-classifier.ts'
import { Pipeline, type PipelineOptions } from '../pipeline.ts'
import { ClassificationFeed } from '../service/feed.ts'
import type { ServicePorts } from '../service/ports.ts'
import { createService, type Service } from '../service/service.ts'
import { MinuteStatistics, toStatisticsView } from '../service/statistics.ts'
import { toObjectView } from '../service/views.ts'
import type { Sink } from '../streams/types.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { version } from '../version.ts'
import { Health } from './health.ts'
import { Histories } from './histories.ts'
import { connectKafka, type Streams, type StreamsFactory } from './kafka-streams.ts'
import { loadModels, readModels } from './models.ts'
import { keepFor, type Retention } from './retention.ts'
import { type ResolvedRoutes, resolveRoutes } from './routes.ts'
import { connectWorkers } from './workers/connect-workers.ts'
import type { WorkerState } from './workers/messages.ts'

/** What a running service is started with. */
export interface Surroundings {
  readonly logger: Logger
  /** Where alerts come from and messages go to; Kafka unless given. */
  readonly connect?: StreamsFactory
  /** False: a worker, whose parent serves HTTP. */
  readonly http?: boolean
  /** Decodes packets; ZTF's unless given. */
  readonly decode?: PipelineOptions['decode']
  /** Told of every batch's classifications, after they were acknowledged; must be quick and not throw. */
  readonly onClassifications?: (bodies: readonly Classification[]) => void
}

/** How long one line in the log stands for all dead letters, ms. */
const deadLetterQuiet = 10_000

/** How often the size of the store is measured at most, ms. */
const storeMeasured = 5000

/**
 * The whole service: models, store, streams, pipeline and HTTP, put together. `start` resolves when it runs, `ended` when
 * it has come to its end (rejected where it could not go on), after `stop` or by itself.
 */
export class Hierax {
  readonly metrics = new Metrics()
  private readonly config: Config
  private readonly logger: Logger
  private readonly onClassifications: Surroundings['onClassifications']
  private readonly decode: PipelineOptions['decode']
  private readonly health = new Health()
  private readonly feed = new ClassificationFeed<Classification>(toJson)
  private readonly deadLetters = { since: Number.NEGATIVE_INFINITY, count: 0 }
  private minute: MinuteStatistics | null = null
  private classifiers: readonly Classifier[] = []
  private resolved: ResolvedRoutes = { routes: [], byPurity: [] }
  private store: Store | null = null
  private streams: Streams | null = null
  private service: Service | null = null
  private retention: Retention | null = null
  private url = ''
  private stopped: Promise<void> | null = null
  private running: Promise<void> = Promise.resolve()
  private readonly abandoned = new AbortController()

  private constructor(config: Config, { logger, onClassifications, decode }: Surroundings) {
    this.config = config
    this.logger = logger
    this.onClassifications = onClassifications
    this.decode = decode ?? createDecoder().decode
  }

  /** Starts a service. Rejects with a usage error for what is wrong with settings, model or store. */
  static async start(config: Config, surroundings: Surroundings): Promise<Hierax> {
    const hierax = new Hierax(config, surroundings)
    try {
      await hierax.begin(
        surroundings.connect ?? (config.workers > 1 ? connectWorkers : connectKafka),
        surroundings.http ?? true
      )
      return hierax
    } catch (error) {
      await hierax.stop()
      throw error
    }
  }

  /** The models in use. */
  get models(): readonly Classifier[] {
    return this.classifiers
  }

  /** Where HTTP is served. */
  get address(): string {
    return this.url
  }

  /** Resolves when the service has ended; rejects where the input can't go on, or this process can't use the store again. */
  get ended(): Promise<void> {
    const { signal } = this.abandoned
    if (signal.aborted) return Promise.reject(signal.reason)
    const lost = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    return Promise.race([this.running, lost])
  }

  /** Whether the store was left open because it does not answer: `process.exit` would wait for its threads for ever. */
  get storeLost(): boolean {
    return this.store?.lost?.() ?? false
  }

  /** Finishes the batches in work, commits them and closes everything. */
  async stop(): Promise<void> {
    this.stopped ??= this.close()
    await this.stopped
  }

  /** How it does: for a parent process. */
  async state(): Promise<WorkerState> {
    const metrics = await this.metrics.values()
    return { readiness: this.health.readiness(), liveness: this.health.liveness(), metrics }
  }

  private async begin(connect: StreamsFactory, http: boolean): Promise<void> {
    const { config, logger } = this
    // Before a network is loaded: a population or a route that does not fit is refused at once.
    const models = await readModels(config)
    this.resolved = resolveRoutes(config.output.routes, models)
    this.classifiers = await loadModels(config, models)
    this.minute = new MinuteStatistics(this.classifiers[0]?.sha256 ?? '')
    this.store = await openStore(config.store.url, {
      programs: config.input.programs,
      patient: true,
      onCorrupt: error => {
        this.metrics.increment('storeCorrupt')
        logger.error({ code: error.code, reason: error.message }, 'stored record unreadable; rebuilt')
      },
      onNotice: notice => logger.warn({ store: maskUrl(config.store.url), notice }, 'what the store can not promise'),
      onLost: error => this.abandoned.abort(error)
    })
    this.health.opened(this.store)
    this.describe()
    this.retention = keepFor(config.store.keepDays, this.store, logger)
    if (http) {
      this.service = await createService(this.ports(this.store), { ...config.http, logger, version })
      this.url = (await this.service.listen()).url
    }
    const { metrics, health } = this
    const streams = connect(config, { logger, metrics, health, onClassifications: bodies => this.published(bodies) })
    this.streams = streams
    const pipeline = this.pipeline(this.store, streams.sink)
    this.running = streams.run((batch, control) => this.health.follow(() => pipeline.process(batch, control)))
    this.running.catch(() => {}) // told to whoever asks for `ended`
    logger.info(
      { version, address: this.address, store: maskUrl(config.store.url), workers: config.workers },
      'hierax started'
    )
  }

  private pipeline(store: Store, sink: Sink): Pipeline {
    return new Pipeline({
      decode: this.decode,
      store,
      group: this.config.input.group,
      classifiers: this.classifiers,
      sink,
      admission: { programs: this.config.input.programs, admit: this.config.admit },
      output: { ...this.config.output, routes: this.resolved.routes },
      onBatch: stats => this.account(stats),
      onClassifications: bodies => this.published(bodies)
    })
  }

  private published(bodies: readonly Classification[]): void {
    this.feed.push(bodies)
    this.minute?.add(bodies)
    this.onClassifications?.(bodies)
  }

  private account(stats: BatchStats): void {
    this.metrics.batch(stats)
    this.health.progressed()
    const [first] = stats.deadLetters
    if (!first) return
    this.deadLetters.count += stats.deadLetters.length
    if (performance.now() - this.deadLetters.since < deadLetterQuiet) return
    const { error, source } = first
    const { count } = this.deadLetters
    this.logger.warn({ count, code: error.code, reason: error.message, source }, 'packets refused')
    this.deadLetters.since = performance.now()
    this.deadLetters.count = 0
  }

  /** Names the models in log and metrics, and keeps gauges up to date at every scrape. */
  private describe(): void {
    for (const { name, version, sha256, taxonomy, runtime, population } of this.classifiers) {
      this.logger.info({ name, version, sha256, taxonomy, runtime, population }, 'model loaded')
    }
    this.describeRoutes()
    this.metrics.models(this.classifiers)
    this.metrics.progress()
    let measured = Number.NEGATIVE_INFINITY
    this.metrics.beforeScrape(async () => {
      this.metrics.ready(this.health.readiness())
      this.metrics.set('tensors', Math.max(0, ...this.classifiers.map(classifier => classifier.tensors())))
      if (!this.store || performance.now() - measured < storeMeasured) return
      measured = performance.now()
      this.metrics.store(await this.store.statistics())
    })
  }

  /** Names the thresholds that routes by purity come to, and the ranges of detections of which they send nothing. */
  private describeRoutes(): void {
    for (const { topic, node, minPurity, model, thresholds } of this.resolved.byPurity) {
      const route = { topic, node, minPurity, model: model.card.name, population: model.population?.name }
      this.logger.info({ ...route, thresholds: thresholds.map(describeThreshold) }, 'route by purity')
      for (const threshold of thresholds) {
        if (threshold.minProbability !== null) continue
        const range = describeRange(threshold)
        this.logger.warn(
          { ...route, range, bestPurity: threshold.purity },
          'no probability reaches the purity of a route; alerts with so many detections are not routed'
        )
      }
    }
  }

  private ports(store: Store): ServicePorts {
    const { programs } = this.config.input
    const admission = { programs, admit: this.config.admit }
    const classifier = new ObjectClassifier({ store, classifiers: this.classifiers, admission })
    const histories = new Histories(store, this.config.admit)
    const chosen = (model?: string) =>
      this.classifiers.findIndex(({ sha256 }) => model === undefined || sha256 === model)
    return {
      readiness: this.health.readiness,
      liveness: this.health.liveness,
      metrics: this.metrics,
      models: () => this.classifiers,
      recent: (limit, accept) => this.feed.recent(limit, accept),
      subscribe: listener => this.feed.subscribe(listener),
      statistics: async () => toStatisticsView(await this.metrics.values(), this.minute?.view()),
      object: async (objectId, model) => {
        const state = (await store.get(objectId)) ?? null
        if (!state) return null
        const answer = (await classifier.currentClassifications(state))[chosen(model)]
        return toObjectView(state, answer ? toJson(answer) : null, this.config.admit)
      },
      history: async (objectId, { model, limit }) => {
        const classifier = this.classifiers[chosen(model)]
        return classifier ? histories.of(objectId, classifier, limit) : null
      }
    }
  }

  private async close(): Promise<void> {
    this.health.stop()
    const began = performance.now()
    const steps: [string, () => unknown][] = [
      ['streams', () => this.streams?.stop()],
      ['pipeline', () => this.running.catch(() => {})],
      ['http', () => this.service?.close()],
      ['retention', () => this.retention?.stop()],
      ['store', () => this.store?.close()],
      ['models', () => this.classifiers.forEach(classifier => void classifier.dispose())]
    ]
    for (const [part, close] of steps) {
      await close()
      this.logger.debug({ part }, 'closed')
    }
    this.logger.info({ seconds: Math.round((performance.now() - began) / 100) / 10 }, 'hierax ended')
  }
}
