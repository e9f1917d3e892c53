import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'
import { definitions } from './definitions.ts'

/** Metrics of a process as values. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>[]

/**
 * The metrics of a parent and of its workers as one registry: counters and histograms are added up, gauges as their definition
 * says. Of what makes sense for one process only (when it began), and of readiness, which is more than the least of all, those of the
 * parent stand.
 */
export function combineMetrics(parent: MetricValues, workers: readonly MetricValues[]): Registry {
  const own = parent.map(metric => (isOmitted(metric) ? { ...metric, aggregator: 'first' as const } : metric))
  const others = workers.map(values =>
    values.filter(metric => !isOmitted(metric) && metric.name !== definitions.ready.name)
  )
  return AggregatorRegistry.aggregate([own, ...others])
}

/** What stays of a process that has ended: what it counted. Its gauges are gone with it. */
export async function countedBy(...processes: readonly MetricValues[]): Promise<MetricValues> {
  const counted = processes.map(values => values.filter(({ type }) => isCounted(String(type))))
  return AggregatorRegistry.aggregate(counted).getMetricsAsJSON()
}

function isCounted(type: string): boolean {
  return type === 'counter' || type === 'histogram'
}

function isOmitted({ aggregator }: MetricValues[number]): boolean {
  return aggregator === 'omit'
}
