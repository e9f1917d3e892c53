import { age, clipped, inputCount, inputStateLength, modified, noAge, type Point, scaled } from './inputs.ts'

/*
 * The inputs that version 2 adds: features of the whole light curve up to each detection. They are computed from running sums, so the cost
 * of a detection does not depend on the length of the curve. They follow the 27 numbers of version 1.
 */

/** Names of the numbers of one band. */
const bandNames = [
  'logDetections',
  'brightest',
  'brightestSinceFirst',
  'latestSinceBrightest',
  'fade',
  'fadeAfter15',
  'fadeAfter30',
  'fadeAfter60',
  'declineSlope',
  'riseSlope',
  'width',
  'scatter'
] as const

const commonNames = [
  'colourAtBrightest',
  'colourAtBrightestGap',
  'firstColour',
  'meanColour',
  'colourSlope',
  'smoothColour',
  'colourAfter20',
  'hasColourAfter20',
  'slopeOverWeek',
  'slopeOverMonth',
  'bumpiness',
  'turns',
  'shareNegative',
  'limitBeforeFirst',
  'limitBeforeFirstAge',
  'riseSinceLimit',
  'logAllLimits',
  'meanMagnitude',
  'spread'
] as const

/** Names of the further inputs, in order. */
export const featureNames: readonly string[] = [
  ...bandNames.map(name => `g.${name}`),
  ...bandNames.map(name => `r.${name}`),
  ...commonNames
]

/** Offsets of the numbers of a band. Times are modified Julian days; NaN means not yet known. */
const ofBand = {
  detections: 0,
  peak: 1,
  peakTime: 2,
  latest: 3,
  latestTime: 4,
  fadeAt: 5, // 3 numbers, at the days of `fadeDays`
  sincePeak: 8, // sums of a straight line, from the peak on
  all: 13, // the same, of all detections
  riseSlope: 18,
  integral: 19, // of the flux, in days × flux of magnitude 18.5
  scatterSum: 20,
  scatterCount: 21,
  week: 22, // sums of a straight line, exponentially weighted
  month: 27,
  direction: 32, // of the latest turn: −1 brighter, 1 fainter
  turnFrom: 33 // extreme magnitude since that turn
} as const
const perBand = 34

/** Offsets of the bands, after the state of version 1. */
const g: number = inputStateLength
const r: number = g + perBand
const common = r + perBand

/** Offsets of the numbers that the bands share. */
const ofCurve = {
  total: common,
  firstTime: common + 1,
  negatives: common + 2,
  limits: common + 3,
  limitMagnitude: common + 4,
  limitTime: common + 5,
  mean: common + 6,
  squares: common + 7,
  bumps: common + 8,
  bumpWeight: common + 9,
  turns: common + 10,
  colours: common + 11, // sums of a straight line
  colourAtPeak: common + 16,
  colourGap: common + 17,
  colourFirst: common + 18,
  colourSmooth: common + 19,
  colourSmoothWeight: common + 20,
  colourTime: common + 21,
  colourLate: common + 22
} as const

/** Length of the state, including that of version 1. */
export const featureStateLength: number = common + 23

/** Days after the peak at which the fade is read off. */
const fadeDays = [15, 30, 60] as const

function at(state: Float64Array, index: number): number {
  return state[index] as number
}

function add(state: Float64Array, index: number, value: number): void {
  state[index] = at(state, index) + value
}

/** Maximum time between the two points of a colour, days. */
const pairing = 3
/** Added in quadrature to the errors of points when a line is fitted, mag. */
const floor = 0.03
const lateColour = 20

const unknownAtFirst = [
  ...[ofCurve.limitMagnitude, ofCurve.limitTime, ofCurve.colourAtPeak, ofCurve.colourGap],
  ...[ofCurve.colourFirst, ofCurve.colourTime, ofCurve.colourLate]
]

/** Resets a state to that before the first detection. */
export function clearFeatures(state: Float64Array): void {
  state.fill(0, g)
  for (const band of [g, r]) clearBand(state, band)
  for (const index of unknownAtFirst) state[index] = Number.NaN
}

/**
 * Computes the further inputs of a detection into `out` and updates the state. The numbers of version 1 must already
 * be at `offset`; these follow them.
 */
