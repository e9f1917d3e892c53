import { HieraxError, shown } from '../../errors.ts'
import type { ContextField, FilterId } from '../../lightcurves/points/observation.ts'
import type { Value } from '../avro/readers.ts'

/* Which values of ZTF packets are valid, and which mean that there is none. */

/** Julian dates of ZTF's exposures, with a wide margin. */
export const jdRange = { from: 2_450_000, to: 2_500_000 }

/** Two units in the last place of a Julian date of our time, days: the error of one that is computed, from an MJD for instance. */
const jdRounding = 2 ** -30

/**
 * The Julian date of an exposure; null for other values. The survey writes it with seven decimals: a date that differs from such a one
 * only by the rounding of a computation is that one.
 */
export function exposureJd(value: Value | undefined): number | null {
  if (!isBetween(value, jdRange.from, jdRange.to)) return null
  const written = Math.round(value * 1e7) / 1e7
  return Math.abs(value - written) <= jdRounding ? written : value
}

/*
 * Values of photometry. Anything else stands for a missing value in some table (-999, 99) or is a failed measurement. The ends are exact
 * in single precision, as packets have these values.
 */

/** Magnitudes of detections. */
export const magnitudeRange = { from: -2, to: 30 }
/** Magnitudes of 5-sigma upper limits. No image of the survey is shallower than this. */
export const limitRange = { from: 5, to: 30 }
/** Greatest error of a detection, mag: that of a significance of 1. */
export const greatestError = Math.fround(1.2)

const signOf = new Map<Value | undefined, boolean>([
  ...['t', 'T', 'true', 'True', 'TRUE', '1', '+1', 1].map(value => [value, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE', '0', '-1', 0, -1].map(value => [value, false] as const)
])

/** The values that {@link sign} reads, for error messages. */
export const signs = 't, true, 1, f, false, 0 or -1'

/** Sign of the difference (`isdiffpos`) as the survey, Python, pandas and Spark write it; null for other values. */
export function sign(value: Value | undefined): boolean | null {
  return signOf.get(value) ?? null
}

/** The programme; null if it is unknown, `invalid` if it is not a 32-bit integer. */
export function programId(value: Value | undefined): number | null | 'invalid' {
  if (value === null || value === undefined) return null
  return typeof value === 'number' && value === (value | 0) ? value : 'invalid'
}

export function isMagnitude(value: Value | undefined): value is number {
  return isBetween(value, magnitudeRange.from, magnitudeRange.to)
}

export function isLimit(value: Value | undefined): value is number {
  return isBetween(value, limitRange.from, limitRange.to)
}

/** Whether an error of a magnitude is, in single precision, above 0 and not too great. */
export function isError(value: Value | undefined): value is number {
  return typeof value === 'number' && Math.fround(value) > 0 && Math.fround(value) <= greatestError
}

export function isFilter(value: Value | undefined): value is FilterId {
  return value === 1 || value === 2 || value === 3
}

/** Whether an object id is not empty and is safe in a key, a log line, a terminal and a page. */
export function isObjectId(value: Value | undefined): value is string {
  return typeof value === 'string' && value !== '' && !unprintable.test(value)
}

/** Control characters, line breaks, direction marks, and the replacement character for invalid UTF-8. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/u

export function inRange(path: string, value: Value | undefined, from: number, to: number): number {
  if (!isBetween(value, from, to)) throw invalid(path, value, `a number from ${from} to ${to}`)
  return value
}

export function invalid(path: string, value: unknown, wanted: string): HieraxError {
  return new HieraxError('INVALID_VALUE', `${path} should be ${wanted}, but is ${shown(value)}`)
}

/*
 * A missing value is null, NaN, −999 (which the survey writes) or something that others write. Impossible values count as missing: a
 * distance is not negative, and a score is from 0 to 1.
 */

/** Catalogue magnitudes are within ±90. The values −999, −99, 99 and 999 mean that there is none. */
const noMagnitude = 90

/** A score from 0 to 1, or null. */
export function score(value: Value | undefined): number | null {
  return isBetween(value, 0, 1) ? value : null
}

/** Whether a value is a number from `from` to `to`. */
export function isBetween(value: Value | undefined, from: number, to: number): value is number {
  return typeof value === 'number' && value >= from && value <= to
}

function magnitude(value: Value | undefined): number | null {
  return typeof value === 'number' && value > -noMagnitude && value < noMagnitude ? value : null
}

/** A distance or a count, or null. */
export function atLeastZero(value: Value | undefined): number | null {
  return isBetween(value, 0, Number.MAX_VALUE) ? value : null
}

/** The name of an object, or null. The survey writes `null` where there is none. */
export function name(value: Value | undefined): string | null {
  if (typeof value !== 'string') return null
  const text = value.trim()
  return /^(|null|none|nan|n\/a|-+|-99+(\.0*)?)$/i.test(text) || unprintable.test(text) ? null : text
}

/** How the context fields are read: catalogue sources and history at the position. */
export const contextValues: Readonly<Record<ContextField, (value: Value | undefined) => number | null>> = {
  sgscore1: score,
  distpsnr1: atLeastZero,
  sgmag1: magnitude,
  srmag1: magnitude,
  simag1: magnitude,
  szmag1: magnitude,
  sgscore2: score,
  distpsnr2: atLeastZero,
  distnr: atLeastZero,
  magnr: magnitude,
  chinr: atLeastZero,
  // Sharpness may have either sign and be large.
  sharpnr: value => (isBetween(value, -noMagnitude, Number.MAX_VALUE) && value > -noMagnitude ? value : null),
  neargaia: atLeastZero,
  maggaia: magnitude,
  classtar: score,
  ndethist: atLeastZero,
  ncovhist: atLeastZero,
  jdstarthist: value => (isBetween(value, jdRange.from, jdRange.to) ? value : null)
}
