import { isBetween, isError, limitRange, magnitudeRange, signs } from 'hierax/alerts/surveys/ztf-values.ts'
import { shown } from 'hierax/errors.ts'
import type { Band } from 'hierax/lightcurves/points/observation.ts'
import {
  magnitudeError,
  magnitudesPerPart,
  zeroPoint as microJansky,
  significance
} from '../light-curves/photometry.ts'
import { type Format, namesOf, type Role, unitZeroPoints } from './formats.ts'
import { invalid, type Row, type Table } from './row.ts'
import { bandName, isMissing, magnitude, mjdOf, noMagnitude, numberOf, signOf, surveyName } from './values.ts'

/** A point of a light curve. */
export interface Point {
  readonly mjd: number
  readonly band: Band
  /** Magnitude of a detection, or the 5-sigma limit; AB. */
  readonly mag: number
  /** 1-sigma error, mag; null for an upper limit. */
  readonly error: number | null
  /** Sign of the difference; true for upper limits. */
  readonly positive: boolean
}

/** What may be chosen about the points. */
export interface PointOptions {
  readonly photometry: 'difference' | 'total'
  /** A flux is a detection if it is at least this many times its error. */
  readonly sigma: number
  /** MJD of time 0, for times that are relative. */
  readonly timeZero?: number | undefined
  /** Zero point of fluxes that have none, AB mag. */
  readonly zeroPoint?: number | undefined
  /** Other surveys whose g, r and i count as ZTF's. */
  readonly takeBands: readonly string[]
  /** Whether points of poor quality are taken as well. */
  readonly anyQuality: boolean
}

/** Reads a row of a table: gives its point, or the reason why it has none. */
export type PointReader = (row: Row) => Point | string

/** Limits of IPAC's guide to forced photometry (Masci et al. 2023, section 6). */
const guide = { infobits: 33_554_432, noise: 25, seeing: 4 }
/**
 * Status codes of forced photometry that say nothing about the flux: no source of the reference image within 5 arcsec, no
 * catalogue of it, and a start date before the survey.
 */
const harmlessStatus = new Set(['0', '57', '58', '62'])

/**
 * A reader of the points of a table. `note` takes what was assumed about the table, `foundSurvey` the surveys whose bands g, r and i it has. Throws DATA_INVALID where the table has too few
 * columns; the reader throws it by place and column.
 */
