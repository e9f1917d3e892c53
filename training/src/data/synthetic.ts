import { mean, sum } from '../collections.ts'
import { jdOfMjd0, rounded, type SimulatedPoint } from '../light-curves/light-curve.ts'
import { magnitudesPerPart, zeroPoint } from '../light-curves/photometry.ts'
import { type Random, random } from '../random.ts'
import type { LabelledObject } from './labelled.ts'
import { starModels, type TotalMagnitude } from './synthetic-models.ts'

/*
 * Made-up persistent sources, seen by a survey with ZTF's cadence, depth and seasons. Labelled collections hold few of them, and
 * those few lie on one side of their reference images; the stream consists of them.
 */

/** Name of the source of synthetic objects in cards and tables. */
export const syntheticSource = 'synthetic'

/** Mean 5-sigma limits in g, r and i, mag; they vary with moon and weather. */
const limits: readonly [number, number, number] = [20.6, 20.5, 19.9]
/** Share of nights that are lost, and of nights on which a band is visited. */
const lost = 0.25
const visited = 0.4
/** Nights of a year in which a field is up. */
const season = 220
/** What is left of a bright star when it is subtracted from itself, in parts of its flux. */
const residual = 0.012
const attempts = 40

/** `count` synthetic objects: every kind of star model in turn, each with at least one detection. */
export function syntheticObjects(count: number, seed: number): LabelledObject[] {
  const total = sum(starModels.map(({ share }) => share))
  return starModels.flatMap(({ label, share, make }, model) =>
    Array.from({ length: Math.round((count * share) / total) }, (_, number): LabelledObject[] => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const draw = random(seed, number, attempt, 977 + model)
        const points = observed(make(draw), draw)
        const detections = points.filter(point => point.detection).length
        const id = `synthetic ${label} ${number}`
        const found = { id, label, source: syntheticSource, photometry: 'difference_mag' as const, points, detections }
        if (detections > 0) return [found]
      }
      return []
    }).flat()
  )
}

/** A source as the survey sees it against a reference image of some earlier nights. */
function observed(magnitude: TotalMagnitude, draw: Random): SimulatedPoint[] {
  const begin = draw.uniform(58_250, 60_200)
  const length = 20 * (1500 / 20) ** draw.uniform()
  const phase = draw.uniform(0, 365)
  const references = ([1, 2, 3] as const).map(fid => {
    const nights = draw.integer(1, 15)
    const epoch = begin - draw.uniform(0, 900)
    return mean(Array.from({ length: nights }, () => flux(magnitude(epoch - draw.uniform(0, 120), fid))))
  })
  const points: SimulatedPoint[] = []
  for (let night = Math.floor(begin); night < begin + length; night++) {
    if ((night + phase) % 365 > season || draw.uniform() < lost) continue
    const moon = 0.35 * Math.cos((2 * Math.PI * night) / 29.53)
    for (const fid of [1, 2, 3] as const) {
      if (draw.uniform() > (fid === 3 ? 0.04 : visited)) continue
      const mjd = night + draw.uniform(0.1, 0.5)
      const limit = (limits[fid - 1] as number) - moon + 0.25 * draw.normal()
      const sky = flux(limit) / 5
      const total = flux(magnitude(mjd, fid))
      const sigma = Math.hypot(sky, residual * total)
      const difference = total - (references[fid - 1] as number) + sigma * draw.normal()
      points.push(pointOf(mjd, fid, difference, sigma, limit))
    }
  }
  return points.sort((a, b) => a.jd - b.jd || a.fid - b.fid)
}

function pointOf(mjd: number, fid: 1 | 2 | 3, difference: number, sigma: number, limit: number): SimulatedPoint {
  const jd = rounded(mjd + jdOfMjd0, 7)
  if (Math.abs(difference) < 5 * sigma)
    return { jd, fid, detection: false, positive: false, magnitude: Math.fround(limit), error: 0 }
  const magnitude = Math.fround(zeroPoint - 2.5 * Math.log10(Math.abs(difference)))
  const error = Math.fround((magnitudesPerPart * sigma) / Math.abs(difference))
  return { jd, fid, detection: true, positive: difference > 0, magnitude, error }
}

function flux(magnitude: number): number {
  return 10 ** ((zeroPoint - magnitude) / 2.5)
}
