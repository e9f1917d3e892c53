import { inputStateLength } from './inputs.ts'

/*
 * Further inputs, version 2: what they are called, and where what is kept for them lies in the state between two detections. The
 * two bands have one shape.
 */

/** Names of the numbers of one band. */
export const bandNames = [
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

/** Of a band, from its start. Times are modified Julian days; NaN stands for what is not known yet. */
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
  week: 22, // sums of a straight line that forgets
  month: 27,
  direction: 32, // of the latest turn: −1 brighter, 1 fainter
  turnFrom: 33 // extreme magnitude since that turn
} as const
const perBand = 34

/** Where the bands lie, after the state of version 1. */
export const g: number = inputStateLength
export const r: number = g + perBand
const common = r + perBand

/** What the bands have in common. */
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

/** Doubles that are kept between detections, those of version 1 included. */
export const featureStateLength: number = common + 23

/** Days after the peak at which the fade is read off. */
export const fadeDays = [15, 30, 60] as const

/** A number of the state. */
export function at(state: Float64Array, index: number): number {
  return state[index] as number
}

/** Adds to a number of the state. */
export function add(state: Float64Array, index: number, value: number): void {
  state[index] = at(state, index) + value
}