export function stepFeatures(state: Float64Array, point: Point, out: Float32Array, offset: number): void {
  const { magnitude, positive, fid } = point
  const time = modified(point.jd)
  const own = offset + inputCount
  const sigma = Math.hypot(point.error, floor)
  const isFirst = state[ofCurve.total] === 0
  if (isFirst) state[ofCurve.firstTime] = time
  takeLimits(state, isFirst, magnitude, time, out, offset)
  add(state, ofCurve.total, 1)
  if (!positive) add(state, ofCurve.negatives, 1)
  const before = at(state, ofCurve.mean)
  add(state, ofCurve.mean, (magnitude - before) / at(state, ofCurve.total))
  add(state, ofCurve.squares, (magnitude - before) * (magnitude - at(state, ofCurve.mean)))
  if (fid !== 3) {
    const brightest = stepBand(state, fid === 1 ? g : r, magnitude, sigma, time)
    if (brightest && fid === 2) forgetPeakColours(state)
    stepColours(state, fid, time)
  }
  writeBand(state, g, out, own)
  writeBand(state, r, out, own + bandNames.length)
  writeCommon(state, fid === 2 ? r : g, out, own + 2 * bandNames.length)
}

/** Takes the upper limits since the previous detection from the numbers of version 1 (21–24). */
function takeLimits(
  state: Float64Array,
  isFirst: boolean,
  magnitude: number,
  time: number,
  out: Float32Array,
  offset: number
): void {
  if (out[offset + 20] === 0) return
  if (isFirst) {
    state[ofCurve.limitMagnitude] = magnitude + (out[offset + 22] as number) * 1.5
    state[ofCurve.limitTime] = time - Math.expm1((out[offset + 21] as number) * 2)
  } else add(state, ofCurve.limits, Math.expm1((out[offset + 23] as number) * 2))
}

/** Colours at and after the peak refer to the brightest point so far, which has just changed. */
function forgetPeakColours(state: Float64Array): void {
  for (const index of [ofCurve.colourAtPeak, ofCurve.colourGap, ofCurve.colourLate]) state[index] = Number.NaN
}

/** Computes a colour from the latest points of both bands if they are close enough in time. */
function stepColours(state: Float64Array, fid: 1 | 2, time: number): void {
  const other = fid === 1 ? r : g
  if (!(time - at(state, other + ofBand.latestTime) <= pairing)) return
  const colour = Math.min(Math.max(at(state, g + ofBand.latest) - at(state, r + ofBand.latest), -2), 2.5)
  const since = time - at(state, ofCurve.firstTime)
  if (Number.isNaN(at(state, ofCurve.colourFirst))) state[ofCurve.colourFirst] = colour
  addPoint(state, ofCurve.colours, since, colour, 1)
  const fade = Number.isNaN(at(state, ofCurve.colourTime)) ? 0 : Math.exp(-(time - at(state, ofCurve.colourTime)) / 8)
  state[ofCurve.colourSmooth] = at(state, ofCurve.colourSmooth) * fade + colour
  state[ofCurve.colourSmoothWeight] = at(state, ofCurve.colourSmoothWeight) * fade + 1
  state[ofCurve.colourTime] = time
  const gap = time - at(state, r + ofBand.peakTime)
  if (!(gap >= at(state, ofCurve.colourGap))) {
    state[ofCurve.colourAtPeak] = colour
    state[ofCurve.colourGap] = gap
    state[ofCurve.colourLate] = Number.NaN
  }
  if (gap >= lateColour && Number.isNaN(at(state, ofCurve.colourLate))) state[ofCurve.colourLate] = colour
}

function writeCommon(state: Float64Array, band: number, out: Float32Array, offset: number): void {
  const pairs = at(state, ofCurve.colours)
  const count = at(state, ofCurve.total)
  out[offset] = known(at(state, ofCurve.colourAtPeak), 0)
  out[offset + 1] = pairs > 0 ? age(known(at(state, ofCurve.colourGap), 30)) : 1.2
  out[offset + 2] = known(at(state, ofCurve.colourFirst), 0)
  out[offset + 3] = pairs > 0 ? lineMean(state, ofCurve.colours) : 0
  out[offset + 4] = clipped(lineSlope(state, ofCurve.colours) * 30, 3)
  out[offset + 5] = pairs > 0 ? at(state, ofCurve.colourSmooth) / at(state, ofCurve.colourSmoothWeight) : 0
  out[offset + 6] = known(at(state, ofCurve.colourLate), 0)
  out[offset + 7] = Number.isNaN(at(state, ofCurve.colourLate)) ? 0 : 1
  out[offset + 8] = clipped(lineSlope(state, band + ofBand.week) * 10, 3)
  out[offset + 9] = clipped(lineSlope(state, band + ofBand.month) * 20, 3)
  out[offset + 10] = Math.log10((0.02 + at(state, ofCurve.bumps)) / (1 + at(state, ofCurve.bumpWeight))) + 1
  out[offset + 11] = Math.log(1 + at(state, ofCurve.turns)) / 2
  out[offset + 12] = at(state, ofCurve.negatives) / count
  const limit = at(state, ofCurve.limitMagnitude)
  const brightest = Math.min(known(at(state, g + ofBand.peak), 30), known(at(state, r + ofBand.peak), 30))
  const has = !Number.isNaN(limit) && brightest < 30
  out[offset + 13] = has ? clipped(limit - brightest, 4) / 1.5 : 0
  out[offset + 14] = has ? age(at(state, ofCurve.firstTime) - at(state, ofCurve.limitTime)) : noAge
  out[offset + 15] = has ? riseSinceLimit(state, limit, brightest) : 0
  out[offset + 16] = Math.log(1 + at(state, ofCurve.limits)) / 3
  out[offset + 17] = scaled(at(state, ofCurve.mean))
  out[offset + 18] = Math.sqrt(at(state, ofCurve.squares) / count)
}

