import { definitions } from '../telemetry/definitions.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { StatisticsView } from './ports.ts'
import { MinuteStatistics, type MinuteView } from './statistics.ts'

type Values = Awaited<ReturnType<Metrics['values']>>

/** How the service does, from its metrics and its last minute. */
export function toStatisticsView(values: Values, minute: MinuteView = new MinuteStatistics('').view()): StatisticsView {
  const samples = ({ name }: { readonly name: string }) => values.find(metric => metric.name === name)?.values ?? []
  const sum = (definition: { readonly name: string }): number =>
    samples(definition).reduce((total, { value }) => total + Math.max(0, value), 0)
  const outcome = (name: string): number =>
    samples(definitions.outcomes).find(({ labels }) => labels.outcome === name)?.value ?? 0
  return {
    alerts: sum(definitions.consumed),
    outcomes: {
      classified: outcome('classified'),
      notClassified: outcome('not_classified'),
      deadLetters: outcome('dead_letter')
    },
    lag: sum(definitions.lag),
    objects: sum(definitions.storeObjects),
    minute
  }
}
