/*
 * A straight line through weighted points that come one by one, in five running sums from `start` on: weight, and weight times
 * t, m, t², t·m. Magnitudes are counted from 18.5, to lose little precision in the differences of large sums.
 */
const zero = 18.5
/** Added to the variance of time in a slope, days², so that two points of one night give a slope near 0. */
const shrinkage = 9

/** Sums of one line. */
export const lineLength = 5

/** Adds a point at `t` days. */
export function addPoint(state: Float64Array, start: number, t: number, magnitude: number, weight: number): void {
  const m = magnitude - zero
  state[start] = (state[start] as number) + weight
  state[start + 1] = (state[start + 1] as number) + weight * t
  state[start + 2] = (state[start + 2] as number) + weight * m
  state[start + 3] = (state[start + 3] as number) + weight * t * t
  state[start + 4] = (state[start + 4] as number) + weight * t * m
}

/** Moves the origin of time forward by `days` and scales the weight of earlier points by a factor. */
export function forget(state: Float64Array, start: number, factor: number, days: number): void {
  const w = state[start] as number
  const wt = state[start + 1] as number
  const wm = state[start + 2] as number
  state[start] = factor * w
  state[start + 1] = factor * (wt - days * w)
  state[start + 2] = factor * wm
  state[start + 3] = factor * ((state[start + 3] as number) - 2 * days * wt + days * days * w)
  state[start + 4] = factor * ((state[start + 4] as number) - days * wm)
}

/** Slope, mag a day; 0 without points. */
export function lineSlope(state: Float64Array, start: number): number {
  const w = state[start] as number
  if (w <= 0) return 0
  const t = (state[start + 1] as number) / w
  const m = (state[start + 2] as number) / w
  const spread = Math.max((state[start + 3] as number) / w - t * t, 0)
  return ((state[start + 4] as number) / w - t * m) / (spread + shrinkage)
}

/** Magnitude of the line at `t` days; requires at least one point. */
export function lineAt(state: Float64Array, start: number, t: number): number {
  const w = state[start] as number
  const centre = (state[start + 1] as number) / w
  return zero + (state[start + 2] as number) / w + lineSlope(state, start) * (t - centre)
}

/** Mean magnitude; requires at least one point. */
export function lineMean(state: Float64Array, start: number): number {
  return zero + (state[start + 2] as number) / (state[start] as number)
}
