import { inOrder, type Refused, rounded, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { random, seedOf } from '@hierax/training/random.ts'

/** Number of added alerts, per detection, that the default admission settings reject. */
export interface RefusedShares {
  /** Alerts of low real–bogus score. */
  readonly bogus: number
  /** Alerts near a known solar-system object. */
  readonly solarSystem: number
}

/** The light curve of a similar object: shifted by whole days and in magnitude, with new noise. */
export function varied(points: readonly SimulatedPoint[], number: number, seed: number): readonly SimulatedPoint[] {
  const draw = random(seed, number, seedOf('variation'))
  const days = draw.integer(-300, 300)
  const brighter = Math.max(-0.6, Math.min(0.6, draw.normal() * 0.25))
  return inOrder(
    points.map(point => ({
      ...point,
      jd: rounded(point.jd + days, 7),
      magnitude: point.detection
        ? Math.fround(point.magnitude + brighter + draw.normal() * point.error * 0.5)
        : point.magnitude
    }))
  )
}

/**
 * Adds detections that the default admission settings reject, at other times within 30 days before or 15 days after the light curve's
 * detections, which do not change.
 */
export function withRefused(
  points: readonly SimulatedPoint[],
  { bogus, solarSystem }: RefusedShares,
  number: number,
  seed: number
): readonly SimulatedPoint[] {
  if (bogus <= 0 && solarSystem <= 0) return points
  const draw = random(seed, number, seedOf('refused'))
  const added: SimulatedPoint[] = []
  const add = (jd: number, refused: Refused) => {
    const fid = draw.pick([1, 2] as const)
    const positive = refused === 'solar-system' || draw.uniform() < 0.6
    const magnitude = Math.fround(draw.uniform(16, 19.8))
    const error = Math.fround(draw.uniform(0.03, 0.2))
    const at = rounded(jd + draw.uniform(-30, 15), 7)
    // Far enough from every other point not to replace it.
    if ([...points, ...added].every(point => Math.abs(point.jd - at) > 0.001)) {
      added.push({ jd: at, fid, detection: true, positive, magnitude, error, refused })
    }
  }
  for (const { jd, detection } of points) {
    if (!detection) continue
    if (draw.uniform() < bogus) add(jd, 'bogus')
    if (draw.uniform() < solarSystem) add(jd, 'solar-system')
  }
  return added.length === 0 ? points : inOrder([...points, ...added])
}
