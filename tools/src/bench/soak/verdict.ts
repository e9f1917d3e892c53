import { type Trend, trends } from './flatness.ts'
import type { Sample } from './sample.ts'

/** What came out of a soak. */
export interface Verdict {
  readonly verdict: 'flat' | 'flat, but the load was not reached' | 'grows' | 'too short to tell'
  /** It was ended from outside before its time. */
  readonly interrupted: boolean
  /** How long it went, and how much of that was warm-up. */
  readonly minutes: number
  readonly warmUp: number
  /** Alerts a second after the warm-up. */
  readonly rate: number
  readonly keptUp: boolean
  readonly longestLag: number
  readonly trends: readonly Trend[]
}

/** Samples after the warm-up without which nothing can be said of a trend. */
const fewest = 3

/** Whether everything stayed flat, and the service kept up with `wanted` alerts a second, as far as was measured. */
export function verdictOf(
  samples: readonly Sample[],
  { wanted, interrupted }: { readonly wanted: number; readonly interrupted: boolean }
): Verdict {
  const minutes = samples.at(-1)?.minutes ?? 0
  const warmUp = Math.max(1, minutes / 5)
  const after = samples.filter(sample => sample.minutes >= warmUp)
  const [first, last] = [after[0], after.at(-1)]
  if (!first || !last || after.length < fewest) {
    const none = { rate: 0, keptUp: false, longestLag: 0, trends: [] }
    return { verdict: 'too short to tell', interrupted, minutes, warmUp, ...none }
  }
  const rate = (last.alerts - first.alerts) / (last.minutes - first.minutes) / 60
  const keptUp = rate > 0.95 * wanted && last.lag < 10 * wanted
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
