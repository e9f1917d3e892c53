import { rounded, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Random, random } from '@hierax/training/random.ts'
import { utcOfJd } from 'hierax/julian-date.ts'
import type { FilterId } from 'hierax/lightcurves/points/observation.ts'
import type { SimulatedObject } from './object.ts'

/** The exposure of a point: identifiers and photometric calibration. */
export interface Exposure {
  /** Number of the survey's night. */
  readonly nid: number
  /** Night, fraction of the night and readout channel in 13 digits, then `15`. */
  readonly pid: bigint
  /** Name of the difference image. */
  readonly image: string
  /** Archive folder that later packets give for it. */
  readonly folder: string
  /** Zero point, its error and scatter, mag. */
  readonly zeroPoint: number
  readonly zeroPointError: number
  readonly zeroPointScatter: number
  readonly colour: number
  readonly colourError: number
  /** 5-sigma limit of the difference image, mag. */
  readonly limit: number
  /** Full width at half maximum of a point source, pixels. */
  readonly seeing: number
  /** Sky background, DN. */
  readonly background: number
}

/** Julian date at which the survey's night 0 begins. */
const firstNight = 2457754.5
/** Nights are numbered modulo this, so that a candidate's number is a positive 64-bit integer for any date. */
const nights = 9000
const zeroPoints: readonly [number, number, number] = [26.2, 26.1, 25.7]

/** The last exposure that was asked for: a packet and a history's entry ask for theirs several times. */
let last: { object: SimulatedObject; point: SimulatedPoint; seed: number; exposure: Exposure } | null = null

/** The exposure of a point of an object: the same for its own packet and for later histories. */
export function exposureOf(object: SimulatedObject, point: SimulatedPoint, seed: number): Exposure {
  if (last?.object !== object || last.point !== point || last.seed !== seed)
    last = { object, point, seed, exposure: madeExposure(object, point, seed) }
  return last.exposure
}

function madeExposure(object: SimulatedObject, point: SimulatedPoint, seed: number): Exposure {
  const draw = random(seed, Math.round(point.jd * 1e5), object.rcid)
  const day = point.jd - firstNight
  const night = Math.floor(day)
  const nid = ((night % nights) + nights) % nights
  const fraction = day - night
  const pid = BigInt(nid) * 10n ** 9n + BigInt(Math.floor(fraction * 1e5)) * 10_000n + BigInt(object.rcid * 100 + 15)
  const file = fileOf(object, point.fid, point.jd, fraction)
  return {
    nid,
    pid,
    ...file,
    zeroPoint: zeroPoints[point.fid - 1]! + draw.normal() * 0.1,
    zeroPointError: draw.uniform(3e-6, 9e-5),
    zeroPointScatter: draw.uniform(0.02, 0.05),
    colour: [-0.04, 0.1, 0.02][point.fid - 1]! + draw.normal() * 0.02,
    colourError: draw.uniform(5e-6, 1e-4),
    limit: limitOf(point, draw),
    seeing: draw.uniform(1.6, 3.2),
    background: draw.uniform(120, 400)
  }
}

/**
 * For an upper limit the measured value; for a detection it follows from the error, within the survey's depth (the errors of bright
 * sources do not come from the background).
 */
function limitOf(point: SimulatedPoint, draw: Random): number {
  if (!point.detection) return point.magnitude
  const fromError = point.magnitude - 2.5 * Math.log10((5 * point.error) / 1.0857362)
  return Math.max(point.magnitude + 0.02, Math.min(fromError, 20.4 + draw.normal() * 0.3))
}

function fileOf(object: SimulatedObject, fid: FilterId, jd: number, fraction: number) {
  const date = utcOfJd(Math.floor(jd - 0.5) + 0.5).slice(0, 10)
  const [year, month, day] = date.split('-')
  const part = String(Math.floor(fraction * 1e6)).padStart(6, '0')
  const channel = `c${String(Math.floor(object.rcid / 4) + 1).padStart(2, '0')}_o_q${(object.rcid % 4) + 1}`
  const field = String(object.field).padStart(6, '0')
  return {
    image: `ztf_${year}${month}${day}${part}_${field}_z${'gri'[fid - 1]}_${channel}_scimrefdiffimg.fits`,
    folder: `/ztf/archive/sci/${year}/${month}${day}/${part}/`
  }
}

/** A candidate's number: image, sign of the difference, and a number unique on the image. */
export function candidOf(object: SimulatedObject, point: SimulatedPoint, exposure: Exposure): bigint {
  const running = Math.floor(object.index / 64) * 3 + point.fid - 1
  return exposure.pid * 1_000_000n + BigInt((point.positive ? 15_000 : 10_000) + running)
}

/** Limit of objects per simulation: more would share candidate numbers. */
export const maximumObjects = 64 * 333

/** Difference flux of a detection, DN, by the exposure's zero point. */
export function fluxOf(point: SimulatedPoint, exposure: Exposure): number {
  return (point.positive ? 1 : -1) * 10 ** (0.4 * (exposure.zeroPoint - point.magnitude))
}

/** Rounds to six significant digits, as the survey's histories do: four decimals for a magnitude. */
export function sixDigits(value: number): number {
  return Number(value.toPrecision(6))
}

/** Rounds to six decimals, as histories do with magnitude errors. */
export function sixDecimals(value: number): number {
  return rounded(value, 6)
}
