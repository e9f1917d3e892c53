import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type BatchStats, dropReasons, stages } from '../pipeline/batch-stats.ts'
import { combineMetrics, type MetricValues } from './combined.ts'
import { type Definition, definitions, type Outcome, type Part, parts } from './definitions.ts'

/** Input topics that have series of their own: more than any window of nights, and any list that somebody writes, takes. */
const mostTopics = 256

/** What a model's metric says of it. */
export interface ModelLabels {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly taxonomy: string
  readonly runtime: string
}

/** Size of the store, as metrics show it. */
export interface StoreSize {
  readonly objects: number
  readonly bytes: number
  /** Null where it has no meaning. */
  readonly freeBytes: number | null
}

/**
 * All metrics of a process, on a registry of their own. What is counted per alert arrives once a batch; only the two
 * latencies cost something per alert (about half a microsecond).
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #consumed = this.#counter(definitions.consumed)
  readonly #outcomes = this.#counter(definitions.outcomes)
  readonly #notClassified = this.#counter(definitions.notClassified)
  readonly #deadLetters = this.#counter(definitions.deadLetters)
  readonly #published = this.#counter(definitions.published)
  readonly #stage = this.#histogram(definitions.stage)
  readonly #batch = this.#histogram(definitions.batch)
  readonly #ingestToPublish = this.#histogram(definitions.ingestToPublish)
  readonly #alertAge = this.#histogram(definitions.alertAge)
  readonly #lag = this.#gauge(definitions.lag)
  readonly #expired = this.#counter(definitions.expired)
  readonly #rebalances = this.#counter(definitions.rebalances)
  readonly #consumerRestarts = this.#counter(definitions.consumerRestarts)
  readonly #publishRetries = this.#counter(definitions.publishRetries)
  readonly #storeObjects = this.#gauge(definitions.storeObjects)
  readonly #storeBytes = this.#gauge(definitions.storeBytes)
  readonly #storeFreeBytes = this.#gauge(definitions.storeFreeBytes)
  readonly #storeCorrupt = this.#counter(definitions.storeCorrupt)
  readonly #tensors = this.#gauge(definitions.tensors)
  readonly #modelInfo = this.#gauge(definitions.modelInfo)
  readonly #ready = this.#gauge(definitions.ready)
  readonly #lastProgress = this.#gauge(definitions.lastProgress)
  readonly #pointsDropped = this.#counter(definitions.pointsDropped)
  readonly #forcedPhotometry = this.#counter(definitions.forcedPhotometry)
  readonly #lateAlerts = this.#counter(definitions.lateAlerts)
  readonly #repeatedAnswers = this.#counter(definitions.repeatedAnswers)
  readonly #workerRestarts = this.#counter(definitions.workerRestarts)
  #workers: (() => Promise<MetricValues[]>) | null = null
  /** Partitions of the input topics that have series, the topic seen last at the end. */
  readonly #partitions = new Map<string, Set<number>>()
  readonly #collectors: (() => void | Promise<void>)[] = []

  /** `process`: also the default metrics of the process, event-loop lag among them (default true). */
  constructor(options: { readonly process?: boolean } = {}) {
    this.#storeFreeBytes.remove()
    if (options.process ?? true) collectDefaultMetrics({ register: this.#registry })
  }

  /** Counts a batch whose output is acknowledged, at `now` (epoch ms). */
  batch(stats: BatchStats, now: number = Date.now()): void {
    let alerts = 0
    for (const [topic, count] of stats.consumed) {
      this.#seen(topic)
      this.#consumed.inc({ topic }, count)
      alerts += count
    }
    this.#batch.observe(alerts)
    this.#outcomes.inc({ outcome: 'classified' satisfies Outcome }, stats.classified)
    for (const [reason, count] of stats.notClassified) {
      this.#outcomes.inc({ outcome: 'not_classified' satisfies Outcome }, count)
      this.#notClassified.inc({ reason }, count)
    }
    for (const { error } of stats.deadLetters) {
      this.#outcomes.inc({ outcome: 'dead_letter' satisfies Outcome })
      this.#deadLetters.inc({ code: error.code })
    }
    for (const [topic, count] of stats.published) this.#published.inc({ topic }, count)
    for (const stage of stages) this.#stage.observe({ stage }, stats.stageSeconds[stage])
    for (const reason of dropReasons) this.#pointsDropped.inc({ reason }, stats.droppedPoints[reason])
    this.#forcedPhotometry.inc(stats.forcedPhotometry)
    this.#lateAlerts.inc(stats.lateAlerts)
    this.#repeatedAnswers.inc(stats.repeatedAnswers)
    // Clocks differ between machines: no negative latencies.
    for (const seconds of stats.ingestToPublish) this.#ingestToPublish.observe(Math.max(0, seconds))
    for (const seconds of stats.alertAges) this.#alertAge.observe(Math.max(0, seconds))
    this.progress(now)
  }

  /** Work went on, at `now` (epoch ms), with or without a batch. */
  progress(now: number = Date.now()): void {
    this.#lastProgress.set(now / 1000)
  }

  /** Lag of a partition in messages; −1 when this process does not own it. */
  lag(topic: string, partition: number, messages: number): void {
    this.#seen(topic)
    this.#partitions.get(topic)?.add(partition)
    this.#lag.set({ topic, partition: String(partition) }, messages)
  }

  /**
   * Every night has topics of its own: of the input topics seen, only the latest have series, so that a process that runs for
   * months does not gather them.
   */
  #seen(topic: string): void {
    const partitions = this.#partitions.get(topic) ?? new Set<number>()
    this.#partitions.delete(topic)
    this.#partitions.set(topic, partitions)
    const [oldest] = this.#partitions.keys()
    if (this.#partitions.size <= mostTopics || oldest === undefined) return
    for (const partition of this.#partitions.get(oldest) ?? []) {
      this.#lag.remove({ topic: oldest, partition: String(partition) })
    }
    this.#consumed.remove({ topic: oldest })
    this.#expired.remove({ topic: oldest })
    this.#partitions.delete(oldest)
  }

  rebalanced(): void {
    this.#rebalances.inc()
  }

  /** Messages of a topic were removed by retention before they were read. */
  expired(topic: string, messages: number): void {
    this.#seen(topic)
    this.#expired.inc({ topic }, messages)
  }

  /** A worker process that ended was started again. */
  workerRestarted(): void {
    this.#workerRestarts.inc()
  }

  consumerRestarted(): void {
    this.#consumerRestarts.inc()
  }

  publishRetried(): void {
    this.#publishRetries.inc()
  }

  store(size: StoreSize): void {
    this.#storeObjects.set(size.objects)
    this.#storeBytes.set(size.bytes)
    if (size.freeBytes === null) this.#storeFreeBytes.remove()
    else this.#storeFreeBytes.set(size.freeBytes)
  }

  /** A stored record could not be read. */
  storeCorrupt(): void {
    this.#storeCorrupt.inc()
  }

  tensors(live: number): void {
    this.#tensors.set(live)
  }

  /** The models in use; those named before are forgotten. */
  models(models: readonly ModelLabels[]): void {
    this.#modelInfo.reset()
    for (const { name, version, sha256, taxonomy, runtime } of models) {
      this.#modelInfo.set({ name, version, sha256, taxonomy, runtime }, 1)
    }
  }

  ready(readiness: Readonly<Record<Part, { readonly ready: boolean }>>): void {
    for (const part of parts) this.#ready.set({ part }, readiness[part].ready ? 1 : 0)
  }

  /** `collector` runs before every scrape, to bring gauges up to date. A failing one leaves its gauges as they are. */
  beforeScrape(collector: () => void | Promise<void>): void {
    this.#collectors.push(collector)
  }

  /** From now on the metrics are those of this process and of its workers, whose values `workers` gives. */
  addWorkers(workers: () => Promise<MetricValues[]>): void {
    this.#workers = workers
  }

  /** All metrics in Prometheus's text format. */
  async text(): Promise<string> {
    return (await this.#all()).metrics()
  }

  /** Media type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics as values, for a parent process that adds up its workers'. */
  async values(): Promise<MetricValues> {
    return (await this.#all()).getMetricsAsJSON()
  }

  async #all(): Promise<Registry> {
    await this.#collect()
    if (!this.#workers) return this.#registry
    return combineMetrics(await this.#registry.getMetricsAsJSON(), await this.#workers())
  }

  async #collect(): Promise<void> {
    await Promise.allSettled(this.#collectors.map(async collector => collector()))
  }

  #counter(definition: Definition): Counter {
    const counter = new Counter(this.#settings(definition))
    for (const value of definition.values ?? []) counter.inc(firstLabel(definition, value), 0)
    return counter
  }

  #gauge(definition: Definition): Gauge {
    const gauge = new Gauge(this.#settings(definition))
    for (const value of definition.values ?? []) gauge.set(firstLabel(definition, value), 0)
    return gauge
  }

  #histogram(definition: Definition): Histogram {
    const histogram = new Histogram({ ...this.#settings(definition), buckets: [...(definition.buckets ?? [])] })
    for (const value of definition.values ?? []) histogram.zero(firstLabel(definition, value))
    return histogram
  }

  #settings({ name, help, labels, aggregator }: Definition) {
    return {
      name,
      help,
      labelNames: [...(labels ?? [])],
      registers: [this.#registry],
      ...(aggregator === undefined ? {} : { aggregator })
    }
  }
}

function firstLabel({ labels }: Definition, value: string): Record<string, string> {
  return { [labels?.[0] ?? '']: value }
}
