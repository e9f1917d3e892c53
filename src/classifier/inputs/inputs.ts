import type { Points } from '../points.ts'

/** Version of these inputs, as a model's card names it. */
export const inputsVersion = 'ztf-27.v1'

/** Names of the inputs of one detection, in order. All are causal: they use no later points. */
export const inputNames = [
  'magnitude',
  'logError',
  'isG',
  'isR',
  'isI',
  'sign',
  'timeSinceFirst',
  'timeSincePrevious',
  'fade',
  'timeSinceBrightest',
  'brightestSinceFirst',
  'otherBandBrightest',
  'hasOtherBand',
  'colour',
  'timeSinceOtherBand',
  'slope',
  'slopeInterval',
  'hasSameBand',
  'logDetections',
  'colourOfBrightest',
  'hasUpperLimit',
  'upperLimitAge',
  'upperLimitDepth',
  'logUpperLimits',
  'declineRate',
  'signalToNoise',
  'rise'
] as const

/** Numbers per detection. */
export const inputCount: number = inputNames.length

/*
 * The state between two detections: 25 doubles, whatever the length of the light curve. It does not contain the points of the last
 * 0.8 days, which a cursor into the light curve finds, nor the upper limits since the previous detection, which a scan backwards
 * finds. Both visit each point once.
 */
const count = 0
const firstTime = 1
const previousTime = 2
/** Index of the first point that is not yet `minSlopeInterval` older than the last detection. */
const cursor = 3
const bandsFrom = 4
/* By band: brightest magnitude so far (infinite: none), its time, first magnitude, latest magnitude and time, … */
const brightest = 0
const brightestTime = 1
const firstMagnitude = 2
const latestMagnitude = 3
const latestTime = 4
/* … and magnitude and time of the latest point before the cursor (time infinite: none). */
const anchorMagnitude = 5
const anchorTime = 6
const perBand = 7

/** Doubles of the state that is kept between detections. */
export const inputStateLength: number = bandsFrom + 3 * perBand

/** Minimum time between two points of a slope, days. */
const minSlopeInterval = 0.8
/** Maximum age of an upper limit before the first detection, days. */
const upperLimitWindow = 30
/** Logarithmic age if there is no earlier point. */
export const noAge = 1.2
const minError = 0.005

/** Resets a state to that before the first detection. */
export function clearInputState(state: Float64Array): void {
  state.fill(0)
  for (let band = 0; band < 3; band++) {
    state[bandsFrom + band * perBand + brightest] = Number.POSITIVE_INFINITY
    state[bandsFrom + band * perBand + anchorTime] = Number.POSITIVE_INFINITY
  }
}

/** Makes a cleared state skip the points before `index`. */
export function passPointsBefore(state: Float64Array, index: number): void {
  state[cursor] = index
}

/** Modified Julian date of the latest detection of a state. */
export function latestDetection(state: Float64Array): number {
  return state[previousTime] as number
}

/** Number of detections in the current sequence of a state. */
export function detectionsSeen(state: Float64Array): number {
  return state[count] as number
}

/** Days from the first to the latest detection of a state. */
export function daysSinceFirst(state: Float64Array): number {
  return (state[previousTime] as number) - (state[firstTime] as number)
}

/**
 * Computes the inputs of the detection at `index` into `out` at `offset` (27 numbers) and updates the state.
 * Every earlier detection must have been stepped through, in order. Magnitudes are difference magnitudes (mag), times
 * modified Julian days. The amortised cost does not depend on the length of the light curve.
 */
export function stepInputs(
  state: Float64Array,
  points: Points,
  index: number,
  out: Float32Array,
  offset: number
): void {
  const time = modified(points.jd(index))
  const magnitude = points.magnitude(index)
  const error = Math.max(points.error(index), minError)
  const band = points.fid(index) - 1
  const own = bandsFrom + band * perBand
  const seen = state[count] as number
  if (seen === 0) state[firstTime] = time
  passAnchors(state, points, time - minSlopeInterval)

  const isFirstOfBand = state[own + brightest] === Number.POSITIVE_INFINITY
  if (isFirstOfBand) state[own + firstMagnitude] = magnitude
  if (magnitude < (state[own + brightest] as number)) {
    state[own + brightest] = magnitude
    state[own + brightestTime] = time
  }
  const first = state[firstTime] as number
  const peak = state[own + brightest] as number
  const peakTime = state[own + brightestTime] as number
  const fade = magnitude - peak

  out[offset] = scaled(magnitude)
  out[offset + 1] = (Math.log10(error) + 1) / 0.4
  out[offset + 2] = band === 0 ? 1 : 0
  out[offset + 3] = band === 1 ? 1 : 0
  out[offset + 4] = band === 2 ? 1 : 0
  out[offset + 5] = points.isPositive(index) ? 1 : -1
  out[offset + 6] = age(time - first)
  out[offset + 7] = seen === 0 ? 1.5 : Math.log10(time - (state[previousTime] as number) + 0.02) / 2
  out[offset + 8] = Math.min(fade, 5) / 1.5
  out[offset + 9] = age(time - peakTime)
  out[offset + 10] = age(peakTime - first)
  colours(state, band, magnitude, time, out, offset)
  slope(state, own, isFirstOfBand, magnitude, time, out, offset)
  out[offset + 18] = Math.log(1 + seen + 1) / 4
  const from = seen === 0 ? time - upperLimitWindow : (state[previousTime] as number)
  upperLimits(points, index, from, time, magnitude, out, offset)
  out[offset + 24] = Math.min(fade / Math.max(time - peakTime, 2), 0.4) * 5
  out[offset + 25] = Math.log10(1.0857 / error) - 1
  out[offset + 26] = Math.min((state[own + firstMagnitude] as number) - peak, 5) / 1.5

  state[count] = seen + 1
  state[previousTime] = time
  state[own + latestMagnitude] = magnitude
  state[own + latestTime] = time
}