/** Minimum rate of the rise from the last upper limit before the first detection to the peak, scaled. */
function riseSinceLimit(state: Float64Array, limit: number, brightest: number): number {
  const band = at(state, g + ofBand.peak) === brightest ? g : r
  const days = at(state, band + ofBand.peakTime) - at(state, ofCurve.limitTime)
  return clipped(((limit - brightest) / Math.max(days, 1)) * 5, 3)
}

function known(value: number, otherwise: number): number {
  return Number.isNaN(value) ? otherwise : value
}

/** Resets a band of a state to that before its first detection. */
function clearBand(state: Float64Array, band: number): void {
  state.fill(Number.NaN, band + ofBand.peak, band + ofBand.fadeAt + fadeDays.length)
  state[band + ofBand.turnFrom] = Number.NaN
}

/** Updates a band by a detection; returns whether it is the brightest so far. `sigma` is its error, mag, `time` in days. */
function stepBand(state: Float64Array, band: number, magnitude: number, sigma: number, time: number): boolean {
  const first = state[band + ofBand.detections] === 0
  const previous = at(state, band + ofBand.latest)
  const previousTime = at(state, band + ofBand.latestTime)
  const weight = 1 / sigma ** 2
  const since = time - at(state, ofCurve.firstTime)
  if (!first) {
    const interval = time - previousTime
    measureScatter(state, band, magnitude, sigma, interval)
    readFades(state, band, magnitude, time)
    // Trapezium of the flux against that of magnitude 18.5; gaps count as 60 days at most.
    const flux = (m: number): number => 10 ** (-0.4 * (m - 18.5))
    add(state, band + ofBand.integral, (Math.min(interval, 60) * (flux(magnitude) + flux(previous))) / 2)
    forget(state, band + ofBand.week, Math.exp(-interval / 7), interval)
    forget(state, band + ofBand.month, Math.exp(-interval / 30), interval)
  }
  addPoint(state, band + ofBand.all, since, magnitude, weight)
  addPoint(state, band + ofBand.week, 0, magnitude, weight)
  addPoint(state, band + ofBand.month, 0, magnitude, weight)
  const brightest = first || magnitude < at(state, band + ofBand.peak)
  if (brightest) {
    state[band + ofBand.peak] = magnitude
    state[band + ofBand.peakTime] = time
    state.fill(Number.NaN, band + ofBand.fadeAt, band + ofBand.fadeAt + fadeDays.length)
    state.fill(0, band + ofBand.sincePeak, band + ofBand.sincePeak + lineLength)
    state[band + ofBand.riseSlope] = lineSlope(state, band + ofBand.all)
  }
  addPoint(state, band + ofBand.sincePeak, time - at(state, band + ofBand.peakTime), magnitude, weight)
  countTurns(state, band, magnitude, sigma)
  add(state, band + ofBand.detections, 1)
  state[band + ofBand.latest] = magnitude
  state[band + ofBand.latestTime] = time
  return brightest
}

/** Residuals of a point from the previous point (in sigmas) and from the line through the month before it (mag). */
function measureScatter(state: Float64Array, band: number, magnitude: number, sigma: number, interval: number): void {
  const step = (magnitude - at(state, band + ofBand.latest)) / (Math.SQRT2 * sigma)
  if (interval <= 4) {
    add(state, band + ofBand.scatterSum, Math.min(step ** 2, 100))
    add(state, band + ofBand.scatterCount, 1)
  }
  if (at(state, band + ofBand.detections) < 3 || interval > 20) return
  const expected = lineAt(state, band + ofBand.month, interval)
  const fade = Math.exp(-interval / 40)
  state[ofCurve.bumps] = at(state, ofCurve.bumps) * fade + Math.min((magnitude - expected) ** 2, 1)
  state[ofCurve.bumpWeight] = at(state, ofCurve.bumpWeight) * fade + 1
}

