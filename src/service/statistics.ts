import type { Classification } from '../messages/classification.ts'
import { type Metric, metricName } from '../telemetry/definitions.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { MinuteView, StatisticsView } from './schema/schemas.ts'

const seconds = 60

/** Alerts of one second: those without a classification by reason, the others by the predicted node. */
interface Bucket {
  readonly second: number
  readonly reasons: Map<string, number>
  readonly nodes: Map<string, number>
}

/** Counts the classifications of one model over the last minute, in a ring of seconds. Its size does not depend on the rate. */
export class MinuteStatistics {
  readonly #sha256: string
  readonly #ring: Bucket[] = []

  /** @param sha256 SHA-256 of the model whose classifications are counted */
  constructor(sha256: string) {
    this.#sha256 = sha256
  }

  /** Counts classifications at `now` (ms of a monotonic clock). */
  add(
    classifications: readonly Pick<Classification, 'classifier' | 'reason' | 'prediction'>[],
    now = performance.now()
  ): void {
    const second = Math.floor(now / 1000)
    const place = second % (seconds + 1)
    let bucket = this.#ring[place]
    if (bucket?.second !== second) bucket = this.#ring[place] = { second, reasons: new Map(), nodes: new Map() }
    for (const { classifier, reason, prediction } of classifications) {
      if (classifier.sha256 !== this.#sha256) continue
      if (reason === null) increase(bucket.nodes, prediction?.node ?? '', 1)
      else increase(bucket.reasons, reason, 1)
    }
  }

  /** The last 60 whole seconds before `now`. */
  view(now = performance.now()): MinuteView {
    const end = Math.floor(now / 1000)
    const perSecond = new Array<number>(seconds).fill(0)
    const reasons = new Map<string, number>()
    const nodes = new Map<string, number>()
    // The ring has gaps for seconds without alerts.
    for (const bucket of this.#ring.filter(({ second }) => second >= end - seconds && second < end)) {
      perSecond[bucket.second - end + seconds] = sumOf(bucket.reasons) + sumOf(bucket.nodes)
      for (const [name, count] of bucket.reasons) increase(reasons, name, count)
      for (const [name, count] of bucket.nodes) increase(nodes, name, count)
    }
    return {
      perSecond,
      classified: sumOf(nodes),
      notClassified: sumOf(reasons),
      reasons: Object.fromEntries(reasons),
      nodes: Object.fromEntries(nodes)
    }
  }
}

function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

type Values = Awaited<ReturnType<Metrics['values']>>

/** The response of the API on statistics, from the metrics and the last minute. */
export function toStatisticsView(values: Values, minute: MinuteView = new MinuteStatistics('').view()): StatisticsView {
  const samples = (metric: Metric) => values.find(({ name }) => name === metricName(metric))?.values ?? []
  const sum = (metric: Metric): number => samples(metric).reduce((total, { value }) => total + Math.max(0, value), 0)
  const outcome = (name: string): number =>
    samples('outcomes_total').find(({ labels }) => labels.outcome === name)?.value ?? 0
  return {
    alerts: sum('alerts_consumed_total'),
    outcomes: {
      classified: outcome('classified'),
      notClassified: outcome('not_classified'),
      deadLetters: outcome('dead_letter')
    },
    lag: sum('consumer_lag'),
    objects: sum('store_objects'),
    minute
  }
}