/** Moves the cursor over all points up to a time, keeping the latest detection of each band that it passes. */
function passAnchors(state: Float64Array, points: Points, until: number): void {
  let index = state[cursor] as number
  for (; ; index++) {
    const time = modified(points.jd(index))
    if (!(time <= until)) break
    if (!points.isDetection(index)) continue
    const band = bandsFrom + (points.fid(index) - 1) * perBand
    state[band + anchorMagnitude] = points.magnitude(index)
    state[band + anchorTime] = time
  }
  state[cursor] = index
}

/** Inputs 12–15 and 20 (counted from 1): brightness and colour against the other band (g and r pair up, i goes with g). */
function colours(
  state: Float64Array,
  band: number,
  magnitude: number,
  time: number,
  out: Float32Array,
  offset: number
): void {
  const other = bandsFrom + (band === 0 ? 1 : 0) * perBand
  const otherPeak = state[other + brightest] as number
  const hasOther = otherPeak !== Number.POSITIVE_INFINITY
  const difference = magnitude - (state[other + latestMagnitude] as number)
  out[offset + 11] = hasOther ? scaled(otherPeak) : 0
  out[offset + 12] = hasOther ? 1 : 0
  out[offset + 13] = hasOther ? clippedColour(band === 0 ? difference : -difference) : 0
  out[offset + 14] = hasOther ? age(time - (state[other + latestTime] as number)) : noAge
  const g = state[bandsFrom + brightest] as number
  const r = state[bandsFrom + perBand + brightest] as number
  const both = g !== Number.POSITIVE_INFINITY && r !== Number.POSITIVE_INFINITY
  out[offset + 19] = both ? clippedColour(g - r) : 0
}

/**
 * Inputs 16–18 (counted from 1): slope to the latest point of the band that is at least 0.8 days older, or if there is none, to the
 * latest point of the band.
 */
function slope(
  state: Float64Array,
  own: number,
  isFirstOfBand: boolean,
  magnitude: number,
  time: number,
  out: Float32Array,
  offset: number
): void {
  if (isFirstOfBand) {
    out[offset + 15] = 0
    out[offset + 16] = noAge
    out[offset + 17] = 0
    return
  }
  const anchored = state[own + anchorTime] !== Number.POSITIVE_INFINITY
  const from = state[own + (anchored ? anchorTime : latestTime)] as number
  const change = magnitude - (state[own + (anchored ? anchorMagnitude : latestMagnitude)] as number)
  const interval = time - from
  out[offset + 15] = Math.min(Math.max(change / Math.max(interval, 0.5), -0.6), 0.6) * 5
  out[offset + 16] = age(interval)
  out[offset + 17] = 1
}

/** Inputs 21–24 (counted from 1): the latest upper limit in [from, time), in any band, and the number of upper limits. */
function upperLimits(
  points: Points,
  index: number,
  from: number,
  time: number,
  magnitude: number,
  out: Float32Array,
  offset: number
): void {
  let limits = 0
  let latest = 0
  let limit = 0
  for (let earlier = index - 1; earlier >= 0; earlier--) {
    const at = modified(points.jd(earlier))
    if (at < from) break
    if (at >= time) continue
    if (points.isDetection(earlier)) continue
    if (limits === 0) {
      latest = at
      limit = points.magnitude(earlier)
    }
    limits++
  }
  out[offset + 20] = limits > 0 ? 1 : 0
  out[offset + 21] = limits > 0 ? Math.log(1 + time - latest) / 2 : 0
  out[offset + 22] = limits > 0 ? Math.min(Math.max(limit - magnitude, -3), 3) / 1.5 : 0
  out[offset + 23] = Math.log(1 + limits) / 2
}

/** Modified Julian day. */
export function modified(jd: number): number {
  return jd - 2400000.5
}

/** A magnitude, as an input of the network. */
export function scaled(magnitude: number): number {
  return (magnitude - 18.5) / 1.5
}

/** An age in days, as an input of the network. */
export function age(days: number): number {
  return Math.log(1 + days) / 3
}

function clippedColour(colour: number): number {
  return Math.min(Math.max(colour, -2), 2.5)
}

export function clipped(value: number, bound: number): number {
  return Math.min(Math.max(value, -bound), bound)
}
