import type { Points } from '../points.ts'
import { addDetection, at, fadeDays, g, ofBand, ofCurve, r } from './curve-sums.ts'
import { age, clipped, inputCount, noAge, scaled } from './inputs.ts'
import { lineMean, lineSlope } from './running-line.ts'

/*
 * The inputs that version 2 adds: features of the whole light curve up to each detection. They are computed from the running sums of
 * `curve-sums.ts` and follow the 27 numbers of version 1.
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

/**
 * Computes the further inputs of a detection into `out` and updates the state. The numbers of version 1 must already
 * be at `offset`; these follow them.
 */
export function stepFeatures(
  state: Float64Array,
  points: Points,
  index: number,
  out: Float32Array,
  offset: number
): void {
  addDetection(state, points, index, out, offset)
  const own = offset + inputCount
  writeBand(state, g, out, own)
  writeBand(state, r, out, own + bandNames.length)
  writeCommon(state, points.fid(index) === 2 ? r : g, out, own + 2 * bandNames.length)
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
