import { stages } from 'hierax/pipeline/batch-stats.ts'
import type { Figures } from './workers.ts'

/** Difference of a metric, summed over its labels' values where only the name is given. */
export function grown(before: Figures | null, after: Figures, name: string): number {
  const value = (figures: Figures): number => {
    let sum = 0
    for (const [key, sample] of figures) if (key === name || key.startsWith(`${name}{`)) sum += sample
    return sum
  }
  return value(after) - (before ? value(before) : 0)
}

/** Wall time of each stage, µs per alert; stages wait for disk and broker, and those of several batches overlap. */
export function stageMicroseconds(before: Figures | null, after: Figures, alerts: number): Record<string, number> {
  return Object.fromEntries(
    stages.map(stage => {
      const seconds = grown(before, after, `hierax_stage_seconds_sum{stage="${stage}"}`)
      return [stage, Math.round((seconds / alerts) * 1e6)]
    })
  )
}

/** Alerts per batch, mean. */
export function meanBatch(before: Figures | null, after: Figures): number {
  const batches = grown(before, after, 'hierax_batch_alerts_count')
  return Math.round((grown(before, after, 'hierax_batch_alerts_sum') / batches) * 10) / 10
}
