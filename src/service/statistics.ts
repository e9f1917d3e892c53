import type { Classification } from '../messages/classification.ts'
import { type Metric, metricName } from '../telemetry/definitions.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { MinuteView, StatisticsView } from './schemas.ts'

const seconds = 60

/** Answers of one second. */
interface Bucket {
  second: number
  answers: number
  classified: number
  readonly reasons: Map<string, number>
  readonly nodes: Map<string, number>
}

/** Counts the answers of one model over the last minute: a ring of seconds, of one size whatever the rate. */
export class MinuteStatistics {
  readonly #sha256: string
  readonly #ring: Bucket[] = Array.from({ length: seconds + 1 }, () => empty(-1))

  /** @param sha256 SHA-256 of the model whose answers count */
  constructor(sha256: string) {
    this.#sha256 = sha256
  }

  /** Counts answers at `now` (ms of any clock that only goes forward). */
  add(answers: readonly Pick<Classification, 'classifier' | 'reason' | 'prediction'>[], now = performance.now()): void {
    const bucket = this.#bucket(Math.floor(now / 1000))
    for (const { classifier, reason, prediction } of answers) {
      if (classifier.sha256 !== this.#sha256) continue
      bucket.answers++
      if (reason === null) {
        bucket.classified++
        increase(bucket.nodes, prediction?.node ?? '', 1)
      } else increase(bucket.reasons, reason, 1)
    }
  }

  /** The minute before the second of `now`. */
  view(now = performance.now()): MinuteView {
    const end = Math.floor(now / 1000)
    const own = this.#ring.filter(({ second }) => second >= end - seconds && second < end)
    const perSecond = new Array<number>(seconds).fill(0)
    const reasons = new Map<string, number>()
    const nodes = new Map<string, number>()
    let answers = 0
    let classified = 0
    for (const bucket of own) {
      perSecond[bucket.second - end + seconds] = bucket.answers
      answers += bucket.answers
      classified += bucket.classified
      for (const [name, count] of bucket.reasons) increase(reasons, name, count)
      for (const [name, count] of bucket.nodes) increase(nodes, name, count)
    }
    return {
      perSecond,
      classified,
      notClassified: answers - classified,
      reasons: Object.fromEntries(reasons),
      nodes: Object.fromEntries(nodes)
    }
  }

  #bucket(second: number): Bucket {
    const place = second % this.#ring.length
    const kept = this.#ring[place]
    if (kept?.second === second) return kept
    const fresh = empty(second)
    this.#ring[place] = fresh
    return fresh
  }
}

function empty(second: number): Bucket {
  return { second, answers: 0, classified: 0, reasons: new Map(), nodes: new Map() }
}

function increase(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by)
}

type Values = Awaited<ReturnType<Metrics['values']>>

/** Statistics as the API answers them, from the metrics and the last minute. */
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
