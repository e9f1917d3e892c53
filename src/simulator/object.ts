import type { FilterId } from '../lightcurves/observation.ts'
import { rounded, type SimulatedLightCurve, type SimulatedPoint } from './light-curve.ts'
import { type Random, random, seedOf } from './random.ts'

/** A source of the reference image or of a catalogue near the object. */
interface Neighbour {
  /** PanSTARRS magnitudes g, r, i, z; −999 where there is none. */
  readonly magnitudes: readonly [number, number, number, number]
  /** 0 galaxy to 1 star. */
  readonly starScore: number
  /** Arcsec. */
  readonly distance: number
  readonly id: bigint
}

/** The reference image of one band, and the source of it that is nearest to the object. */
interface Reference {
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

/** One object of a simulated sky: a light curve at a place with neighbours. */
export interface SimulatedObject {
  readonly index: number
  readonly objectId: string
  readonly label: string
  readonly ra: number
  readonly dec: number
  readonly field: number
  /** Readout channel, 0–63. */
  readonly rcid: number
  /** Place on the channel's image, pixels. */
  readonly x: number
  readonly y: number
  /** Exposures of the place before the first point. */
  readonly coverage: number
  readonly references: readonly [Reference, Reference, Reference]
  /** The three nearest PanSTARRS sources, nearest first. */
  readonly neighbours: readonly [Neighbour, Neighbour, Neighbour]
  /** Nearest Gaia source: arcsec and mag. */
  readonly gaia: { readonly distance: number; readonly magnitude: number }
}

/** Pixel scale of the camera, arcsec. */
export const pixelScale = 1.01

/** What surrounds a source: it is a star, the nucleus of a galaxy, or it lies off the centre of one. */
type Surroundings = 'star' | 'nucleus' | 'host'

function surroundingsOf(label: string): Surroundings {
  if (/^(SN|SLSN|ILRT|LRN|LBV)/.test(label)) return 'host'
  if (/^(TDE|QSO|AGN|Seyfert)/i.test(label)) return 'nucleus'
  return label === 'unknown' ? 'host' : 'star'
}

/**
 * Places a light curve on the sky; a curve without coordinates gets some that the survey reaches.
 *
 * @param index number of the object in its simulation: with `seed` it decides everything that the light curve leaves open
 */
export function placeObject(
  curve: SimulatedLightCurve,
  objectId: string,
  index: number,
  seed: number
): SimulatedObject {
  const draw = random(seed, index, seedOf('object'))
  const ra = rounded(curve.ra ?? draw.uniform(0, 360), 7)
  // Uniform on the sphere from declination −28° up.
  const dec = rounded(curve.dec ?? (Math.asin(draw.uniform(-0.47, 0.98)) * 180) / Math.PI, 7)
  const surroundings = surroundingsOf(curve.label)
  const brightness = meanMagnitude(curve.points) + (surroundings === 'star' ? -2 : 0.5) + draw.normal() * 0.5
  const rcid = index % 64
  const field = draw.integer(245, 880)
  const neighbours = neighboursOf(draw, surroundings, brightness, ra, dec)
  const reference = (fid: FilterId) => referenceOf(draw, surroundings, brightness, { field, rcid, fid })
  return {
    index,
    objectId,
    label: curve.label,
    ra,
    dec,
    field,
    rcid,
    x: draw.uniform(40, 3030),
    y: draw.uniform(40, 3040),
    coverage: draw.integer(150, 1500),
    references: [reference(1), reference(2), reference(3)],
    neighbours,
    gaia: {
      distance: surroundings === 'star' ? draw.uniform(0.05, 0.4) : draw.uniform(3, 40),
      magnitude: surroundings === 'star' ? brightness - 0.2 : draw.uniform(15, 20.5)
    }
  }
}

function meanMagnitude(points: readonly SimulatedPoint[]): number {
  const detections = points.filter(point => point.detection)
  return detections.reduce((sum, point) => sum + point.magnitude, 0) / Math.max(1, detections.length)
}

function neighboursOf(draw: Random, surroundings: Surroundings, brightness: number, ra: number, dec: number) {
  const nearest = { star: [0.05, 0.4], nucleus: [0.05, 0.5], host: [0.6, 5] }[surroundings] as [number, number]
  const score =
    surroundings === 'star' ? draw.uniform(0.9, 1) : draw.uniform(0.003, surroundings === 'host' ? 0.3 : 0.6)
  let distance = draw.uniform(...nearest)
  // PanSTARRS ids name the place: zone of declination, then right ascension, then a running number.
  const place = BigInt(Math.floor((dec + 90) / 0.0083333)) * 10n ** 13n + BigInt(Math.floor(ra * 1e6)) * 10n ** 4n
  const neighbour = (r: number, starScore: number): Neighbour => {
    const colour = draw.uniform(0.2, 1.2)
    const magnitudes = [r + colour, r, r - colour * 0.4, r - colour * 0.6].map(magnitude => rounded(magnitude, 4))
    const id = place + BigInt(draw.integer(0, 9999))
    return { magnitudes: magnitudes as [number, number, number, number], starScore, distance, id }
  }
  const others = () => {
    distance += draw.uniform(2, 9)
    return neighbour(draw.uniform(18, 22), draw.pick([0.5, draw.uniform(0, 0.2), draw.uniform(0.9, 1)]))
  }
  return [neighbour(brightness, score), others(), others()] as [Neighbour, Neighbour, Neighbour]
}

function referenceOf(
  draw: Random,
  surroundings: Surroundings,
  brightness: number,
  { field, rcid, fid }: { field: number; rcid: number; fid: FilterId }
): Reference {
  const jdStart = rounded(2458200 + draw.uniform(0, 120), 6)
  const magnitude = rounded(brightness + draw.normal() * 0.2, 3)
  return {
    rfid: BigInt(field) * 1_000_000n + 120_000n + BigInt(fid * 100 + rcid),
    frames: draw.integer(15, 40),
    jdStart,
    jdEnd: rounded(jdStart + draw.uniform(20, 400), 6),
    distance: surroundings === 'host' ? draw.uniform(0.8, 6) : draw.uniform(0.05, 0.5),
    angle: draw.uniform(0, 2 * Math.PI),
    magnitude,
    sigma: rounded(Math.min(0.3, 0.01 + 10 ** (0.4 * (magnitude - 22))), 3),
    chi: rounded(draw.uniform(0.3, 1.2), 3),
    sharp: rounded(surroundings === 'star' ? draw.normal() * 0.02 : draw.uniform(0.02, 0.6), 3)
  }
}
