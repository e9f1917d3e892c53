import type { SimulatedLightCurve, SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Random, random, seedOf } from '@hierax/training/random.ts'
import { dampedWalk, type Epoch, exposures, fluxOfMagnitude, measured, observe, type Source } from './survey.ts'

/** Generators of synthetic light curves by label. */
export const synthetic = {
  LPV: longPeriod,
  'AGN/QSO': activeNucleus,
  CV: cataclysmic,
  YSO: youngStar,
  'flare star': flareStar,
  asteroid,
  bogus
} satisfies Record<string, (draw: Random, begin: number) => SimulatedPoint[]>
export type SyntheticLabel = keyof typeof synthetic

/** Range of the light curves' start, MJD. */
const era = { from: 59_000, to: 60_400 }
/** Maximum number of draws until the survey detects one. */
const maxDraws = 200
/** Minimum number of detections: catalogues of variables do not list objects with fewer. */
const minDetections: Readonly<Record<SyntheticLabel, number>> = {
  LPV: 4,
  'AGN/QSO': 3,
  CV: 3,
  YSO: 4,
  'flare star': 1,
  asteroid: 1,
  bogus: 1
}

/**
 * Synthetic light curves of one class with the survey's cadence and depth, relative to a reference image of earlier years. A light
 * curve depends on its number and the seed, not on `count`.
 */
export function population(label: SyntheticLabel, count: number, seed: number): SimulatedLightCurve[] {
  return Array.from({ length: count }, (_, number) => {
    const points = detected(label, number, seed)
    return { id: `${label} ${number}`, label, source: 'simulated', ra: null, dec: null, points }
  })
}

function detected(label: SyntheticLabel, number: number, seed: number): SimulatedPoint[] {
  for (let attempt = 0; attempt < maxDraws; attempt += 1) {
    const draw = random(seed, number, attempt, seedOf(label))
    const points = fromFirstDetection(synthetic[label](draw, draw.uniform(era.from, era.to)))
    if (points.filter(point => point.detection).length >= minDetections[label]) return points
  }
  throw new Error(`no ${label} was detected in ${maxDraws} draws of seed ${seed}`)
}

/** The points from 30 days before the first detection to the last. */
function fromFirstDetection(points: readonly SimulatedPoint[]): SimulatedPoint[] {
  const first = points.find(point => point.detection)
  const last = points.findLast(point => point.detection)
  return points.filter(point => first && last && point.jd >= first.jd - 30 && point.jd <= last.jd)
}

/** A Mira or a semiregular variable: months of period, redder when faint. */
function longPeriod(draw: Random, begin: number): SimulatedPoint[] {
  const epochs = exposures(draw, begin, draw.uniform(50, 110))
  const [period, amplitude] = [draw.uniform(90, 480), draw.uniform(0.3, 2.2)]
  const [phase, asymmetry] = [draw.uniform(0, 2 * Math.PI), draw.uniform(0, 0.25)]
  const [r, colour] = [draw.uniform(13.5, 17.5), draw.uniform(1, 2.8)]
  const irregular = dampedWalk(draw, { tau: 30, sigma: 0.06, ...around(begin) })
  return observe(
    draw,
    (mjd, fid) => {
      const angle = phase + (2 * Math.PI * (mjd - begin)) / period
      const wave = Math.sin(angle) + asymmetry * Math.sin(2 * angle)
      const scale = [1.25, 1, 0.75][fid - 1] as number
      return fluxOfMagnitude(byBand(r, colour, fid) + (amplitude / 2) * wave * scale + irregular(mjd))
    },
    epochs
  )
}

/** An active nucleus: a damped random walk, bluer when bright. */
function activeNucleus(draw: Random, begin: number): SimulatedPoint[] {
  const epochs = exposures(draw, begin, draw.uniform(60, 150))
  const [r, colour] = [draw.uniform(16.8, 19.6), draw.uniform(0, 0.6)]
  const tau = 10 ** draw.uniform(1.7, 2.8)
  const walk = dampedWalk(draw, { tau, sigma: draw.uniform(0.12, 0.35), ...around(begin) })
  return observe(
    draw,
    (mjd, fid) => fluxOfMagnitude(byBand(r, colour, fid) + walk(mjd) * (fid === 1 ? 1.15 : 1)),
    epochs
  )
}