export function pointReader(
  table: Table,
  format: Format,
  options: PointOptions,
  note: (text: string) => void,
  foundSurvey: (name: string) => void
): PointReader {
  const { columns } = table
  const takenSurveys = new Set(options.takeBands.map(surveyName))
  const present = (role: Role): string[] => namesOf(format.columns[role]).filter(name => columns.has(name))
  const roles = new Map(Object.keys(format.columns).map(role => [role as Role, present(role as Role)]))
  const total = options.photometry === 'total' && format.columns.totalMag !== undefined
  const magRole = total ? 'totalMag' : 'mag'
  requireColumns(table, format, role => (roles.get(role) ?? []).length > 0, total)

  /** The first value of a row that a role has, and its column. */
  const cell = (row: Row, role: Role): { column: string; value: unknown } | null => {
    for (const name of roles.get(role) ?? []) {
      const value = row.get(name)
      if (!isMissing(value)) return { column: columns.get(name)?.name ?? name, value }
    }
    return null
  }
  const refuse = (row: Row, column: string, wanted: string, value: unknown): never => {
    throw invalid(`${row.where}, column ${column}`, `should be ${wanted}, it is ${shown(value)}`)
  }
  const number = (row: Row, role: Role): number | null => {
    const found = cell(row, role)
    if (found === null) return null
    const value = numberOf(found.value)
    return value ?? refuse(row, found.column, 'a number', found.value)
  }

  const timeOf = (row: Row): number => {
    for (const role of ['mjd', 'jd', 'utc', 'tai', 'time'] as const) {
      const found = cell(row, role)
      if (found === null) continue
      const { column, value } = found
      const relative = numberOf(value)
      if (options.timeZero !== undefined && relative !== null) return options.timeZero + relative
      const mjd = mjdOf(role, value)
      if (typeof mjd === 'string') return refuse(row, column, mjd, value)
      if (role === 'tai') note(`${column} (TAI) was converted to UTC: 37 s were subtracted`)
      if (role === 'time' && numberOf(value) !== null) {
        note(`${column} was read as ${numberOf(value) === mjd ? 'MJD' : 'JD'} in UTC, by its values`)
      }
      return mjd
    }
    const [sun] = roles.get('heliocentric') ?? []
    const name = columns.get(sun ?? '')?.name
    if (name !== undefined) {
      throw invalid(
        `${row.where}, column ${name}`,
        `it is a time at the Sun, up to 8 minutes from that on Earth; convert it to MJD in UTC, or accept the difference: --rename ${name}=${/^.?mjd/i.test(name) ? 'mjd' : 'jd'}`
      )
    }
    throw invalid(row.where, 'it has no time')
  }

  const bandOf = (row: Row): Band | string => {
    const found = cell(row, 'band')
    if (found === null) throw invalid(row.where, `it has no band (column ${roles.get('band')?.join(' or ')})`)
    const survey = cell(row, 'survey')?.value ?? format.survey ?? null
    const name = bandName(found.value, survey === null ? null : String(survey))
    if (survey === null && format.anySurvey && String(found.value).trim().length === 1 && name.startsWith('ztf')) {
      note(`bands without a survey (${found.column} g, r, i) were read as ZTF's`)
    }
    const [, other, letter] = /^(.*)([gri])$/.exec(name) ?? []
    if (letter === undefined) return name
    foundSurvey(other as string)
    return other === 'ztf' || takenSurveys.has(other as string) ? (letter as Band) : name
  }

  const poorQuality = (row: Row): string | null => {
    if (options.anyQuality) return null
    const status = cell(row, 'status')
    const bad = String(status?.value ?? '0')
      .split(/[,;\s]+/)
      .filter(code => !harmlessStatus.has(code.replace(/\.0*$/, '')))
    if (bad.length > 0) return `${status?.column} ${bad.join(', ')}`
    for (const role of ['infobits', 'noise', 'seeing'] as const) {
      const value = number(row, role)
      const [limit, sense] = [guide[role], role === 'infobits' ? 'at least' : 'above']
      if (value !== null && (role === 'infobits' ? value >= limit : value > limit)) {
        return `${columns.get(roles.get(role)?.[0] ?? '')?.name} ${sense} ${limit}`
      }
    }
    return null
  }

  const zeroPointOf = (row: Row, column: string): number => {
    const [, unit] = /[_(]?((?:[mnuµμ])?jy)(?:\)|_err)?$/i.exec(column.toLowerCase()) ?? []
    const fixed = unit === undefined ? undefined : unitZeroPoints[unit as keyof typeof unitZeroPoints]
    const found = fixed ?? number(row, 'zeroPoint') ?? format.zeroPoint ?? options.zeroPoint
    if (found !== undefined && isBetween(found, -10, 50)) return found
    if (found !== undefined)
      return refuse(row, roles.get('zeroPoint')?.[0] ?? 'zp', 'a zero point from -10 to 50 mag', found)
    throw invalid(
      `${row.where}, column ${column}`,
      'the unit of the flux is not known; add a column `zp` (23.9 for μJy, 31.4 for nJy, 8.9 for Jy), or give --zero-point'
    )
  }

  /** A detection; if it is not significant, the limit that follows from its error. */
  const ofFlux = (flux: number | null, error: number | null, zero: number): Value | string => {
    note(`fluxes of at least ${options.sigma} errors are detections, others are upper limits of ${significance} errors`)
    if (error === null || !(error > 0 && Number.isFinite(error))) return 'no error of the flux'
    if (flux === null || Math.abs(flux) < options.sigma * error) {
      return { mag: zero - 2.5 * Math.log10(significance * error), error: null, positive: true }
    }
    const mag = zero - 2.5 * Math.log10(Math.abs(flux))
    const ofMag = magnitudeError(flux, error)
    return Math.fround(ofMag) > 0 ? { mag, error: ofMag, positive: flux > 0 } : zeroError
  }

  const measured = (row: Row): Value | string => {
    const [mag, error] = [magnitude(number(row, magRole)), number(row, total ? 'totalMagError' : 'magError')]
    const limit = magnitude(number(row, 'limit'))
    const column = (role: Role): string => cell(row, role)?.column ?? role
    if (mag !== null && error === Number.POSITIVE_INFINITY) return { mag, error: null, positive: true }
    if (mag !== null) {
      if (!isBetween(mag, magnitudeRange.from, magnitudeRange.to)) {
        return refuse(row, column(magRole), `a magnitude from ${magnitudeRange.from} to ${magnitudeRange.to}`, mag)
      }
      if (error === null || !(error > 0 && error < noMagnitude)) return 'no error of the magnitude'
      const given = cell(row, 'sign')
      if (given === null && !total && (roles.get('sign') ?? []).length > 0) return 'no sign of the difference'
      const positive = total || given === null ? true : signOf(given.value)
      if (positive === null) return refuse(row, given?.column ?? 'sign', `one of ${signs}`, given?.value)
      if (namesOf(format.forced).includes(row.list)) {
        const flux = 10 ** ((microJansky - mag) / 2.5)
        return ofFlux(positive ? flux : -flux, (flux * error) / magnitudesPerPart, microJansky)
      }
      if (isError(error)) return { mag, error, positive }
      return Math.fround(error) > 0 ? 'an error above 1.2 mag' : zeroError
    }
    const [flux, fluxError] = [number(row, 'flux'), number(row, 'fluxError')]
    if (!total && fluxError !== null && (roles.get('flux') ?? []).length > 0) {
      return ofFlux(flux, fluxError, zeroPointOf(row, column(flux === null ? 'fluxError' : 'flux')))
    }
    if (!total && flux !== null) return 'no error of the flux'
    if (limit !== null) return { mag: limit, error: null, positive: true }
    return 'neither a measurement nor a limit'
  }

  return row => {
    const tag = cell(row, 'tag')?.value
    if (tag === 'badquality' && !options.anyQuality) return 'badquality (d:tag)'
    const mjd = timeOf(row)
    const band = bandOf(row)
    if (!isZtf(band)) return `band ${band}, which is not ZTF's g, r or i`
    const system = cell(row, 'magSystem')
    if (system !== null && !/^ab$/i.test(String(system.value))) {
      refuse(row, system.column, '"ab" (convert magnitudes of other systems to AB first)', system.value)
    }
    const poor = poorQuality(row)
    if (poor !== null) return poor
    const value = measured(row)
    if (typeof value === 'string') return value
    if (value.error === null && !isBetween(value.mag, limitRange.from, limitRange.to)) {
      return `a limit outside ${limitRange.from} to ${limitRange.to} mag`
    }
    if (value.mag < magnitudeRange.from || value.mag > magnitudeRange.to) {
      const name = cell(row, 'flux')?.column ?? 'flux'
      throw invalid(
        `${row.where}, column ${name}`,
        `the flux gives magnitude ${value.mag.toFixed(2)}: is its zero point correct?`
      )
    }
    return { mjd, band, ...value }
  }
}

