import type { Point, Points } from '../classifier/inputs.ts'
import { type Random, random, seedOf } from '../simulator/random.ts'
import type { KnownObject } from './labelled.ts'

/** How light curves are varied for training. */
export interface Augmentation {
  /** Share of draws that are varied; the others are the object as it was observed. */
  readonly share: number
  /** Different variants of an object; each is the same whenever it is drawn. */
  readonly copies: number
  /** Detections of a sequence at most. */
  readonly cap: number
}

/** The augmentation of the reference study. */
export const defaultAugmentation: Augmentation = { share: 0.75, copies: 10, cap: 160 }

/** Windows in time that a star of total magnitudes is seen through; the first is the whole curve. */
const windows = 3
/** Their lengths, days, evenly in the logarithm. */
const shortestWindow = 60
const longestWindow = 700
/** Fainter than about this nothing is detected, mag; how far that varies from copy to copy. */
const depth = 20.6
const depthSpread = 0.1

/** Points in an array as the inputs read them. */
export function pointsOf(points: readonly Point[]): Points {
  return {
    at: index => points[index] as Point,
    jd: index => points[index]?.jd ?? Number.NaN
  }
}

/**
 * Points of an object as training sees them on one draw: the object itself or one of its varied copies, periodic stars through
 * one of three windows in time, at most `cap` detections. `draw` is the source of what differs from draw to draw; the copies
 * themselves depend on seed, object and the copy's number only.
 */
export function drawPoints(
  object: KnownObject,
  { share, copies, cap }: Augmentation,
  seed: number,
  draw: Random
): readonly Point[] {
  const identity = seedOf(object.id)
  let points: readonly Point[] = object.points
  if (object.photometry === 'total_mag') {
    const window = draw.integer(0, windows - 1)
    if (window > 0) points = windowed(points, random(seed, identity, window, 1))
  }
  if (draw.uniform() < share) {
    const copy = random(seed, identity, draw.integer(1, copies), 2)
    const varied = vary(points, copy)
    if (varied.some(point => point.detection)) points = varied
    if (copy.uniform() < 0.5) points = thinned(points, cap, copy)
  }
  return capped(points, cap)
}

/** A window of random length at a random place; the whole curve where it would hold no detection. */
function windowed(points: readonly Point[], random: Random): readonly Point[] {
  const first = points[0]?.jd ?? 0
  const last = points.at(-1)?.jd ?? 0
  const length = shortestWindow * (longestWindow / shortestWindow) ** random.uniform()
  const from = random.uniform(first, Math.max(first, last - length))
  const kept = points.filter(({ jd }) => jd >= from && jd < from + length)
  return kept.some(point => point.detection) ? kept : points
}

/** A copy as it might have been observed: dimmer or brighter, noisier, with fewer points and limits, slower or faster. */
export function vary(points: readonly Point[], random: Random): Point[] {
  let copy = [...points]
  if (random.uniform() < 0.5) copy = dimmed(copy, random)
  if (random.uniform() < 0.7) {
    const sigmas = random.uniform(0.3, 1)
    copy = copy.map(p =>
      p.detection ? { ...p, magnitude: Math.fround(p.magnitude + sigmas * p.error * random.normal()) } : p
    )
  }
  if (random.uniform() < 0.5) {
    const kept = random.uniform(0.6, 1)
    copy = copy.filter(() => random.uniform() < kept)
  }
  const limits = random.uniform()
  if (limits < 0.35) copy = copy.filter(p => p.detection)
  else if (limits < 0.6) {
    const kept = random.uniform()
    copy = copy.filter(p => p.detection || random.uniform() < kept)
  }
  if (random.uniform() < 0.5) {
    const stretch = random.uniform(0.93, 1.07)
    const start = copy[0]?.jd ?? 0
    copy = copy.map(p => ({ ...p, jd: start + (p.jd - start) * stretch }))
  }
  return copy
}

/** Further away or nearer: noise is the sky's, so an error in magnitudes grows as the flux falls; faint points are lost. */
function dimmed(points: readonly Point[], random: Random): Point[] {
  const shift = random.uniform(-0.3, 0.8)
  const limit = depth + depthSpread * random.normal()
  const scale = 10 ** (0.4 * shift)
  const copy: Point[] = []
  for (const p of points) {
    if (!p.detection) copy.push(p)
    else if (p.magnitude + shift <= limit) {
      copy.push({ ...p, magnitude: Math.fround(p.magnitude + shift), error: Math.fround(p.error * scale) })
    }
  }
  return copy
}

/** Fewer detections, all along the curve, so that a long one's later part is seen too. */
function thinned(points: readonly Point[], cap: number, random: Random): readonly Point[] {
  const detections = points.reduce((sum, p) => sum + Number(p.detection), 0)
  if (detections <= cap) return points
  return points.filter(p => !p.detection || random.uniform() < cap / detections)
}

/** Points up to the last of the first `cap` detections. */
function capped(points: readonly Point[], cap: number): readonly Point[] {
  let detections = 0
  for (const [index, point] of points.entries()) {
    if (point.detection && ++detections === cap) return points.slice(0, index + 1)
  }
  return points
}
