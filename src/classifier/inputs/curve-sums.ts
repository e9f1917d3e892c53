import type { Points } from '../points.ts'
import { inputStateLength, modified } from './inputs.ts'
import { addPoint, forget, lineAt, lineLength, lineSlope } from './running-line.ts'

/*
 * Running sums of a whole light curve, from which `curve-features.ts` computes inputs of the network. They are stored after the state of
 * version 1 of the inputs. The cost of a detection does not depend on the length of the curve.
 */

/** Offsets of the numbers of a band. Times are modified Julian days; NaN means not yet known. */
export const ofBand = {
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
export const g: number = inputStateLength
export const r: number = g + perBand
const common = r + perBand

/** Offsets of the numbers that the bands share. */
export const ofCurve = {
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
export const sumsStateLength: number = common + 23

/** Days after the peak at which the fade is read off. */
export const fadeDays = [15, 30, 60] as const

export function at(state: Float64Array, index: number): number {
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
export function clearSums(state: Float64Array): void {
  state.fill(0, g)
  for (const band of [g, r]) clearBand(state, band)
  for (const index of unknownAtFirst) state[index] = Number.NaN
}

/** Adds the detection at an index. The inputs of version 1 must already be in `out` at `offset`: its upper limits are taken from them. */
export function addDetection(
  state: Float64Array,
  points: Points,
  index: number,
  out: Float32Array,
  offset: number
): void {
  const magnitude = points.magnitude(index)
  const fid = points.fid(index)
  const time = modified(points.jd(index))
  const sigma = Math.hypot(points.error(index), floor)
  const isFirst = state[ofCurve.total] === 0
  if (isFirst) state[ofCurve.firstTime] = time
  takeLimits(state, isFirst, magnitude, time, out, offset)
  add(state, ofCurve.total, 1)
  if (!points.isPositive(index)) add(state, ofCurve.negatives, 1)
  const before = at(state, ofCurve.mean)
  add(state, ofCurve.mean, (magnitude - before) / at(state, ofCurve.total))
  add(state, ofCurve.squares, (magnitude - before) * (magnitude - at(state, ofCurve.mean)))
  if (fid !== 3) {
    const brightest = stepBand(state, fid === 1 ? g : r, magnitude, sigma, time)
    if (brightest && fid === 2) forgetPeakColours(state)
    stepColours(state, fid, time)
  }
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
