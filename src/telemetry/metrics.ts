import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry
} from 'prom-client'
import { type BatchStats, dropReasons, stages } from '../pipeline/batch-stats.ts'
import { type Definition, definitions, type Outcome, type Part, parts } from './definitions.ts'

/** Number of input topics that have series of their own: more than any window of nights, or any list in a configuration. */
const maxTopics = 256

/** Labels of a model. */
export interface ModelLabels {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly taxonomy: string
  readonly runtime: string
}

/** Size of the store. */
export interface StoreSize {
  readonly objects: number
  readonly bytes: number
  /** Null if it has no meaning. */
  readonly freeBytes: number | null
}

/** Metrics of a process as values. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>[]

type Definitions = typeof definitions
type NameOf<Type> = {
  [Name in keyof Definitions]: Definitions[Name]['type'] extends Type ? Name : never
}[keyof Definitions]

/** The labels that a metric requires, as the last argument of a call. */
type LabelsOf<Name extends keyof Definitions> = Definitions[Name] extends {
  labels: readonly (infer L extends string)[]
}
  ? [labels: Readonly<Record<L, string>>]
  : []

const first = ([labels = {}]: [] | [labels: Readonly<Record<string, string>>]) => labels

type Instrument = Counter | Gauge | Histogram

/**
 * All metrics of a process, on a registry of their own. Every entry of `definitions` is registered, and recorded by its name there.
 * What is counted per alert arrives once a batch; only the two latencies cost something per alert (about half a microsecond).
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #instruments: Readonly<Record<string, Instrument>>
  #workers: (() => Promise<MetricValues[]>) | null = null
  /** Partitions of the input topics that have series, the most recent topic last. */
  readonly #partitions = new Map<string, Set<number>>()
  readonly #collectors: (() => void | Promise<void>)[] = []

  /** `process`: also the default metrics of the process, event-loop lag among them (default true). */
  constructor(options: { readonly process?: boolean } = {}) {
    const entries = Object.entries<Definition>(definitions)
    this.#instruments = Object.fromEntries(entries.map(([name, entry]) => [name, register(entry, this.#registry)]))
    this.#gauge('storeFreeBytes').remove()
    if (options.process ?? true) collectDefaultMetrics({ register: this.#registry })
  }

  /** Adds to a counter. */
  increment<Name extends NameOf<'counter'>>(name: Name, count = 1, ...labels: LabelsOf<Name>): void {
    this.#counter(name).inc(first(labels), count)
  }

  /** Sets a gauge. */
  set<Name extends NameOf<'gauge'>>(name: Name, value: number, ...labels: LabelsOf<Name>): void {
    this.#gauge(name).set(first(labels), value)
  }

  /** Records a value in a histogram. */
  observe<Name extends NameOf<'histogram'>>(name: Name, value: number, ...labels: LabelsOf<Name>): void {
    const histogram = this.#instruments[name] as Histogram
    histogram.observe(first(labels), value)
  }

  /** Records a batch whose output is acknowledged, at `now` (epoch ms). */
  batch(stats: BatchStats, now: number = Date.now()): void {
    let alerts = 0
    for (const [topic, count] of stats.consumed) {
      this.#keepTopic(topic)
      this.increment('consumed', count, { topic })
      alerts += count
    }
    this.observe('batch', alerts)
    this.#countOutcome('classified', stats.classified)
    for (const [reason, count] of stats.notClassified) {
      this.#countOutcome('not_classified', count)
      this.increment('notClassified', count, { reason })
    }
    for (const { error } of stats.deadLetters) {
      this.#countOutcome('dead_letter', 1)
      this.increment('deadLetters', 1, { code: error.code })
    }
    for (const [topic, count] of stats.published) this.increment('published', count, { topic })
    for (const stage of stages) this.observe('stage', stats.stageSeconds[stage], { stage })
    for (const reason of dropReasons) this.increment('pointsDropped', stats.droppedPoints[reason], { reason })
    this.increment('forcedPhotometry', stats.forcedPhotometry)
    this.increment('lateAlerts', stats.lateAlerts)
    this.increment('reissuedAnswers', stats.reissuedAnswers)
    // Clocks differ between machines: no negative latencies.
    for (const seconds of stats.ingestToPublish) this.observe('ingestToPublish', Math.max(0, seconds))
    for (const seconds of stats.alertAges) this.observe('alertAge', Math.max(0, seconds))
    this.progress(now)
  }

  /** Records that work makes progress, at `now` (epoch ms), with or without a batch. */
  progress(now: number = Date.now()): void {
    this.set('lastProgress', now / 1000)
  }

  /** Lag of a partition in messages; −1 when this process does not own it. */
  lag(topic: string, partition: number, messages: number): void {
    this.#keepTopic(topic)
    this.#partitions.get(topic)?.add(partition)
    this.set('lag', messages, { topic, partition: String(partition) })
  }

  /** Messages of a topic that retention removed before they were read. */
  expired(topic: string, messages: number): void {
    this.#keepTopic(topic)
    this.increment('expired', messages, { topic })
  }

  store({ objects, bytes, freeBytes }: StoreSize): void {
    this.set('storeObjects', objects)
    this.set('storeBytes', bytes)
    if (freeBytes === null) this.#gauge('storeFreeBytes').remove()
    else this.set('storeFreeBytes', freeBytes)
  }

  /** The models in use; replaces those of an earlier call. */
  models(models: readonly ModelLabels[]): void {
    this.#gauge('modelInfo').reset()
    for (const { name, version, sha256, taxonomy, runtime } of models) {
      this.set('modelInfo', 1, { name, version, sha256, taxonomy, runtime })
    }
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
    for (const partition of this.#partitions.get(oldest) ?? []) {
      this.#gauge('lag').remove({ topic: oldest, partition: String(partition) })
    }
    this.#counter('consumed').remove({ topic: oldest })
    this.#counter('expired').remove({ topic: oldest })
    this.#partitions.delete(oldest)
  }

  #countOutcome(outcome: Outcome, count: number): void {
    this.increment('outcomes', count, { outcome })
  }

  #counter(name: NameOf<'counter'>): Counter {
    return this.#instruments[name] as Counter
  }

  #gauge(name: NameOf<'gauge'>): Gauge {
    return this.#instruments[name] as Gauge
  }
}

