import { add, at, bandNames, fadeDays, ofBand, ofCurve } from './curve-layout.ts'
import { age, clipped, scaled } from './inputs.ts'
import { addPoint, forget, lineAt, lineLength, lineSlope } from './running-line.ts'

/** Sets a band of a state to that before its first detection. */
export function clearBand(state: Float64Array, band: number): void {
  state.fill(Number.NaN, band + ofBand.peak, band + ofBand.fadeAt + fadeDays.length)
  state[band + ofBand.turnFrom] = Number.NaN
}

/** Moves a band on by a detection; says whether it is the brightest so far. `sigma` is its error, mag, `time` in days. */
export function stepBand(state: Float64Array, band: number, magnitude: number, sigma: number, time: number): boolean {
  const first = state[band + ofBand.detections] === 0
  const previous = at(state, band + ofBand.latest)
  const previousTime = at(state, band + ofBand.latestTime)
  const weight = 1 / sigma ** 2
  const since = time - at(state, ofCurve.firstTime)
  if (!first) {
    const interval = time - previousTime
    judgeScatter(state, band, magnitude, sigma, interval)
    readFades(state, band, magnitude, time)
    // Trapezium of the flux against that of magnitude 18.5; gaps longer than a season hold nothing.
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

/** How far a point lies from the line through the month before it, and from the previous point, in sigmas. */
function judgeScatter(state: Float64Array, band: number, magnitude: number, sigma: number, interval: number): void {
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

/** The fade so many days after the peak, by a straight line between the points before and after. */
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

/** Counts the turns from brighter to fainter and back that stand out of the noise. */
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
export function writeBand(state: Float64Array, band: number, out: Float32Array, offset: number): void {
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
