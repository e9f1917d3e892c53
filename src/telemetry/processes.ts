import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'
import { metricName } from './definitions.ts'

/** Metrics of a process as values. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>[]

/**
 * The metrics of a parent and of its workers as one registry: counters and histograms are summed, gauges combined as their
 * definition says. The parent's own values are kept for readiness, and for what is meaningful for one process only (its start time).
 */
export function combine(parent: MetricValues, workers: readonly MetricValues[]): Registry {
  const own = parent.map(metric => (isOmitted(metric) ? { ...metric, aggregator: 'first' as const } : metric))
  const others = workers.map(values =>
    values.filter(metric => !isOmitted(metric) && metric.name !== metricName('ready'))
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
