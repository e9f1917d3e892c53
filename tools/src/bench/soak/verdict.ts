import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import type { Sample } from './sample.ts'

/** The trend of one quantity after the warm-up. */
export interface Trend {
  readonly quantity: keyof Sample
  readonly mean: number
  readonly least: number
  readonly greatest: number
  /** Slope of a linear fit, per hour. */
  readonly perHour: number
  /** Increase of the fit over the observed time, as a share of the mean. */
  readonly gained: number
  readonly flat: boolean
}

/** The result of a soak run. */
export interface Verdict {
  readonly verdict: 'flat' | 'flat, but the load was not reached' | 'grows' | 'too short to tell'
  /** Whether a signal ended it early. */
  readonly interrupted: boolean
  /** Duration, and the warm-up in it. */
  readonly minutes: number
  readonly warmUp: number
  /** Alerts per second after the warm-up. */
  readonly rate: number
  readonly keptUp: boolean
  readonly longestLag: number
  readonly trends: readonly Trend[]
}

/** Minimum number of samples after the warm-up. */
const minSamples = 3

/** Whether all quantities stayed flat and the service kept up with `targetRate` alerts per second. */
export function verdictOf(
  samples: readonly Sample[],
  { targetRate, interrupted }: { readonly targetRate: number; readonly interrupted: boolean }
): Verdict {
  const minutes = samples.at(-1)?.minutes ?? 0
  const warmUp = Math.max(1, minutes / 5)
  const after = samples.filter(sample => sample.minutes >= warmUp)
  const [first, last] = [after[0], after.at(-1)]
  if (!first || !last || after.length < minSamples) {
    const none = { rate: 0, keptUp: false, longestLag: 0, trends: [] }
    return { verdict: 'too short to tell', interrupted, minutes, warmUp, ...none }
  }
  const rate = (last.alerts - first.alerts) / (last.minutes - first.minutes) / 60
  const keptUp = rate > 0.95 * targetRate && last.lag < 10 * targetRate
  const found = trends(samples, warmUp)
  const flat = found.every(trend => trend.flat)
  return {
    verdict: flat ? (keptUp ? 'flat' : 'flat, but the load was not reached') : 'grows',
    interrupted,
    minutes,
    warmUp,
    rate: Math.round(rate),
    keptUp,
    longestLag: Math.max(...after.map(({ lag }) => lag)),
    trends: found
  }
}

/** Increases (share of the mean, or units) up to which a quantity counts as flat: heap samples are noisy. */
const bounds: Partial<Record<keyof Sample, { readonly share: number; readonly units: number }>> = {
  anonymous: { share: 0.1, units: 20 },
  heap: { share: 0.1, units: 15 },
  external: { share: 0.1, units: 15 },
  tensors: { share: 0, units: 0 },
  handles: { share: 0.1, units: 2 },
  requests: { share: 0.1, units: 2 }
}

/** The trends after the first `warmUp` minutes. */
function trends(samples: readonly Sample[], warmUp: number): Trend[] {
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
      mean: rounded(mean, 2),
      least: Math.min(...values),
      greatest: Math.max(...values),
      perHour: rounded(perMinute * 60, 2),
      gained: rounded(gain / mean, 4),
      flat: gain <= Math.max(units, share * Math.abs(mean)) + 1e-9
    }
  })
}

/** Least-squares slope. */
function slope(xs: readonly number[], ys: readonly number[]): number {
  const meanX = xs.reduce((sum, x) => sum + x, 0) / xs.length
  const meanY = ys.reduce((sum, y) => sum + y, 0) / ys.length
  const covariance = xs.reduce((sum, x, index) => sum + (x - meanX) * ((ys[index] as number) - meanY), 0)
  const variance = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0)
  return variance === 0 ? 0 : covariance / variance
}
