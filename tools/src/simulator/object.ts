import { rounded, type SimulatedLightCurve, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { random, seedOf } from '@hierax/training/random.ts'
import { type Family, familyOf } from './family.ts'
import { type ContextDistributions, contextOf } from './family-context.ts'
import {
  type Gaia,
  gaiaOf,
  type Neighbour,
  neighboursOf,
  type PriorHistory,
  priorHistoryOf,
  type Reference,
  referenceOf
} from './object-context.ts'

/** A simulated object: position, context and prior history. */
export interface SimulatedObject {
  readonly index: number
  readonly objectId: string
  readonly label: string
  readonly family: Family
  readonly ra: number
  readonly dec: number
  readonly field: number
  /** Readout channel, 0–63. */
  readonly rcid: number
  /** Position on the channel's image, pixels. */
  readonly x: number
  readonly y: number
  readonly context: ContextDistributions
  readonly priorHistory: PriorHistory
  readonly references: readonly [Reference, Reference, Reference]
  /** The three nearest PanSTARRS sources, nearest first. */
  readonly neighbours: readonly [Neighbour, Neighbour, Neighbour]
  readonly gaia: Gaia
}

/**
 * Gives a light curve a context typical of its class, and random coordinates within the survey's reach if it has none.
 *
 * @param index number of the object in its simulation; with `seed` it determines all random values
 */
export function placeObject(
  curve: SimulatedLightCurve,
  objectId: string,
  index: number,
  seed: number
): SimulatedObject {
  const draw = random(seed, index, seedOf('object'))
  const ra = rounded(curve.ra ?? draw.uniform(0, 360), 7)
  // Uniform on the sphere above declination −28°.
  const dec = rounded(curve.dec ?? (Math.asin(draw.uniform(-0.47, 0.98)) * 180) / Math.PI, 7)
  const family = familyOf(curve.label)
  const { counterpart, on, off, history } = contextOf(family)
  const context = draw.uniform() < counterpart ? on : off
  const all = curve.points.filter(point => point.detection)
  const good = all.filter(point => point.refused === undefined)
  // Added refused detections must not change the object, but some objects have no others.
  const detections = good.length > 0 ? good : all
  const neighbours = neighboursOf(draw, context, meanMagnitude(detections), { ra, dec })
  const [nearest] = neighbours
  const rcid = index % 64
  const field = draw.integer(245, 880)
  const same = draw.uniform() < context.sameReference
  const reference = (fid: 1 | 2 | 3) => referenceOf(draw, context, nearest, { field, rcid, fid, same })
  return {
    index,
    objectId,
    label: curve.label,
    family,
    ra,
    dec,
    field,
    rcid,
    x: draw.uniform(40, 3030),
    y: draw.uniform(40, 3040),
    context,
    references: [reference(1), reference(2), reference(3)],
    neighbours,
    gaia: gaiaOf(draw, context, nearest),
    priorHistory: priorHistoryOf(draw, history, detections[0]?.jd ?? 0)
  }
}

function meanMagnitude(detections: readonly SimulatedPoint[]): number {
  return detections.reduce((sum, point) => sum + point.magnitude, 0) / Math.max(1, detections.length)
}
