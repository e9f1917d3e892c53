import { age, clipped, inputCount, inputStateLength, modified, noAge, type Point, scaled } from './inputs.ts'
import { addPoint, forget, lineAt, lineLength, lineMean, lineSlope } from './running-line.ts'

/*
 * Further inputs, version 2: what astronomers measure on a whole light curve, as far as it can be told after each detection.
 * All of it is kept in running sums, so a detection costs the same however long the curve. Version 2 adds it to the 27 numbers
 * of version 1.
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

/* Of a band, from its start. Times are modified Julian days; NaN stands for what is not known yet. */
const detections = 0
const peak = 1
const peakTime = 2
const latest = 3
const latestTime = 4
const fadeAt = 5 // 3 numbers, at the days of `fadeDays`
const sincePeak = 8 // sums of a straight line, from the peak on
const all = 13 // the same, of all detections
const riseSlope = 18
const integral = 19 // of the flux, in days × flux of the first detection's magnitude scale
const scatterSum = 20
const scatterCount = 21
const week = 22 // sums of a straight line that forgets
const month = 27
const direction = 32 // of the latest turn: −1 brighter, 1 fainter
const turnFrom = 33 // extreme magnitude since that turn
const perBand = 34

/** Where the bands and what is common to them lie in the state, after that of version 1. */
const g = inputStateLength
const r = g + perBand
const common = r + perBand
const total = common
const firstTime = common + 1
const negatives = common + 2
const limits = common + 3
const limitMagnitude = common + 4
const limitTime = common + 5
const mean = common + 6
const squares = common + 7
const bumps = common + 8
const bumpWeight = common + 9
const turns = common + 10
const colours = common + 11 // sums of a straight line
const colourAtPeak = common + 16
const colourGap = common + 17
const colourFirst = common + 18
const colourSmooth = common + 19
const colourSmoothWeight = common + 20
const colourTime = common + 21
const colourLate = common + 22

/** Doubles that are kept between detections, those of version 1 included. */
export const featureStateLength: number = common + 23

/** Days after the peak at which the fade is read off. */
const fadeDays = [15, 30, 60] as const
/** Points of two bands that are nearer than this make a colour, days. */
const pairing = 3
/** Errors below this are not believed when a line is laid through points, mag. */
const floor = 0.03
const lateColour = 20

/** Sets a state to that before the first detection. */
export function clearFeatures(state: Float64Array): void {
  state.fill(0, g)
  for (const band of [g, r]) {
    state.fill(Number.NaN, band + peak, band + fadeAt + fadeDays.length)
    state[band + turnFrom] = Number.NaN
  }
  for (const at of [limitMagnitude, limitTime, colourAtPeak, colourGap, colourFirst, colourTime, colourLate]) {
    state[at] = Number.NaN
  }
}

/**
 * Computes the further inputs of a detection into `out` and moves the state on. The numbers of version 1 must lie at `offset`
 * already; these follow them.
 */
export function stepFeatures(state: Float64Array, point: Point, out: Float32Array, offset: number): void {
  const { magnitude, positive, fid } = point
  const time = modified(point.jd)
  const own = offset + inputCount
  const sigma = Math.hypot(point.error, floor)
  const isFirst = state[total] === 0
  if (isFirst) state[firstTime] = time
  takeLimits(state, isFirst, magnitude, time, out, offset)
  add(state, total, 1)
  if (!positive) add(state, negatives, 1)
  const before = at(state, mean)
  add(state, mean, (magnitude - before) / at(state, total))
  add(state, squares, (magnitude - before) * (magnitude - at(state, mean)))
  if (fid !== 3) {
    stepBand(state, fid === 1 ? g : r, magnitude, sigma, time)
    stepColours(state, fid, time)
  }
  writeBand(state, g, out, own)
  writeBand(state, r, out, own + bandNames.length)
  writeCommon(state, fid === 2 ? r : g, out, own + 2 * bandNames.length)
}

/** Upper limits since the previous detection, read off the numbers of version 1 (21–24). */
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
    state[limitMagnitude] = magnitude + (out[offset + 22] as number) * 1.5
    state[limitTime] = time - Math.expm1((out[offset + 21] as number) * 2)
  } else add(state, limits, Math.expm1((out[offset + 23] as number) * 2))
}

