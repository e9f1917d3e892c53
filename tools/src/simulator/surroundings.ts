import { rounded } from '@hierax/training/light-curves/light-curve.ts'
import type { Random } from '@hierax/training/random.ts'
import type { FilterId } from 'hierax/lightcurves/observation.ts'
import type { Past, Place } from './family-context.ts'
import { drawFrom, type Quantiles } from './quantiles.ts'

/** A PanSTARRS source near the object. */
export interface Neighbour {
  /** Magnitudes g, r, i, z; −999 where there is none. */
  readonly magnitudes: readonly [number, number, number, number]
  /** 0 galaxy to 1 star; 0.5 where it can't be told. */
  readonly starScore: number
  /** Arcsec. */
  readonly distance: number
  readonly id: bigint
}

/** The reference image of one band, and the source of it that is nearest to the object. */
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

/** The nearest Gaia sources of any magnitude and of less than 14 mag: arcsec and mag, −999 where there is none. */
export interface Gaia {
  readonly distance: number
  readonly magnitude: number
  readonly brightDistance: number
  readonly brightMagnitude: number
}

/** What the survey saw at the place before the first point. */
export interface Earlier {
  /** Exposures. */
  readonly coverage: number
  readonly detections: number
  /** Julian date of the first detection; null where there was none. */
  readonly start: number | null
}

/** Value of a catalogue field that says nothing. */
export const nothing = -999

/** Pixel scale of the camera, arcsec. */
export const pixelScale = 1.01

/** Gaia sources brighter than this are listed apart, mag. */
const brightGaia = 14
/** Julian date from which on the survey has detections. */
const surveyStart = 2458050

/** Distributions of sources that have nothing to do with the object. */
const others = {
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
  place: Place,
  brightness: number,
  { ra, dec }: { readonly ra: number; readonly dec: number }
): [Neighbour, Neighbour, Neighbour] {
  // PanSTARRS ids name the place: zone of declination, then right ascension, then a running number.
  const zone = BigInt(Math.floor((dec + 90) / 0.0083333)) * 10n ** 13n + BigInt(Math.floor(ra * 1e6)) * 10n ** 4n
  const neighbour = (r: number, distance: number, starScore: number, colours: Place['colours']): Neighbour => {
    const [gr, ri, iz] = colours.map(colour => drawFrom(colour, draw)) as [number, number, number]
    const magnitudes = [r + gr, r, r - ri, r - ri - iz].map(value => (value > 23 ? nothing : rounded(value, 4)))
    const id = zone + BigInt(draw.integer(0, 9999))
    return { magnitudes: magnitudes as [number, number, number, number], starScore, distance, id }
  }
  const other = (distance: number) =>
    neighbour(drawFrom(others.magnitude, draw), distance, drawFrom(others.score, draw), [
      others.colour,
      others.colour,
      others.colour
    ])
  const nearest = drawFrom(place.distance, draw)
  const r = Math.max(8, brightness + drawFrom(place.excess, draw))
  const second = Math.max(nearest + 0.3, drawFrom(place.nextDistance, draw))
  return [
    neighbour(r, nearest, drawFrom(place.score, draw), place.colours),
    other(second),
    other(second + draw.uniform(0.5, 7))
  ]
}

/** The reference image of a band: its nearest source is the nearest neighbour, or a faint one of its own. */
export function referenceOf(
  draw: Random,
  place: Place,
  nearest: Neighbour,
  { field, rcid, fid, same }: { field: number; rcid: number; fid: FilterId; same: boolean }
): Reference {
  const jdStart = rounded(2458200 + draw.uniform(0, 120), 6)
  const own = drawFrom(others.referenceDistance, draw)
  const faint = drawFrom(others.referenceMagnitude, draw)
  const listed = nearest.magnitudes[fid - 1] as number
  const catalogue = listed === nothing ? 22.5 : listed
  const magnitude = rounded(same ? catalogue + drawFrom(place.offset, draw) : faint, 3)
  return {
    rfid: BigInt(field) * 1_000_000n + 120_000n + BigInt(fid * 100 + rcid),
    frames: draw.integer(15, 40),
    jdStart,
    jdEnd: rounded(jdStart + draw.uniform(20, 400), 6),
    distance: same ? Math.abs(nearest.distance / pixelScale + draw.normal() * 0.05) : own,
    angle: draw.uniform(0, 2 * Math.PI),
    magnitude,
    sigma: rounded(drawFrom(place.sigma, draw), 3),
    chi: rounded(drawFrom(place.chi, draw), 3),
    sharp: rounded(drawFrom(place.sharp, draw), 3)
  }
}

/** The nearest sources of Gaia: the nearest neighbour itself where it is in there. */
export function gaiaOf(draw: Random, place: Place, nearest: Neighbour): Gaia {
  const has = draw.uniform() < place.gaia
  const distance = has ? Math.abs(nearest.distance + draw.normal() * 0.05) : drawFrom(place.gaiaDistance, draw)
  const itself = nearest.magnitudes[1] + drawFrom(place.gaiaOffset, draw)
  const magnitude = has ? itself : drawFrom(others.gaiaMagnitude, draw)
  const bright = [drawFrom(others.brightDistance, draw), drawFrom(others.brightMagnitude, draw)] as const
  const listed = draw.uniform() < 0.35
  if (magnitude < brightGaia) return { distance, magnitude, brightDistance: distance, brightMagnitude: magnitude }
  const [brightDistance, brightMagnitude] = listed ? [Math.max(bright[0], distance), bright[1]] : [nothing, nothing]
  return { distance, magnitude, brightDistance, brightMagnitude }
}

/** History of a place before its first detection at `first` (Julian date). */
export function earlierOf(draw: Random, past: Past, first: number): Earlier {
  const coverage = Math.round(drawFrom(past.coverage, draw))
  const has = draw.uniform() < past.share
  const span = Math.min(drawFrom(past.span, draw), first - surveyStart)
  const rate = drawFrom(past.rate, draw)
  if (!has || span < 1) return { coverage, detections: 0, start: null }
  // Two a day at most: a short history can't hold all of them.
  const detections = Math.max(1, Math.round(Math.min(rate * coverage, 2 * span)))
  return { coverage, detections, start: rounded(first - span, 7) }
}
