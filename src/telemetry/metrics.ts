import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry
} from 'prom-client'
import type { ErrorCode } from '../errors.ts'
import {
  type Definition,
  definitions,
  type NotClassifiedReason,
  type Outcome,
  type Part,
  type PointDropReason,
  parts,
  type Stage
} from './definitions.ts'

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

/** Seconds between a Julian date (days) and a Unix time (ms). */
export function secondsSince(jd: number, now: number): number {
  return now / 1000 - (jd - 2440587.5) * 86400
}

/**
 * All metrics of a process, on a registry of their own. Counters with labels take a count, so that a batch costs one
 * call per label; only the two latencies are observed per alert.
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
  readonly #rebalances = this.#counter(definitions.rebalances)
  readonly #consumerRestarts = this.#counter(definitions.consumerRestarts)
  readonly #publishRetries = this.#counter(definitions.publishRetries)
  readonly #storeObjects = this.#gauge(definitions.storeObjects)
  readonly #storeBytes = this.#gauge(definitions.storeBytes)
  readonly #storeFreeBytes = this.#gauge(definitions.storeFreeBytes)
  readonly #tensors = this.#gauge(definitions.tensors)
  readonly #modelInfo = this.#gauge(definitions.modelInfo)
  readonly #ready = this.#gauge(definitions.ready)
  readonly #lastProgress = this.#gauge(definitions.lastProgress)
  readonly #pointsDropped = this.#counter(definitions.pointsDropped)
  readonly #forcedPhotometry = this.#counter(definitions.forcedPhotometry)
  readonly #lateAlerts = this.#counter(definitions.lateAlerts)
  readonly #repeatedAnswers = this.#counter(definitions.repeatedAnswers)
  readonly #collectors: (() => void | Promise<void>)[] = []

  /** `process`: also the default metrics of the process, event-loop lag among them (default true). */
  constructor(options: { readonly process?: boolean } = {}) {
    this.#storeFreeBytes.remove()
    if (options.process ?? true) collectDefaultMetrics({ register: this.#registry })
  }

  /** Alerts of a topic that were brought to their outcome. */
  consumed(topic: string, alerts: number): void {
    this.#consumed.inc({ topic }, alerts)
  }

  outcome(outcome: Outcome, alerts: number): void {
    this.#outcomes.inc({ outcome }, alerts)
  }

  notClassified(reason: NotClassifiedReason, alerts: number): void {
    this.#notClassified.inc({ reason }, alerts)
  }

  deadLetters(code: ErrorCode, alerts: number): void {
    this.#deadLetters.inc({ code }, alerts)
  }

  /** Messages that a topic acknowledged. */
  published(topic: string, messages: number): void {
    this.#published.inc({ topic }, messages)
  }

  /** Time that a stage took for a batch, seconds. */
  stage(stage: Stage, seconds: number): void {
    this.#stage.observe({ stage }, seconds)
  }

  /** A batch was finished, at `now` (epoch ms). */
  batch(alerts: number, now: number = Date.now()): void {
    this.#batch.observe(alerts)
    this.progress(now)
  }

  /** Work went on, at `now` (epoch ms), with or without a batch. */
  progress(now: number = Date.now()): void {
    this.#lastProgress.set(now / 1000)
  }

  /** One alert's output was acknowledged: seconds since its arrival and since its exposure. Cheap. */
  acknowledged(sinceArrival: number, sinceExposure: number): void {
    // Clocks differ between machines: no negative latencies.
    this.#ingestToPublish.observe(Math.max(0, sinceArrival))
    this.#alertAge.observe(Math.max(0, sinceExposure))
  }

  /** Lag of a partition in messages; −1 when this process does not own it. */
  lag(topic: string, partition: number, messages: number): void {
    this.#lag.set({ topic, partition: String(partition) }, messages)
  }

  /** Forgets the lag of a topic that is no longer subscribed. */
  forgetLag(topic: string, partitions: readonly number[]): void {
    for (const partition of partitions) this.#lag.remove({ topic, partition: String(partition) })
  }

  rebalanced(): void {
    this.#rebalances.inc()
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

  pointsDropped(reason: PointDropReason, points: number): void {
    if (points > 0) this.#pointsDropped.inc({ reason }, points)
  }

  forcedPhotometry(points: number): void {
    this.#forcedPhotometry.inc(points)
  }

  lateAlerts(alerts: number): void {
    this.#lateAlerts.inc(alerts)
  }

  repeatedAnswers(answers: number): void {
    this.#repeatedAnswers.inc(answers)
  }

  /** `collector` runs before every scrape, to bring gauges up to date. A failing one leaves its gauges as they are. */
  beforeScrape(collector: () => void | Promise<void>): void {
    this.#collectors.push(collector)
  }

  /** All metrics in Prometheus's text format. */
  async text(): Promise<string> {
    await this.#collect()
    return this.#registry.metrics()
  }

  /** Media type of `text()`. */
  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics as values, for a parent process that adds up its workers' (prom-client's `AggregatorRegistry`). */
  async values(): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
    await this.#collect()
    return this.#registry.getMetricsAsJSON()
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