/** Registers a metric; every label value that is known begins at 0. */
function register({ name, type, help, labels = [], values = [], buckets = [], aggregator }: Definition, to: Registry) {
  const settings = {
    name,
    help,
    labelNames: [...labels],
    registers: [to],
    ...(aggregator === undefined ? {} : { aggregator })
  }
  const series = values.map(value => ({ [labels[0] as string]: value }))
  if (type === 'counter') {
    const counter = new Counter(settings)
    for (const labelled of series) counter.inc(labelled, 0)
    return counter
  }
  if (type === 'gauge') {
    const gauge = new Gauge(settings)
    for (const labelled of series) gauge.set(labelled, 0)
    return gauge
  }
  const histogram = new Histogram({ ...settings, buckets: [...buckets] })
  for (const labelled of series) histogram.zero(labelled)
  return histogram
}

/**
 * The metrics of a parent and of its workers as one registry: counters and histograms are summed, gauges combined as their
 * definition says. The parent's own values are kept for readiness, and for what is meaningful for one process only (its start time).
 */
function combine(parent: MetricValues, workers: readonly MetricValues[]): Registry {
  const own = parent.map(metric => (isOmitted(metric) ? { ...metric, aggregator: 'first' as const } : metric))
  const others = workers.map(values =>
    values.filter(metric => !isOmitted(metric) && metric.name !== definitions.ready.name)
  )
  return AggregatorRegistry.aggregate([own, ...others])
}

/** What remains of processes that have ended: their counters and histograms, summed. */
export async function countedBy(...processes: readonly MetricValues[]): Promise<MetricValues> {
  const counted = processes.map(values => values.filter(({ type }) => ['counter', 'histogram'].includes(String(type))))
  return AggregatorRegistry.aggregate(counted).getMetricsAsJSON()
}

function isOmitted({ aggregator }: MetricValues[number]): boolean {
  return aggregator === 'omit'
}
