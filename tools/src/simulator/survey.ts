import type { SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Measurement, toDifference, zeroPoint } from '@hierax/training/light-curves/photometry.ts'
import type { Random } from '@hierax/training/random.ts'
import type { FilterId } from 'hierax/lightcurves/points/observation.ts'

/** An exposure of a position. */
export interface Epoch {
  readonly mjd: number
  readonly fid: FilterId
  /** 1-sigma noise of the background, μJy. */
  readonly noise: number
}

/** 5-sigma limits in g, r and i on a usual night, mag. */
const limits: readonly [number, number, number] = [20.6, 20.4, 19.9]
/** Relative calibration error, which dominates for bright sources. */
const calibration = 0.012
/** Nights between two visits of a field in good weather, and share of lost nights. */
const visitIntervals = [2, 3] as const
const lostNights = 0.25

/** Flux of a magnitude, μJy. */
export function fluxOfMagnitude(magnitude: number): number {
  return 10 ** ((zeroPoint - magnitude) / 2.5)
}

/** Exposures of the public survey: g and r every second or third night, with gaps and depths from weather and moon. */
export function exposures(draw: Random, begin: number, days: number): Epoch[] {
  const epochs: Epoch[] = []
  for (let night = Math.floor(begin); night < begin + days; night += draw.pick(visitIntervals)) {
    if (draw.uniform() < lostNights) continue
    const moonlight = draw.uniform(0, 0.6) * (1 + Math.sin((2 * Math.PI * night) / 29.53)) * 0.5
    const hour = draw.uniform(0.15, 0.4)
    const add = (fid: FilterId, later: number) => {
      const limit = limits[fid - 1] as number
      const noise = fluxOfMagnitude(limit + draw.normal() * 0.25 - moonlight) / 5
      epochs.push({ mjd: night + hour + later, fid, noise })
    }
    if (draw.uniform() < 0.85) add(1, 0)
    if (draw.uniform() < 0.85) add(2, draw.uniform(0.01, 0.1))
  }
  return epochs
}

/** Total flux of a source at a time in a band, μJy. */
export type Source = (mjd: number, fid: FilterId) => number

/**
 * Difference photometry of a source: its flux minus that of the reference image, the median of some exposures long before (stacks reject
 * outliers). The source may be brighter or fainter than its reference.
 */
export function observe(draw: Random, source: Source, epochs: readonly Epoch[]): SimulatedPoint[] {
  const begin = epochs[0]?.mjd ?? 0
  const times = Array.from({ length: 20 }, () => begin - draw.uniform(150, 600))
  const reference = ([1, 2, 3] as const).map(fid => median(times.map(mjd => source(mjd, fid))))
  return measured(draw, epochs, (mjd, fid) => {
    const total = source(mjd, fid)
    return { difference: total - (reference[fid - 1] as number), total }
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

/** Adds noise to flux differences; below five sigma a point is an upper limit. */
export function measured(
  draw: Random,
  epochs: readonly Epoch[],
  at: (mjd: number, fid: FilterId) => { readonly difference: number; readonly total: number }
): SimulatedPoint[] {
  const measurements = epochs.map(({ mjd, fid, noise }): Measurement => {
    const { difference, total } = at(mjd, fid)
    const error = Math.hypot(noise, calibration * Math.max(total, Math.abs(difference)))
    return { mjd, fid, value: difference + draw.normal() * error, error, upperLimit: false, positive: true }
  })
  return toDifference('difference_flux_uJy', measurements)
}

/**
 * A damped random walk with damping time `tau` (days) and asymptotic standard deviation `sigma`, from MJD `from` for `days` days, linear
 * within a day.
 */
export function dampedWalk(
  draw: Random,
  { tau, sigma, from, days }: { tau: number; sigma: number; from: number; days: number }
): (mjd: number) => number {
  const keep = Math.exp(-1 / tau)
  const step = sigma * Math.sqrt(1 - keep * keep)
  const values = [draw.normal() * sigma]
  for (let day = 1; day <= days + 1; day += 1) values.push((values[day - 1] as number) * keep + draw.normal() * step)
  return mjd => {
    const elapsed = Math.max(0, Math.min(days, mjd - from))
    const day = Math.floor(elapsed)
    const [before, after] = [values[day] as number, values[day + 1] as number]
    return before + (after - before) * (elapsed - day)
  }
}
