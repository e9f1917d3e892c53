import { pointSize, realBogusOf, solarSystemDistanceOf } from '../points/layout.ts'
import type { Observation } from '../points/observation.ts'
import { RunningTotals } from '../points/totals.ts'
import { LightCurve } from './light-curve.ts'

/** What of alerts and points is turned away for its quality (`admit.*` of the configuration). */
export interface Gates {
  /** Real–bogus score below which a point is turned away, 0–1. */
  readonly minRealBogus: number
  /** Distance to a known solar-system object within which a point is turned away, arcsec. */
  readonly maxSolarSystemDistance: number
}

/** Whether a real–bogus score is below what is wanted. In single precision, as points have it: an alert and its point agree. */
export function isBogus(realBogus: number | null, { minRealBogus }: Gates): boolean {
  return realBogus !== null && Math.fround(realBogus) < Math.fround(minRealBogus)
}

/** Whether a known solar-system object is too near, in single precision. */
export function isInSolarSystem(distance: number | null, { maxSolarSystemDistance }: Gates): boolean {
  return distance !== null && Math.fround(distance) <= Math.fround(maxSolarSystemDistance)
}

/** Whether an alert or a point passes the gates. What is not known is no reason to turn it away, so upper limits always pass. */
export function passes(
  { realBogus, solarSystemDistance }: Pick<Observation, 'realBogus' | 'solarSystemDistance'>,
  gates: Gates
): boolean {
  return !isBogus(realBogus, gates) && !isInSolarSystem(solarSystemDistance, gates)
}

/**
 * The points of a stored curve that pass the gates: what is classified, fingerprinted and counted. It is the curve itself, at
 * once, where all of them pass; else a copy of those that do.
 */
export function admittedCurve(curve: LightCurve, gates: Gates): LightCurve {
  const minRealBogus = Math.fround(gates.minRealBogus)
  const maxDistance = Math.fround(gates.maxSolarSystemDistance)
  const { leastRealBogus, leastSolarSystemDistance } = curve.totals
  if (leastRealBogus >= minRealBogus && leastSolarSystemDistance > maxDistance) return curve
  const { points } = curve
  const admitted = Buffer.allocUnsafe(points.length)
  const totals = new RunningTotals(curve.totals)
  let source = 0
  let target = 0
  for (let offset = 0; offset < points.length; offset += pointSize) {
    // Not a number where it is not known: neither comparison holds.
    if (!(realBogusOf(points, offset) < minRealBogus || solarSystemDistanceOf(points, offset) <= maxDistance)) continue
    target += points.copy(admitted, target, source, offset)
    source = offset + pointSize
    totals.remove(points, offset, curve.supersededAt(offset / pointSize))
  }
  target += points.copy(admitted, target, source)
  const passing = admitted.subarray(0, target)
  // Superseded candids of points that are left out are never looked for.
  return new LightCurve(passing, curve.supersededBytes, totals.sums(), curve)
}