/** A dwarf nova: recurring outbursts of some magnitudes that rise in a day and last a week or two. */
function cataclysmic(draw: Random, begin: number): SimulatedPoint[] {
  const days = draw.uniform(60, 140)
  const epochs = exposures(draw, begin, days)
  const [r, colour] = [draw.uniform(17.5, 21.5), draw.uniform(-0.1, 0.4)]
  const flicker = dampedWalk(draw, { tau: 0.8, sigma: draw.uniform(0.05, 0.25), ...around(begin) })
  const every = 10 ** draw.uniform(1.2, 2.1)
  const outbursts: { at: number; amplitude: number; plateau: number; decline: number }[] = []
  for (let at = begin - 620; at < begin + days; at += every * draw.uniform(0.6, 1.4)) {
    const long = draw.uniform() < 0.2
    const amplitude = draw.uniform(1.8, 4) + (long ? 0.7 : 0)
    outbursts.push({
      at,
      amplitude,
      plateau: long ? draw.uniform(8, 15) : draw.uniform(0.5, 4),
      decline: draw.uniform(0.25, 0.8)
    })
  }
  const brightening = (mjd: number) =>
    outbursts.reduce((most, { at, amplitude, plateau, decline }) => {
      const age = mjd - at
      if (age < 0) return most
      const rising = amplitude * Math.min(1, age)
      return Math.max(
        most,
        age < plateau + 1 ? rising - 0.05 * age : amplitude - 0.05 * plateau - decline * (age - plateau - 1)
      )
    }, 0)
  const source: Source = (mjd, fid) => {
    const outburst = brightening(mjd)
    return fluxOfMagnitude(
      byBand(r, outburst > 1 ? 0 : colour, fid) + flicker(mjd) * (outburst > 1 ? 0.2 : 1) - outburst
    )
  }
  return observe(draw, source, epochs)
}

/** A young star: accretion varies within days to weeks, dust dims it within weeks to months. */
function youngStar(draw: Random, begin: number): SimulatedPoint[] {
  const epochs = exposures(draw, begin, draw.uniform(50, 110))
  const [r, colour] = [draw.uniform(14.5, 18), draw.uniform(0.8, 1.8)]
  const accretion = dampedWalk(draw, { tau: draw.uniform(2, 15), sigma: draw.uniform(0.08, 0.3), ...around(begin) })
  const dust = dampedWalk(draw, { tau: draw.uniform(20, 150), sigma: draw.uniform(0.1, 0.45), ...around(begin) })
  return observe(
    draw,
    (mjd, fid) => fluxOfMagnitude(byBand(r, colour, fid) + (accretion(mjd) + dust(mjd)) * (fid === 1 ? 1.3 : 1)),
    epochs
  )
}

/** A red dwarf: hardly any exposure catches one of its flares, which last minutes to hours. */
function flareStar(draw: Random, begin: number): SimulatedPoint[] {
  const epochs = exposures(draw, begin, 120)
  const r = draw.uniform(15.5, 19.5)
  const hit = new Map<number, number>()
  for (let flares = draw.integer(1, 2); flares > 0; flares -= 1) {
    hit.set(draw.pick(epochs).mjd, fluxOfMagnitude(draw.uniform(16.5, 20)))
  }
  return measured(draw, epochs, (mjd, fid) => ({
    difference: (hit.get(mjd) ?? 0) * (fid === 1 ? 1.5 : 1),
    total: fluxOfMagnitude(byBand(r, 1.3, fid))
  }))
}

/** A minor planet: a single detection; one in eight has no known orbit. */
function asteroid(draw: Random, begin: number): SimulatedPoint[] {
  const flux = fluxOfMagnitude(draw.uniform(16.6, 20))
  const known = draw.uniform() < 0.88
  return singleDetection(draw, begin, flux, known ? { refused: 'solar-system' } : {})
}

/** An artefact: a single detection of either sign. The survey's scores miss one in seven. */
function bogus(draw: Random, begin: number): SimulatedPoint[] {
  const flux = fluxOfMagnitude(draw.uniform(15.5, 19.8)) * (draw.uniform() < 0.6 ? 1 : -1)
  return singleDetection(draw, begin, flux, draw.uniform() < 0.86 ? { refused: 'bogus' } : {})
}

/** Exposures of an empty position, the last with a detection. */
function singleDetection(
  draw: Random,
  begin: number,
  flux: number,
  quality: Pick<SimulatedPoint, 'refused'>
): SimulatedPoint[] {
  const epochs: readonly Epoch[] = exposures(draw, begin, 30)
  const last = epochs.at(-1)
  const points = measured(draw, epochs, mjd => ({ difference: mjd === last?.mjd ? flux : 0, total: 0 }))
  return points.map(point => (point.detection ? { ...point, ...quality } : point))
}

/** The time range of a random walk, which includes the reference image. */
function around(begin: number): { from: number; days: number } {
  return { from: begin - 610, days: 610 + 160 }
}

/** Magnitude in a band from the r magnitude and the colour g − r. */
function byBand(r: number, colour: number, fid: number): number {
  return fid === 1 ? r + colour : fid === 2 ? r : r - colour * 0.6
}