/** Why a point is left out whose error is above 0, but not as packets and networks have it. */
const zeroError = 'an error that is 0 in single precision'

/** Magnitude, error and sign of a point. */
type Value = Omit<Point, 'mjd' | 'band'>

const isZtf = (band: string): band is Band => band === 'g' || band === 'r' || band === 'i'

/** Throws DATA_INVALID unless a table has a time, a band, and a measurement or a limit. */
function requireColumns(table: Table, format: Format, has: (role: Role) => boolean, total: boolean): void {
  const groups: readonly (readonly [what: string, roles: readonly Role[]])[] = [
    ['time', ['mjd', 'jd', 'utc', 'tai', 'time', 'heliocentric']],
    ['band', ['band']],
    ['magnitude, flux or limit', total ? ['totalMag', 'limit'] : ['mag', 'flux', 'limit', 'fluxError']],
    ...(has('mag') && !total ? [['error of the magnitude', ['magError'] as const] as const] : []),
    ...(has('flux') && !total ? [['error of the flux', ['fluxError'] as const] as const] : [])
  ]
  for (const [what, roles] of groups) {
    if (roles.some(has)) continue
    const names = roles.flatMap(role => namesOf(format.columns[role]).slice(0, 4))
    throw invalid(
      table.file,
      `${format.title} needs a column for the ${what} (${names.join(', ')}); name one with --rename COLUMN=${names[0]}`
    )
  }
}
