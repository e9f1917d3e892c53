import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Classification } from '../messages/classification.ts'
import { agreements } from '../pipeline/agreement.ts'
import { type BatchStats, dropReasons, stages } from '../pipeline/batch-stats.ts'
import type { ShadowResult } from '../pipeline/shadows.ts'
import type { PartitionStatus } from '../streams/types.ts'
import { type Definition, definitions, type Metric, metricName, type Part, parts } from './definitions.ts'
import { combine, type MetricValues } from './processes.ts'

/** Number of input topics that have series of their own: more than any window of nights, or any list in a configuration. */
const maxTopics = 256

/** Label `node` of an alert for which a model predicts none. */
const noPrediction = 'none'

type Definitions = typeof definitions
type MetricOf<Type> = { [Name in Metric]: Definitions[Name]['type'] extends Type ? Name : never }[Metric]

/** The labels that a metric requires, as the last argument of a call. */
type LabelsOf<Name extends Metric> = Definitions[Name] extends { labels: readonly (infer L extends string)[] }
  ? [labels: Readonly<Record<L, string>>]
  : []

/** What metrics show of a model. */
export type ModelOfMetrics = LabelsOf<'model_info'>[0] & { readonly nodes: readonly { readonly name: string }[] }

interface Instruments {
  readonly counter: Counter
  readonly gauge: Gauge
  readonly histogram: Histogram
}

