import type { Point } from 'hierax/classifier/points.ts'
import type { KnownObject } from '../data/labelled.ts'
import { type Random, random, seedOf } from '../random.ts'
import type { Recipe } from '../recipe.ts'

/** Share of draws in which a persistent source is seen through a window in time, and the window's length in days, evenly in the logarithm. */
const windowShare = 0.6
const shortestWindow = 1
const longestWindow = 700
/** Share of draws in which a persistent source, or a transient, is seen against another reference image. */
const shiftShare = { persistent: 0.6, transient: 0.12 }
/** Share of draws that end after the first one to three detections. */
const earlyShare = { persistent: 0.2, transient: 0.06 }
/** Share of draws in which an isolated detection, real or spurious, precedes a transient. */
const isolatedShare = 0.08
/** Fainter than about this nothing is detected, mag; how far that varies from copy to copy. */
const depth = 20.6
const depthSpread = 0.1

/** A limit brighter than this is of an image that shows nothing, mag. */
const leastLimit = 16

/** What of a class decides how its light curves are varied. */
export type Kind = 'transient' | 'persistent'

/**
 * Points of an object as training sees them on one draw: the object itself or one of its varied copies, at most `cap` detections.
 * Persistent sources are seen through windows in time and against other reference images: on which side of its reference
 * image a source is says little about what it is. `draw` is the source of what differs from draw to draw; the copies themselves
 * depend on seed, object and the copy's number only.
 */
export function drawPoints(
  object: KnownObject,
  { share, copies, cap }: Recipe['augmentation'],
  seed: number,
  draw: Random,
  kind: Kind = 'transient'
): readonly Point[] {
  let points: readonly Point[] = object.points
  if (share > 0 && kind === 'persistent' && draw.uniform() < windowShare) points = windowed(points, draw)
  if (draw.uniform() < share) {
    const copy = random(seed, seedOf(object.id), draw.integer(1, copies), 2)
    if (copy.uniform() < shiftShare[kind]) points = kept(shiftedReference(points, kind, copy), points)
    if (object.photometry === 'difference_flux_uJy') points = kept(shallower(points, copy), points)
    points = kept(vary(points, copy), points)
    if (copy.uniform() < 0.5) points = thinned(points, cap, copy)
    if (copy.uniform() < earlyShare[kind]) points = capped(points, copy.integer(1, 3))
    if (kind === 'transient' && copy.uniform() < isolatedShare) points = [isolatedBefore(points, copy), ...points]
  }
  return capped(points, cap)
}

/** A variant, unless it holds no detection. */
function kept(variant: readonly Point[], otherwise: readonly Point[]): readonly Point[] {
  return variant.some(point => point.detection) ? variant : otherwise
}

/** A window of random length that begins with one of the detections; the points before it are not known. */
function windowed(points: readonly Point[], random: Random): readonly Point[] {
  const detections = points.filter(point => point.detection)
  const from = detections[random.integer(0, detections.length - 1)]?.jd ?? 0
  const length = shortestWindow * (longestWindow / shortestWindow) ** random.uniform()
  // Packets carry thirty days of history.
  return points.filter(({ jd, detection }) => jd >= from - (detection ? 0 : 30) && jd <= from + length)
}

/**
 * The same source against another reference image. That of a persistent one may have been made at any of its brightnesses;
 * that of a transient may hold a little of its light. An upper limit counts as a difference of zero.
 */
export function shiftedReference(points: readonly Point[], kind: Kind, random: Random): Point[] {
  const flux = (magnitude: number): number => 10 ** (-0.4 * (magnitude - 20))
  const signed = points.map(p => (p.detection ? (p.positive ? 1 : -1) * flux(p.magnitude) : 0))
  const [least, most] = [Math.min(...signed), Math.max(...signed)]
  const shift =
    kind === 'persistent' ? least + random.uniform(-0.15, 1.15) * (most - least) : random.uniform(0.02, 0.25) * most
  return points.map((p, at) => {
    if (!p.detection && p.magnitude < leastLimit) return p
    const sigma = p.detection ? (p.error / 1.0857) * flux(p.magnitude) : flux(p.magnitude) / 5
    const noise = p.detection ? 0 : sigma * random.normal()
    const difference = (signed[at] as number) - shift + noise
    if (Math.abs(difference) < 5 * sigma) {
      const limit = p.detection ? 20 - 2.5 * Math.log10(5 * sigma) : p.magnitude
      return { ...p, detection: false, positive: false, magnitude: Math.fround(limit), error: 0 }
    }
    const magnitude = Math.fround(20 - 2.5 * Math.log10(Math.abs(difference)))
    const error = Math.fround((1.0857 * sigma) / Math.abs(difference))
    return { ...p, detection: true, positive: difference > 0, magnitude, error }
  })
}

/** Forced photometry is deeper than alerts: points that are too faint for alerts are removed. */
function shallower(points: readonly Point[], random: Random): Point[] {
  const limit = depth - 0.1 + 0.2 * random.normal()
  return points.filter(p => !p.detection || p.magnitude <= limit)
}

/** A detection long before the first one, of either sign. */
function isolatedBefore(points: readonly Point[], random: Random): Point {
  const first = points.find(point => point.detection)?.jd ?? 0
  const magnitude = Math.fround(random.uniform(17.5, 20.5))
  return {
    jd: first - 3 * (1500 / 3) ** random.uniform(),
    fid: random.pick([1, 2] as const),
    detection: true,
    positive: random.uniform() < 0.7,
    magnitude,
    error: Math.fround(0.03 + 0.15 * 10 ** (0.4 * (magnitude - 20.5)))
  }
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
  return points
    .filter(p => !p.detection || p.magnitude + shift <= limit)
    .map(p => {
      if (!p.detection) return p
      return { ...p, magnitude: Math.fround(p.magnitude + shift), error: Math.fround(p.error * scale) }
    })
}

/** Fewer detections, all along the curve, so that a long one's later part is seen too. */
function thinned(points: readonly Point[], cap: number, random: Random): readonly Point[] {
  const detections = points.reduce((sum, p) => sum + Number(p.detection), 0)
  if (detections <= cap) return points
  return points.filter(p => !p.detection || random.uniform() < cap / detections)
}

/** Points up to the last of the first `cap` detections. */
export function capped(points: readonly Point[], cap: number): readonly Point[] {
  let detections = 0
  for (const [index, point] of points.entries()) {
    if (point.detection && ++detections === cap) return points.slice(0, index + 1)
  }
  return points
}
