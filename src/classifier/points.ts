import type { Observation } from '../lightcurves/points/observation.ts'

/** A photometric point as the inputs need it. */
export type Point = Pick<Observation, 'jd' | 'fid' | 'detection' | 'positive' | 'magnitude' | 'error'>

/** Points of one object, sorted by `jd`, then `fid`, field by field: a light curve, or an array (`pointsOf`). */
export interface Points {
  readonly length: number
  /** Julian date, days. */
  jd(index: number): number
  fid(index: number): Point['fid']
  isDetection(index: number): boolean
  isPositive(index: number): boolean
  /** Difference magnitude, or upper limit; mag. */
  magnitude(index: number): number
  /** Error of the magnitude, mag. */
  error(index: number): number
}

/** An array of points. */
export function pointsOf(points: readonly Point[]): Points {
  const at = (index: number): Point => {
    const point = points[index]
    if (point === undefined) throw new RangeError(`no point ${index} of ${points.length}`)
    return point
  }
  return {
    length: points.length,
    jd: index => at(index).jd,
    fid: index => at(index).fid,
    isDetection: index => at(index).detection,
    isPositive: index => at(index).positive,
    magnitude: index => at(index).magnitude,
    error: index => at(index).error
  }
}
