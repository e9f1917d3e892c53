import type { Metrics } from '../../telemetry/metrics.ts'

/** What a service's metrics say at a moment. */
export interface Figures {
  /** Alerts that came to their end. */
  readonly alerts: number
  /** Messages not read yet. */
  readonly lag: number
  readonly deadLetters: number
}

/** Reads them from the metrics of a service in this process. */
export async function readFigures(metrics: Metrics): Promise<Figures> {
  const all = await metrics.values()
  const sum = (name: string): number =>
    all.find(metric => metric.name === name)?.values.reduce((total, { value }) => total + Math.max(0, value), 0) ?? 0
  return {
    alerts: sum('hierax_alerts_consumed_total'),
    lag: sum('hierax_consumer_lag'),
    deadLetters: sum('hierax_dead_letters_total')
  }
}
