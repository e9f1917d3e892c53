import { clearBand, stepBand, writeBand } from './band-features.ts'
import { add, at, bandNames, g, ofBand, ofCurve, r } from './curve-layout.ts'
import { age, clipped, inputCount, modified, noAge, type Point, scaled } from './inputs.ts'
import { addPoint, lineMean, lineSlope } from './running-line.ts'

/*
 * Further inputs, version 2: what astronomers measure on a whole light curve, as far as it can be told after each detection.
 * All of it is kept in running sums, so a detection costs the same however long the curve. Version 2 adds it to the 27 numbers
 * of version 1.
 */

/** Points of two bands that are nearer than this make a colour, days. */
const pairing = 3
/** Errors below this are not believed when a line is laid through points, mag. */
const floor = 0.03
const lateColour = 20

const unknownAtFirst = [
  ...[ofCurve.limitMagnitude, ofCurve.limitTime, ofCurve.colourAtPeak, ofCurve.colourGap],
  ...[ofCurve.colourFirst, ofCurve.colourTime, ofCurve.colourLate]
]

/** Sets a state to that before the first detection. */
export function clearFeatures(state: Float64Array): void {
  state.fill(0, g)
  for (const band of [g, r]) clearBand(state, band)
  for (const index of unknownAtFirst) state[index] = Number.NaN
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
    state[ofCurve.limitMagnitude] = magnitude + (out[offset + 22] as number) * 1.5
    state[ofCurve.limitTime] = time - Math.expm1((out[offset + 21] as number) * 2)
  } else add(state, ofCurve.limits, Math.expm1((out[offset + 23] as number) * 2))
}

/** Colours at the peak and after it are those of the peak so far. */
function forgetPeakColours(state: Float64Array): void {
  for (const index of [ofCurve.colourAtPeak, ofCurve.colourGap, ofCurve.colourLate]) state[index] = Number.NaN
}

/** Pairs the latest points of both bands to a colour, where they are near enough. */
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

/** Least rate of the rise from the last upper limit before the first detection to the peak, scaled. */
function riseSinceLimit(state: Float64Array, limit: number, brightest: number): number {
  const band = at(state, g + ofBand.peak) === brightest ? g : r
  const days = at(state, band + ofBand.peakTime) - at(state, ofCurve.limitTime)
  return clipped(((limit - brightest) / Math.max(days, 1)) * 5, 3)
}

function known(value: number, otherwise: number): number {
  return Number.isNaN(value) ? otherwise : value
}