function stepBand(state: Float64Array, band: number, magnitude: number, sigma: number, time: number): void {
  const first = state[band + detections] === 0
  const previous = at(state, band + latest)
  const previousTime = at(state, band + latestTime)
  const weight = 1 / sigma ** 2
  const since = time - at(state, firstTime)
  if (!first) {
    const interval = time - previousTime
    judgeScatter(state, band, magnitude, sigma, interval)
    readFades(state, band, magnitude, time)
    // Trapezium of the flux against that of magnitude 18.5; gaps longer than a season hold nothing.
    const flux = (m: number): number => 10 ** (-0.4 * (m - 18.5))
    add(state, band + integral, (Math.min(interval, 60) * (flux(magnitude) + flux(previous))) / 2)
    forget(state, band + week, Math.exp(-interval / 7), interval)
    forget(state, band + month, Math.exp(-interval / 30), interval)
  }
  addPoint(state, band + all, since, magnitude, weight)
  addPoint(state, band + week, 0, magnitude, weight)
  addPoint(state, band + month, 0, magnitude, weight)
  if (first || magnitude < at(state, band + peak)) {
    state[band + peak] = magnitude
    state[band + peakTime] = time
    state.fill(Number.NaN, band + fadeAt, band + fadeAt + fadeDays.length)
    state.fill(0, band + sincePeak, band + sincePeak + lineLength)
    state[band + riseSlope] = lineSlope(state, band + all)
    if (band === r) state.fill(Number.NaN, colourAtPeak, colourGap + 1)
    if (band === r) state[colourLate] = Number.NaN
  }
  addPoint(state, band + sincePeak, time - at(state, band + peakTime), magnitude, weight)
  countTurns(state, band, magnitude, sigma)
  add(state, band + detections, 1)
  state[band + latest] = magnitude
  state[band + latestTime] = time
}

/** How far a point lies from the line through the month before it, and from the previous point, in sigmas. */
function judgeScatter(state: Float64Array, band: number, magnitude: number, sigma: number, interval: number): void {
  const step = (magnitude - at(state, band + latest)) / (Math.SQRT2 * sigma)
  if (interval <= 4) {
    add(state, band + scatterSum, Math.min(step ** 2, 100))
    add(state, band + scatterCount, 1)
  }
  if (at(state, band + detections) < 3 || interval > 20) return
  const expected = lineAt(state, band + month, interval)
  const fade = Math.exp(-interval / 40)
  state[bumps] = at(state, bumps) * fade + Math.min((magnitude - expected) ** 2, 1)
  state[bumpWeight] = at(state, bumpWeight) * fade + 1
}

/** The fade so many days after the peak, by a straight line between the points before and after. */
function readFades(state: Float64Array, band: number, magnitude: number, time: number): void {
  const from = at(state, band + latestTime)
  for (const [which, days] of fadeDays.entries()) {
    const wanted = at(state, band + peakTime) + days
    if (from >= wanted || time < wanted || time === from) continue
    const before = at(state, band + latest)
    const read = before + ((magnitude - before) * (wanted - from)) / (time - from)
    state[band + fadeAt + which] = read - at(state, band + peak)
  }
}

/** Counts the turns from brighter to fainter and back that stand out of the noise. */
function countTurns(state: Float64Array, band: number, magnitude: number, sigma: number): void {
  const extreme = at(state, band + turnFrom)
  const towards = at(state, band + direction)
  const margin = Math.max(0.1, 3 * sigma)
  if (Number.isNaN(extreme) || (magnitude - extreme) * towards > 0) state[band + turnFrom] = magnitude
  else if (Math.abs(magnitude - extreme) > margin) {
    if (towards !== 0) add(state, turns, 1)
    state[band + direction] = Math.sign(magnitude - extreme)
    state[band + turnFrom] = magnitude
  }
}

/** Pairs the latest points of both bands to a colour, where they are near enough. */
function stepColours(state: Float64Array, fid: 1 | 2, time: number): void {
  const other = fid === 1 ? r : g
  if (!(time - at(state, other + latestTime) <= pairing)) return
  const colour = Math.min(Math.max(at(state, g + latest) - at(state, r + latest), -2), 2.5)
  const since = time - at(state, firstTime)
  if (Number.isNaN(at(state, colourFirst))) state[colourFirst] = colour
  addPoint(state, colours, since, colour, 1)
  const fade = Number.isNaN(at(state, colourTime)) ? 0 : Math.exp(-(time - at(state, colourTime)) / 8)
  state[colourSmooth] = at(state, colourSmooth) * fade + colour
  state[colourSmoothWeight] = at(state, colourSmoothWeight) * fade + 1
  state[colourTime] = time
  const gap = time - at(state, r + peakTime)
  if (!(gap >= at(state, colourGap))) {
    state[colourAtPeak] = colour
    state[colourGap] = gap
    state[colourLate] = Number.NaN
  }
  if (gap >= lateColour && Number.isNaN(at(state, colourLate))) state[colourLate] = colour
}

