import type { Metrics } from 'hierax/telemetry/metrics.ts'

/** A service's counters at one moment. */
export interface Stats {
  /** Alerts fully processed. */
  readonly alerts: number
  /** Messages not yet read. */
  readonly lag: number
  readonly deadLetters: number
  /** Alerts with probabilities, and alerts without by reason. An alert that is processed twice counts twice. */
  readonly classified: number
  readonly notClassified: ReadonlyMap<string, number>
}

/** Reads the stats from the metrics of a service in this process. */
export async function readStats(metrics: Metrics): Promise<Stats> {
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
    notClassified: by('hierax_not_classified_total', 'reason')
  }
}