/** Interpolates the fade at each of `fadeDays` after the peak, between the points before and after. */
function readFades(state: Float64Array, band: number, magnitude: number, time: number): void {
  const from = at(state, band + ofBand.latestTime)
  for (const [which, days] of fadeDays.entries()) {
    const wanted = at(state, band + ofBand.peakTime) + days
    if (from >= wanted || time < wanted || time === from) continue
    const before = at(state, band + ofBand.latest)
    const read = before + ((magnitude - before) * (wanted - from)) / (time - from)
    state[band + ofBand.fadeAt + which] = read - at(state, band + ofBand.peak)
  }
}

/** Counts the turns from brighter to fainter and back that exceed the noise. */
function countTurns(state: Float64Array, band: number, magnitude: number, sigma: number): void {
  const extreme = at(state, band + ofBand.turnFrom)
  const towards = at(state, band + ofBand.direction)
  const margin = Math.max(0.1, 3 * sigma)
  if (Number.isNaN(extreme) || (magnitude - extreme) * towards > 0) state[band + ofBand.turnFrom] = magnitude
  else if (Math.abs(magnitude - extreme) > margin) {
    if (towards !== 0) add(state, ofCurve.turns, 1)
    state[band + ofBand.direction] = Math.sign(magnitude - extreme)
    state[band + ofBand.turnFrom] = magnitude
  }
}

/** Writes the numbers of a band; zeros where it has no detection. */
function writeBand(state: Float64Array, band: number, out: Float32Array, offset: number): void {
  const count = at(state, band + ofBand.detections)
  if (count === 0) {
    out.fill(0, offset, offset + bandNames.length)
    return
  }
  const top = at(state, band + ofBand.peak)
  out[offset] = Math.log(1 + count) / 4
  out[offset + 1] = scaled(top)
  out[offset + 2] = age(at(state, band + ofBand.peakTime) - at(state, ofCurve.firstTime))
  out[offset + 3] = age(at(state, band + ofBand.latestTime) - at(state, band + ofBand.peakTime))
  out[offset + 4] = Math.min(at(state, band + ofBand.latest) - top, 5) / 1.5
  for (const which of fadeDays.keys()) {
    const fade = at(state, band + ofBand.fadeAt + which)
    out[offset + 5 + which] = Number.isNaN(fade) ? -0.5 : Math.min(fade, 5) / 1.5
  }
  out[offset + 8] = clipped(lineSlope(state, band + ofBand.sincePeak) * 20, 3)
  out[offset + 9] = clipped(at(state, band + ofBand.riseSlope) * 10, 3)
  out[offset + 10] = Math.log(1 + at(state, band + ofBand.integral) / 10 ** (-0.4 * (top - 18.5))) / 3
  const pairs = at(state, band + ofBand.scatterCount)
  out[offset + 11] = Math.log((1 + at(state, band + ofBand.scatterSum)) / (1 + pairs)) / 2
}

/*
 * A straight line through weighted points that come one by one, in five running sums from `start` on: weight, and weight times
 * t, m, t², t·m. Magnitudes are counted from 18.5, to lose little precision in the differences of large sums.
 */
const zero = 18.5
/** Added to the variance of time in a slope, days², so that two points of one night give a slope near 0. */
const shrinkage = 9

/** Sums of one line. */
const lineLength = 5

/** Adds a point at `t` days. */
function addPoint(state: Float64Array, start: number, t: number, magnitude: number, weight: number): void {
  const m = magnitude - zero
  state[start] = (state[start] as number) + weight
  state[start + 1] = (state[start + 1] as number) + weight * t
  state[start + 2] = (state[start + 2] as number) + weight * m
  state[start + 3] = (state[start + 3] as number) + weight * t * t
  state[start + 4] = (state[start + 4] as number) + weight * t * m
}

/** Moves the origin of time forward by `days` and scales the weight of earlier points by a factor. */
function forget(state: Float64Array, start: number, factor: number, days: number): void {
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
function lineSlope(state: Float64Array, start: number): number {
  const w = state[start] as number
  if (w <= 0) return 0
  const t = (state[start + 1] as number) / w
  const m = (state[start + 2] as number) / w
  const spread = Math.max((state[start + 3] as number) / w - t * t, 0)
  return ((state[start + 4] as number) / w - t * m) / (spread + shrinkage)
}

/** Magnitude of the line at `t` days; requires at least one point. */
function lineAt(state: Float64Array, start: number, t: number): number {
  const w = state[start] as number
  const centre = (state[start + 1] as number) / w
  return zero + (state[start + 2] as number) / w + lineSlope(state, start) * (t - centre)
}

/** Mean magnitude; requires at least one point. */
function lineMean(state: Float64Array, start: number): number {
  return zero + (state[start + 2] as number) / (state[start] as number)
}