function writeBand(state: Float64Array, band: number, out: Float32Array, offset: number): void {
  const count = at(state, band + detections)
  if (count === 0) {
    out.fill(0, offset, offset + bandNames.length)
    return
  }
  const top = at(state, band + peak)
  out[offset] = Math.log(1 + count) / 4
  out[offset + 1] = scaled(top)
  out[offset + 2] = age(at(state, band + peakTime) - at(state, firstTime))
  out[offset + 3] = age(at(state, band + latestTime) - at(state, band + peakTime))
  out[offset + 4] = Math.min(at(state, band + latest) - top, 5) / 1.5
  for (const which of fadeDays.keys()) {
    const fade = at(state, band + fadeAt + which)
    out[offset + 5 + which] = Number.isNaN(fade) ? -0.5 : Math.min(fade, 5) / 1.5
  }
  out[offset + 8] = clipped(lineSlope(state, band + sincePeak) * 20, 3)
  out[offset + 9] = clipped(at(state, band + riseSlope) * 10, 3)
  out[offset + 10] = Math.log(1 + at(state, band + integral) / 10 ** (-0.4 * (top - 18.5))) / 3
  const pairs = at(state, band + scatterCount)
  out[offset + 11] = Math.log((1 + at(state, band + scatterSum)) / (1 + pairs)) / 2
}

function writeCommon(state: Float64Array, band: number, out: Float32Array, offset: number): void {
  const pairs = at(state, colours)
  const count = at(state, total)
  out[offset] = known(at(state, colourAtPeak), 0)
  out[offset + 1] = pairs > 0 ? age(known(at(state, colourGap), 30)) : 1.2
  out[offset + 2] = known(at(state, colourFirst), 0)
  out[offset + 3] = pairs > 0 ? lineMean(state, colours) : 0
  out[offset + 4] = clipped(lineSlope(state, colours) * 30, 3)
  out[offset + 5] = pairs > 0 ? at(state, colourSmooth) / at(state, colourSmoothWeight) : 0
  out[offset + 6] = known(at(state, colourLate), 0)
  out[offset + 7] = Number.isNaN(at(state, colourLate)) ? 0 : 1
  out[offset + 8] = clipped(lineSlope(state, band + week) * 10, 3)
  out[offset + 9] = clipped(lineSlope(state, band + month) * 20, 3)
  out[offset + 10] = Math.log10((0.02 + at(state, bumps)) / (1 + at(state, bumpWeight))) + 1
  out[offset + 11] = Math.log(1 + at(state, turns)) / 2
  out[offset + 12] = at(state, negatives) / count
  const limit = at(state, limitMagnitude)
  const brightest = Math.min(known(at(state, g + peak), 30), known(at(state, r + peak), 30))
  const has = !Number.isNaN(limit) && brightest < 30
  out[offset + 13] = has ? clipped(limit - brightest, 4) / 1.5 : 0
  out[offset + 14] = has ? age(at(state, firstTime) - at(state, limitTime)) : noAge
  out[offset + 15] = has ? riseSinceLimit(state, limit, brightest) : 0
  out[offset + 16] = Math.log(1 + at(state, limits)) / 3
  out[offset + 17] = scaled(at(state, mean))
  out[offset + 18] = Math.sqrt(at(state, squares) / count)
}

/** Least rate of the rise from the last upper limit before the first detection to the peak, scaled. */
function riseSinceLimit(state: Float64Array, limit: number, brightest: number): number {
  const band = at(state, g + peak) === brightest ? g : r
  const days = at(state, band + peakTime) - at(state, limitTime)
  return clipped(((limit - brightest) / Math.max(days, 1)) * 5, 3)
}

/** A number of the state. */
function at(state: Float64Array, index: number): number {
  return state[index] as number
}

function add(state: Float64Array, index: number, value: number): void {
  state[index] = at(state, index) + value
}

function known(value: number, otherwise: number): number {
  return Number.isNaN(value) ? otherwise : value
}