/**
 * All metrics of a process, on a registry of their own. Every entry of `definitions` is registered, and recorded by its name there.
 * What is counted per alert arrives once a batch; only the two latencies cost something per alert (about half a microsecond).
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #instruments: { readonly [Name in Metric]: Instruments[Definitions[Name]['type']] }
  #workers: (() => Promise<MetricValues[]>) | null = null
  /** Partitions of the input topics that have series, the most recent topic last. */
  readonly #partitions = new Map<string, Set<number>>()
  readonly #collectors: (() => void | Promise<void>)[] = []

  /** `process`: also the default metrics of the process, event-loop lag among them (default true). */
  constructor(options: { readonly process?: boolean } = {}) {
    const entries = Object.entries<Definition>(definitions)
    const instruments = entries.map(([name, definition]) => [name, register(name, definition, this.#registry)])
    this.#instruments = Object.fromEntries(instruments)
    this.#instruments.store_free_bytes.remove()
    this.beforeScrape(() => this.set('clock_seconds', Date.now() / 1000))
    if (options.process ?? true) collectDefaultMetrics({ register: this.#registry })
  }

  /** Adds to a counter. */
  increment<Name extends MetricOf<'counter'>>(name: Name, count = 1, ...[labels = {}]: LabelsOf<Name>): void {
    this.#instruments[name].inc(labels, count)
  }

  /** Sets a gauge. */
  set<Name extends MetricOf<'gauge'>>(name: Name, value: number, ...[labels = {}]: LabelsOf<Name>): void {
    this.#instruments[name].set(labels, value)
  }

  /** Records a value in a histogram. */
  observe<Name extends MetricOf<'histogram'>>(name: Name, value: number, ...[labels = {}]: LabelsOf<Name>): void {
    this.#instruments[name].observe(labels, value)
  }

  /** Records a batch whose output is acknowledged, at `now` (epoch ms). */
  batch(stats: BatchStats, now: number = Date.now()): void {
    let alerts = 0
    for (const [topic, count] of stats.consumed) {
      this.#keepTopic(topic)
      this.increment('alerts_consumed_total', count, { topic })
      alerts += count
    }
    this.observe('batch_alerts', alerts)
    this.increment('outcomes_total', stats.classified, { outcome: 'classified' })
    for (const [reason, count] of stats.notClassified) {
      this.increment('outcomes_total', count, { outcome: 'not_classified' })
      this.increment('not_classified_total', count, { reason })
    }
    this.#countAnswers(stats.classifications)
    for (const { error } of stats.deadLetters) {
      this.increment('outcomes_total', 1, { outcome: 'dead_letter' })
      this.increment('dead_letters_total', 1, { code: error.code })
    }
    for (const [topic, count] of stats.published) this.increment('published_total', count, { topic })
    for (const { topic, classifier, probability, retracted } of stats.routed) {
      this.increment('route_messages_total', 1, { topic, kind: retracted ? 'retracted' : 'sent' })
      if (!retracted && probability !== null) this.observe('route_probability', probability, { topic, classifier })
    }
    for (const stage of stages) this.observe('stage_seconds', stats.stageSeconds[stage], { stage })
    this.increment('points_total', stats.points)
    for (const reason of dropReasons) this.increment('points_dropped_total', stats.droppedPoints[reason], { reason })
    this.increment('forced_photometry_points_total', stats.forcedPhotometry)
    this.increment('late_alerts_total', stats.lateAlerts)
    this.increment('repeated_answers_total', stats.reissuedAnswers)
    // Clocks differ between machines: no negative latencies.
    for (const seconds of stats.ingestToPublish) this.observe('ingest_to_publish_seconds', Math.max(0, seconds))
    for (const seconds of stats.alertAges) this.observe('alert_age_seconds', Math.max(0, seconds))
    this.progress(now)
  }

  /** Records that work makes progress, at `now` (epoch ms), with or without a batch. */
  progress(now: number = Date.now()): void {
    this.set('last_progress_timestamp_seconds', now / 1000)
  }

  /** Records the position of this process in a partition of an input topic. */
  partition({ topic, partition, lag, next, held }: PartitionStatus): void {
    this.#keepTopic(topic)
    this.#partitions.get(topic)?.add(partition)
    const labels = { topic, partition: String(partition) }
    this.set('consumer_lag', lag, labels)
    this.set('partition_held', held ? 1 : 0, labels)
    // The old offset of a partition that another process owns now would hide its progress.
    if (lag < 0) this.#instruments.consumer_offset.remove(labels)
    else if (next !== null) this.set('consumer_offset', Number(next), labels)
  }

  /** From now on these topics are read. Partitions of others have no lag, not even an unknown one. */
  inputTopics(topics: readonly string[]): void {
    for (const topic of this.#partitions.keys()) if (!topics.includes(topic)) this.#dropPartitions(topic)
  }

  /** Messages of a topic that retention removed before they were read. */
  expired(topic: string, messages: number): void {
    this.#keepTopic(topic)
    this.increment('messages_expired_total', messages, { topic })
  }

  /** Size of the store; `freeBytes` is null if it has no meaning. */
  store(size: { readonly objects: number; readonly bytes: number; readonly freeBytes: number | null }): void {
    this.set('store_objects', size.objects)
    this.set('store_bytes', size.bytes)
    if (size.freeBytes === null) this.#instruments.store_free_bytes.remove()
    else this.set('store_free_bytes', size.freeBytes)
  }

  /** The models in use; replaces those of an earlier call. */
  models(models: readonly ModelOfMetrics[]): void {
    this.#instruments.model_info.reset()
    for (const { name, version, sha256, taxonomy, runtime, nodes } of models) {
      this.set('model_info', 1, { name, version, sha256, taxonomy, runtime })
      // From 0, so that the first prediction of a node is an increase.
      for (const node of [noPrediction, ...nodes.map(({ name }) => name)])
        this.increment('predictions_total', 0, { classifier: name, node })
    }
  }

  /** The topics of routes, and the models that answer: from 0, so that the first message is an increase. */
  routes(topics: readonly string[], models: readonly Pick<ModelOfMetrics, 'name'>[]): void {
    for (const topic of topics) {
      for (const kind of ['sent', 'retracted']) this.increment('route_messages_total', 0, { topic, kind })
      for (const { name } of models) this.#instruments.route_probability.zero({ topic, classifier: name })
    }
  }

  /** The shadow models. */
  shadows(models: readonly ModelOfMetrics[]): void {
    for (const { name, version, sha256, taxonomy, runtime, nodes } of models) {
      this.set('shadow_info', 1, { name, version, sha256, taxonomy, runtime })
      const none = nodes.flatMap(node => agreements.map(agreement => [null, node.name, agreement, 0] as const))
      this.shadow(name, { sha256, pairs: none, skipped: { busy: 0, failed: 0 }, seconds: 0 })
    }
  }

  /** Records what a shadow model of that name did with a batch. */
  shadow(classifier: string, { sha256, pairs, skipped, seconds }: Omit<ShadowResult, 'disagreements'>): void {
    const labels = { classifier, sha256 }
    for (const [, node, agreement, count] of pairs) {
      this.increment('shadow_predictions_total', count, { ...labels, node: node ?? noPrediction })
      this.increment('shadow_agreement_total', count, { ...labels, agreement })
    }
    for (const [reason, count] of Object.entries(skipped))
      this.increment('shadow_skipped_total', count, { ...labels, reason })
    this.increment('shadow_seconds_total', seconds, labels)
  }

  ready(readiness: Readonly<Record<Part, { readonly ready: boolean }>>): void {
    for (const part of parts) this.set('ready', readiness[part].ready ? 1 : 0, { part })
  }

  /** `collector` runs before every scrape, to update gauges. One that fails leaves its gauges as they are. */
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

  /** All metrics as values, for a parent process that combines its workers'. */
  async values(): Promise<MetricValues> {
    return (await this.#all()).getMetricsAsJSON()
  }

  async #all(): Promise<Registry> {
    await Promise.allSettled(this.#collectors.map(async collector => collector()))
    if (!this.#workers) return this.#registry
    return combine(await this.#registry.getMetricsAsJSON(), await this.#workers())
  }

  /**
   * Every night has topics of its own. Only the most recent input topics keep their series, so that they do not accumulate in a
   * process that runs for months.
   */
  #keepTopic(topic: string): void {
    const partitions = this.#partitions.get(topic) ?? new Set<number>()
    this.#partitions.delete(topic)
    this.#partitions.set(topic, partitions)
    const [oldest] = this.#partitions.keys()
    if (this.#partitions.size <= maxTopics || oldest === undefined) return
    this.#dropPartitions(oldest)
    this.#instruments.alerts_consumed_total.remove({ topic: oldest })
    this.#instruments.messages_expired_total.remove({ topic: oldest })
    this.#partitions.delete(oldest)
  }

  #dropPartitions(topic: string): void {
    const partitions = this.#partitions.get(topic)
    const { consumer_lag, consumer_offset, partition_held } = this.#instruments
    for (const partition of partitions ?? [])
      for (const gauge of [consumer_lag, consumer_offset, partition_held])
        gauge.remove({ topic, partition: String(partition) })
    partitions?.clear()
  }

  #countAnswers(classifications: readonly Classification[]): void {
    const predictions = new Map<string, Map<string, number>>()
    for (const { status, prediction, novelty, classifier } of classifications) {
      if (status !== 'CLASSIFIED') continue
      const { name } = classifier
      const nodes = predictions.get(name) ?? new Map<string, number>()
      predictions.set(name, nodes)
      const node = prediction?.node ?? noPrediction
      nodes.set(node, (nodes.get(node) ?? 0) + 1)
      if (prediction !== null) this.observe('prediction_probability', prediction.probability, { classifier: name })
      if (novelty !== null) this.observe('novelty', novelty, { classifier: name })
    }
    for (const [classifier, nodes] of predictions)
      for (const [node, count] of nodes) this.increment('predictions_total', count, { classifier, node })
  }
}

/** Registers a metric; every label value that is known begins at 0. */
function register(metric: string, definition: Definition, registry: Registry): Counter | Gauge | Histogram {
  const { type, help, labels = [], values = [], buckets = [], aggregator } = definition
  const settings = {
    name: metricName(metric),
    help,
    labelNames: [...labels],
    registers: [registry],
    ...(aggregator === undefined ? {} : { aggregator })
  }
  const series = values.map(value => ({ [labels[0] as string]: value }))
  if (type === 'histogram') {
    const histogram = new Histogram({ ...settings, buckets: [...buckets] })
    for (const labelled of series) histogram.zero(labelled)
    return histogram
  }
  const instrument = type === 'counter' ? new Counter(settings) : new Gauge(settings)
  for (const labelled of series) instrument.inc(labelled, 0)
  return instrument
}
