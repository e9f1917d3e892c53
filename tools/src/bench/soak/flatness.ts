import type { Sample } from './sample.ts'

/** How one quantity went after the warm-up. */
export interface Trend {
  readonly quantity: keyof Sample
  readonly mean: number
  readonly least: number
  readonly greatest: number
  /** Slope of a straight line through all samples, per hour. */
  readonly perHour: number
  /** What that line gained over the time observed, as a share of the mean. */
  readonly gained: number
  readonly flat: boolean
}

/** Gains (share of the mean, or units) up to which a quantity counts as flat: samples of a heap are noisy. */
const bounds: Partial<Record<keyof Sample, { readonly share: number; readonly units: number }>> = {
  anonymous: { share: 0.1, units: 20 },
  heap: { share: 0.1, units: 15 },
  external: { share: 0.1, units: 15 },
  tensors: { share: 0, units: 0 },
  handles: { share: 0.1, units: 2 },
  requests: { share: 0.1, units: 2 }
}

/** The trends after the first `warmUp` minutes. */
export function trends(samples: readonly Sample[], warmUp: number): Trend[] {
  const after = samples.filter(({ minutes }) => minutes >= warmUp)
  return Object.entries(bounds).map(([name, { share, units }]) => {
    const quantity = name as keyof Sample
    const values = after.map(sample => sample[quantity])
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const perMinute = slope(
      after.map(({ minutes }) => minutes),
      values
    )
    const gain = perMinute * ((after.at(-1)?.minutes ?? 0) - (after[0]?.minutes ?? 0))
    return {
      quantity,
      mean: rounded(mean),
      least: Math.min(...values),
      greatest: Math.max(...values),
      perHour: rounded(perMinute * 60),
      gained: rounded(gain / mean, 4),
      flat: gain <= Math.max(units, share * Math.abs(mean)) + 1e-9
    }
  })
}

/** Slope of the straight line with the least squares. */
function slope(xs: readonly number[], ys: readonly number[]): number {
  const meanX = xs.reduce((sum, x) => sum + x, 0) / xs.length
  const meanY = ys.reduce((sum, y) => sum + y, 0) / ys.length
  const covariance = xs.reduce((sum, x, index) => sum + (x - meanX) * ((ys[index] as number) - meanY), 0)
  const variance = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0)
  return variance === 0 ? 0 : covariance / variance
}

function rounded(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
