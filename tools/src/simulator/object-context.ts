import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import type { Random } from '@hierax/training/random.ts'
import type { FilterId } from 'hierax/lightcurves/points/observation.ts'
import type { ContextDistributions, HistoryDistributions } from './family-context.ts'
import { drawFrom, type Quantiles } from './quantiles.ts'

/** A PanSTARRS source near the object. */
export interface Neighbour {
  /** Magnitudes g, r, i, z; −999 if missing. */
  readonly magnitudes: readonly [number, number, number, number]
  /** 0 galaxy to 1 star; 0.5 if unknown. */
  readonly starScore: number
  /** Arcsec. */
  readonly distance: number
  readonly id: bigint
}

/** The reference image of one band, and its source nearest to the object. */
export interface Reference {
  readonly rfid: bigint
  readonly frames: number
  readonly jdStart: number
  readonly jdEnd: number
  /** Distance to the nearest source, pixels, and its direction, radians. */
  readonly distance: number
  readonly angle: number
  readonly magnitude: number
  readonly sigma: number
  readonly chi: number
  readonly sharp: number
}

/** The nearest Gaia source, and the nearest one brighter than 14 mag: arcsec and mag, −999 if missing. */
export interface Gaia {
  readonly distance: number
  readonly magnitude: number
  readonly brightDistance: number
  readonly brightMagnitude: number
}

/** The survey's observations of the position before the first point. */
export interface PriorHistory {
  /** Exposures. */
  readonly coverage: number
  readonly detections: number
  /** Julian date of the first detection; null if there was none. */
  readonly start: number | null
}

/** Value of a missing catalogue field. */
export const missing = -999

/** Pixel scale of the camera, arcsec. */
export const pixelScale = 1.01

/** Gaia sources brighter than this are listed separately, mag. */
const brightGaia = 14
/** Julian date of the survey's first detections. */
const surveyStart = 2458050

/** Distributions of sources unrelated to the object. */
const unrelated = {
  magnitude: [17.6, 20, 21.2, 21.8, 22.1],
  score: [0, 0.05, 0.5, 0.8, 0.997],
  colour: [0, 0.3, 0.5, 0.8, 1.2],
  referenceDistance: [1.8, 4.2, 6.8, 10.2, 15.3],
  referenceMagnitude: [18.1, 21.3, 22.5, 22.8, 23.2],
  gaiaMagnitude: [15.2, 17.5, 18.8, 19.7, 20.4],
  brightDistance: [20, 40, 58, 75, 89],
  brightMagnitude: [10.9, 12.2, 13, 13.5, 13.9]
} satisfies Record<string, Quantiles>

/**
 * The three nearest PanSTARRS sources, nearest first.
 *
 * @param brightness mean difference magnitude of the object
 */
export function neighboursOf(
  draw: Random,
  context: ContextDistributions,
  brightness: number,
  { ra, dec }: { readonly ra: number; readonly dec: number }
): [Neighbour, Neighbour, Neighbour] {
  // PanSTARRS ids encode the position: zone of declination, then right ascension, then a running number.
  const zone = BigInt(Math.floor((dec + 90) / 0.0083333)) * 10n ** 13n + BigInt(Math.floor(ra * 1e6)) * 10n ** 4n
  const neighbour = (
    r: number,
    distance: number,
    starScore: number,
    colours: ContextDistributions['colours']
  ): Neighbour => {
    const [gr, ri, iz] = colours.map(colour => drawFrom(colour, draw)) as [number, number, number]
    const magnitudes = [r + gr, r, r - ri, r - ri - iz].map(value => (value > 23 ? missing : rounded(value, 4)))
    const id = zone + BigInt(draw.integer(0, 9999))
    return { magnitudes: magnitudes as [number, number, number, number], starScore, distance, id }
  }
  const unrelatedAt = (distance: number) =>
    neighbour(drawFrom(unrelated.magnitude, draw), distance, drawFrom(unrelated.score, draw), [
      unrelated.colour,
      unrelated.colour,
      unrelated.colour
    ])
  const nearest = drawFrom(context.distance, draw)
  const r = Math.max(8, brightness + drawFrom(context.excess, draw))
  const second = Math.max(nearest + 0.3, drawFrom(context.nextDistance, draw))
  return [
    neighbour(r, nearest, drawFrom(context.score, draw), context.colours),
    unrelatedAt(second),
    unrelatedAt(second + draw.uniform(0.5, 7))
  ]
}

/** The reference image of a band; its nearest source is the nearest neighbour (`same`) or an unrelated faint one. */
export function referenceOf(
  draw: Random,
  context: ContextDistributions,
  nearest: Neighbour,
  { field, rcid, fid, same }: { field: number; rcid: number; fid: FilterId; same: boolean }
): Reference {
  const jdStart = rounded(2458200 + draw.uniform(0, 120), 6)
  const own = drawFrom(unrelated.referenceDistance, draw)
  const faint = drawFrom(unrelated.referenceMagnitude, draw)
  const listed = nearest.magnitudes[fid - 1] as number
  const catalogue = listed === missing ? 22.5 : listed
  const magnitude = rounded(same ? catalogue + drawFrom(context.offset, draw) : faint, 3)
  return {
    rfid: BigInt(field) * 1_000_000n + 120_000n + BigInt(fid * 100 + rcid),
    frames: draw.integer(15, 40),
    jdStart,
    jdEnd: rounded(jdStart + draw.uniform(20, 400), 6),
    distance: same ? Math.abs(nearest.distance / pixelScale + draw.normal() * 0.05) : own,
    angle: draw.uniform(0, 2 * Math.PI),
    magnitude,
    sigma: rounded(drawFrom(context.sigma, draw), 3),
    chi: rounded(drawFrom(context.chi, draw), 3),
    sharp: rounded(drawFrom(context.sharp, draw), 3)
  }
}

/** The nearest Gaia sources: the nearest neighbour itself if Gaia lists it. */
export function gaiaOf(draw: Random, context: ContextDistributions, nearest: Neighbour): Gaia {
  const has = draw.uniform() < context.gaia
  const distance = has ? Math.abs(nearest.distance + draw.normal() * 0.05) : drawFrom(context.gaiaDistance, draw)
  const itself = nearest.magnitudes[1] + drawFrom(context.gaiaOffset, draw)
  const magnitude = has ? itself : drawFrom(unrelated.gaiaMagnitude, draw)
  const bright = [drawFrom(unrelated.brightDistance, draw), drawFrom(unrelated.brightMagnitude, draw)] as const
  const listed = draw.uniform() < 0.35
  if (magnitude < brightGaia) return { distance, magnitude, brightDistance: distance, brightMagnitude: magnitude }
  const [brightDistance, brightMagnitude] = listed ? [Math.max(bright[0], distance), bright[1]] : [missing, missing]
  return { distance, magnitude, brightDistance, brightMagnitude }
}

/** Observations of a position before the light curve's first detection at `first` (Julian date). */
export function priorHistoryOf(draw: Random, history: HistoryDistributions, first: number): PriorHistory {
  const coverage = Math.round(drawFrom(history.coverage, draw))
  const has = draw.uniform() < history.share
  const span = Math.min(drawFrom(history.span, draw), first - surveyStart)
  const rate = drawFrom(history.rate, draw)
  if (!has || span < 1) return { coverage, detections: 0, start: null }
  // At most two a day: a short history cannot hold more.
  const detections = Math.max(1, Math.round(Math.min(rate * coverage, 2 * span)))
  return { coverage, detections, start: rounded(first - span, 7) }
}
