import type { Metrics } from 'hierax/telemetry/metrics.ts'

/** What a service's metrics say at a moment. */
export interface Figures {
  /** Alerts that came to their end. */
  readonly alerts: number
  /** Messages not read yet. */
  readonly lag: number
  readonly deadLetters: number
  /** Alerts that got probabilities, and those that were refused, by reason; alerts that are answered again count again. */
  readonly classified: number
  readonly refused: ReadonlyMap<string, number>
}

/** Reads them from the metrics of a service in this process. */
export async function readFigures(metrics: Metrics): Promise<Figures> {
  const all = await metrics.values()
  const sum = (name: string): number =>
    all.find(metric => metric.name === name)?.values.reduce((total, { value }) => total + Math.max(0, value), 0) ?? 0
  const by = (name: string, label: string): Map<string, number> => {
    const values = all.find(metric => metric.name === name)?.values ?? []
    return new Map(values.map(({ labels, value }) => [String(labels[label]), value]))
  }
  return {
    alerts: sum('hierax_alerts_consumed_total'),
    lag: sum('hierax_consumer_lag'),
    deadLetters: sum('hierax_dead_letters_total'),
    classified: by('hierax_outcomes_total', 'outcome').get('classified') ?? 0,
    refused: by('hierax_not_classified_total', 'reason')
  }
}
