import { isBetween, sign } from 'hierax/alerts/surveys/ztf-values.ts'
import { jdOfTime } from 'hierax/julian-date.ts'
import { bands } from 'hierax/lightcurves/points/observation.ts'
import { jdOfMjd0 } from '../light-curves/light-curve.ts'

/* Values of cells, as tables write them. */

/** International atomic time minus UTC since 2017, days. */
const taiMinusUtc = 37 / 86_400
const mjdRange = { from: 50_000, to: 100_000 }
/** Magnitudes of −99, 99, 999, … mean "none". */
export const noMagnitude = 90

/** Whether a text of a table means "none". */
export function isMissing(value: unknown): boolean {
  if (value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value))) return true
  return typeof value === 'string' && /^(|-+|nan|<na>|n\/?a|none|null|masked|undefined)$/i.test(value.trim())
}

/** A finite number or an infinity; null for other texts. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return null
  const text = value.trim()
  if (/^\+?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY
  if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY
  return /^[-+]?(\d+\.?\d*|\.\d+)([ed][-+]?\d+)?$/i.test(text) ? Number(text.replace(/d/i, 'e')) : null
}

/** A magnitude or a limit; null for values that mean "none". */
export function magnitude(value: number | null): number | null {
  return value === null || Math.abs(value) >= noMagnitude ? null : value
}

/** The sign of a difference; also of numbers written with decimals. */
export function signOf(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value
  const number = numberOf(value)
  return sign(number === null ? (value as string) : number)
}

/** The time as MJD in UTC; what the value should be, where it is no such time. */
export function mjdOf(role: 'mjd' | 'jd' | 'utc' | 'tai' | 'time', value: unknown): number | string {
  const number = numberOf(value)
  const asMjd = isBetween(number, mjdRange.from, mjdRange.to) ? number : null
  const asJd = isBetween(number, mjdRange.from + jdOfMjd0, mjdRange.to + jdOfMjd0) ? number - jdOfMjd0 : null
  const hint =
    (asMjd !== null && ' (it looks like a modified Julian date: rename the column to `mjd`)') ||
    (asJd !== null && ' (it looks like a Julian date: rename the column to `jd`)') ||
    (number !== null && Math.abs(number) < 30_000 && ' (for days since another time, give that with --time-zero)') ||
    ''
  const wanted = {
    mjd: 'a modified Julian date from 50000 to 100000',
    tai: 'a modified Julian date from 50000 to 100000',
    jd: 'a Julian date from 2450000.5 to 2500000.5',
    utc: 'a time in UTC such as 2021-05-27T10:44:38.999',
    time: 'a time in UTC such as 2021-05-27T10:44:38.999, a Julian date or a modified Julian date'
  }
  const found = {
    mjd: asMjd,
    tai: asMjd === null ? null : asMjd - taiMinusUtc,
    jd: asJd,
    utc: number === null ? mjdOfText(String(value)) : null,
    time: number === null ? mjdOfText(String(value)) : (asMjd ?? asJd)
  }
  return found[role] ?? `${wanted[role]}${hint}`
}

/** A time in ISO 8601, in UTC unless it states a zone; null for other text. */
function mjdOfText(text: string): number | null {
  const [, day, time, fraction = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/.exec(text.trim()) ?? []
  const start = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone}`)
  const mjd = jdOfTime(start) - jdOfMjd0 + Number(`0${fraction}`) / 86_400
  return isBetween(mjd, mjdRange.from, mjdRange.to) ? mjd : null
}

/** A survey as bands name it: in lower case, without signs. */
export function surveyName(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/** The survey and the letter of a band, such as `ztfg`, `sdssr` or `lssti`; the name without signs for other bands. */
export function bandName(value: unknown, survey: string | null): string {
  const number = numberOf(value)
  const text = String(value).trim()
  if (number !== null && bands[number - 1] === undefined) return text
  const name = number === null ? text.replace(/[\s_:.\-()]+/g, '') : (bands[number - 1] as string)
  const own = /^(?:ztf|p48|z)([gri])$|^([gri])(?:ztf|p48)$/i.exec(name)
  if (own) return `ztf${own[1] ?? own[2]}`.toLowerCase()
  if (name.length !== 1) return name.toLowerCase()
  const owner = surveyName(survey ?? 'ztf')
  if (owner !== '0' && !/ztf|p48|palomar/.test(owner)) return `${owner}${name}`
  // R and I are the bands of Cousins, G is that of Gaia.
  return survey === null && name !== name.toLowerCase() ? name : `ztf${name.toLowerCase()}`
}
