import { HieraxError, shown } from '../errors.ts'
import type { Cone } from '../lightcurves/sky.ts'

/** Greatest radius of a cone, arcsec (10 degrees). */
export const maxRadius = 36_000

/**
 * A cone from the parameters of a request; null if none is given. Right ascension in degrees, or in hours as `12:34:56.7`; declination in degrees, or as
 * `+12:34:56`; radius in arcsec.
 *
 * @throws HieraxError REQUEST_INVALID for one without the others, and for values that are none
 */
export function coneOf(given: {
  ra: string | undefined
  dec: string | undefined
  radius: number | undefined
}): Cone | null {
  const { ra, dec, radius } = given
  if (ra === undefined && dec === undefined && radius === undefined) return null
  if (ra === undefined || dec === undefined || radius === undefined)
    throw new HieraxError('REQUEST_INVALID', 'ra, dec and radius (arcsec) go together')
  return { ra: raOf(ra), dec: decOf(dec), radius }
}

/** Degrees of a right ascension. */
function raOf(text: string): number {
  const value = degreesOf(text)
  const degrees = value === null ? Number.NaN : value.sexagesimal ? value.number * 15 : value.number
  if (degrees >= 0 && degrees <= 360) return degrees % 360
  throw new HieraxError(
    'REQUEST_INVALID',
    `ra is ${shown(text)}; it takes degrees from 0 to 360, or hours as 12:34:56.7`
  )
}

/** Degrees of a declination. */
function decOf(text: string): number {
  const value = degreesOf(text)?.number ?? Number.NaN
  if (Math.abs(value) <= 90) return value
  throw new HieraxError(
    'REQUEST_INVALID',
    `dec is ${shown(text)}; it takes degrees from -90 to 90, also as +12:34:56.7`
  )
}

const plain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
/** `12:34:56.7`, `12 34 56.7`, `12h34m56.7s`, `-12d34m56s`; seconds may be left out. */
const sexagesimal = /^([+-]?)(\d{1,3})(?::|\s+|[hd°]\s*)(\d{1,2})(?:(?::|\s+|[m'′]\s*)(\d{1,2}(?:\.\d*)?)?[s"″]?)?$/i

/** The number that a text is; the sign of a sexagesimal one applies to all of it, `-00:30:00` included. A plus sign that was not encoded comes as a space. */
function degreesOf(text: string): { readonly number: number; readonly sexagesimal: boolean } | null {
  const given = text.trim().replace('−', '-')
  if (plain.test(given)) return { number: Number(given), sexagesimal: false }
  const [, sign, whole, minutes, seconds = '0'] = sexagesimal.exec(given) ?? []
  if (whole === undefined || Number(minutes) >= 60 || Number(seconds) >= 60) return null
  const number = Number(whole) + Number(minutes) / 60 + Number(seconds) / 3600
  return { number: sign === '-' ? -number : number, sexagesimal: true }
}
