import { HieraxError, shown } from '../errors.ts'
import {
  type AlertContext,
  type AlertPhotometry,
  bandOf,
  contextFields,
  type FilterId,
  type Observation
} from '../lightcurves/observation.ts'
import type { Alert, HistoryPoint } from './alert.ts'
import type { Value } from './readers.ts'
import { columnsOf, type Fields, isRubin, needed, optional, type Packet, type Survey, welcome } from './survey.ts'

const head = { objectId: needed('string'), schemavsn: optional('string'), candid: optional('long') }

/** The fields that are read of each point of `prv_candidates`. */
const point = {
  jd: needed('number'),
  fid: needed('number'),
  magpsf: optional('number'),
  sigmapsf: optional('number'),
  isdiffpos: optional('string'),
  candid: optional('long'),
  programid: optional('number'),
  diffmaglim: optional('number'),
  drb: welcome('number'),
  rb: welcome('number'),
  ssdistnr: welcome('number')
}

/** The fields that are read of `candidate`. Those of a history point come first, so that both have the same columns. */
const candidate = {
  ...point,
  magpsf: needed('number'),
  sigmapsf: needed('number'),
  isdiffpos: needed('string'),
  drb: optional('number'),
  rb: optional('number'),
  ssdistnr: optional('number'),
  ra: needed('number'),
  dec: needed('number'),
  ...(Object.fromEntries(contextFields.map(name => [name, welcome('number')])) as Fields<keyof AlertContext>),
  sgscore1: optional('number'),
  distpsnr1: optional('number')
}

const headColumn = columnsOf(head)
const column = columnsOf(candidate)

/** ZTF alerts with schema 2.0 to 4.02, original or serialised again by a broker. */
export const ztf: Survey<'candidate', 'prv_candidates' | 'fp_hists'> = {
  name: 'ZTF',
  /** Accepts all packets but Rubin's. For an unknown packet, the error then names the missing field. */
  recognises: schema => !isRubin(schema),
  reads: {
    head,
    records: { candidate },
    lists: {
      // The experimental schema 3.5 has forced photometry here. It lacks `magpsf`, so detections cannot be identified.
      prv_candidates: { fields: point, readIf: 'magpsf' },
      fp_hists: { fields: null }
    }
  },
  toAlert
}

/** Julian dates of ZTF's exposures, with a wide margin. */
const jdRange = { from: 2_450_000, to: 2_500_000 }
const magnitudeRange = { from: -10, to: 40 }

/** Throws if the alert itself has impossible values. History points with impossible values are dropped and counted. */
function toAlert({ head, records, lists }: Packet<'candidate', 'prv_candidates' | 'fp_hists'>): Alert {
  const objectId = head.values[headColumn.objectId]
  const schemaVersion = head.values[headColumn.schemavsn]
  if (!isObjectId(objectId)) throw invalid('objectId', objectId, 'a printable name')
  if (records.candidate.count === 0) throw invalid('candidate', null, 'a record')
  const own = records.candidate.values
  const candid = head.values[headColumn.candid] ?? own[column.candid]
  if (typeof candid !== 'bigint') {
    throw new HieraxError('MISSING_FIELD', 'candid is neither in the packet nor in its candidate')
  }
  const program = programId(own[column.programid])
  if (program === 'invalid') throw invalid('programid', own[column.programid], 'an integer of 32 bits')
  if (candid <= 0n) throw invalid('candid', candid, 'a positive number')
  const observation = ownObservation(own, candid)
  const history: HistoryPoint[] = []
  const dropped = { future: 0, invalid: 0 }
  const { values, count, width, unread } = lists.prv_candidates
  for (let i = 0; i < count; i++) {
    const point = historyPoint(values, i * width, observation.jd)
    if (point === 'future' || point === 'invalid') dropped[point]++
    else history.push(point)
  }
  return {
    objectId,
    schemaVersion: typeof schemaVersion === 'string' ? schemaVersion : '',
    record: {
      candid,
      jd: observation.jd,
      ra: inRange('candidate.ra', own[column.ra], 0, 360),
      dec: inRange('candidate.dec', own[column.dec], -90, 90),
      programId: program ?? 0,
      photometry: photometry(own, observation)
    },
    observation,
    history,
    dropped,
    forcedPhotometry: unread + lists.fp_hists.unread
  }
}

function ownObservation(own: readonly Value[], candid: bigint): Observation {
  const fid = own[column.fid]
  if (!isFilter(fid)) throw invalid('candidate.fid', fid, '1, 2 or 3')
  const positive = sign(own[column.isdiffpos])
  if (positive === null) throw invalid('candidate.isdiffpos', own[column.isdiffpos], 't, 1, True, f, 0 or False')
  const sigma = own[column.sigmapsf]
  if (!isError(sigma)) throw invalid('candidate.sigmapsf', sigma, 'a positive number')
  return {
    jd: inRange('candidate.jd', own[column.jd], jdRange.from, jdRange.to),
    fid,
    detection: true,
    own: true,
    positive,
    candid,
    magnitude: Math.fround(inRange('candidate.magpsf', own[column.magpsf], magnitudeRange.from, magnitudeRange.to)),
    error: Math.fround(sigma),
    realBogus: single(realBogus(own, 0)),
    solarSystemDistance: single(distance(own[column.ssdistnr]))
  }
}

function photometry(own: readonly Value[], observation: Observation): AlertPhotometry {
  return {
    band: bandOf(observation.fid),
    magnitude: own[column.magpsf] as number,
    error: own[column.sigmapsf] as number,
    positive: observation.positive,
    realBogus: realBogus(own, 0),
    starScore: score(own[column.sgscore1]),
    starDistance: distance(own[column.distpsnr1]),
    solarSystemDistance: distance(own[column.ssdistnr]),
    context: contextOf(own)
  }
}

/** The real–bogus score of the candidate or a history point: `drb`, else `rb`. */
function realBogus(values: readonly Value[], base: number): number | null {
  return score(values[base + column.drb]) ?? score(values[base + column.rb])
}

function single(value: number | null): number | null {
  return value === null ? null : Math.fround(value)
}

/**
 * A point of `prv_candidates`. With `magpsf` it is a detection. Without it, or with NaN (which table tools write for missing values), it
 * is an upper limit at `diffmaglim`. Points that are not older than the alert (`ownJd`) are dropped.
 */
function historyPoint(values: readonly Value[], base: number, ownJd: number): HistoryPoint | 'future' | 'invalid' {
  const jd = values[base + column.jd]
  const fid = values[base + column.fid]
  if (!isBetween(jd, jdRange.from, jdRange.to)) return 'invalid'
  if (jd >= ownJd) return 'future'
  if (!isFilter(fid)) return 'invalid'
  const magpsf = values[base + column.magpsf]
  const observation =
    typeof magpsf === 'number' && !Number.isNaN(magpsf)
      ? historyDetection(values, base, jd, fid, magpsf)
      : upperLimit(jd, fid, values[base + column.diffmaglim])
  if (observation === null) return 'invalid'
  const program = programId(values[base + column.programid])
  return program === 'invalid' ? 'invalid' : { programId: program, observation }
}

function historyDetection(
  values: readonly Value[],
  base: number,
  jd: number,
  fid: FilterId,
  magpsf: number
): Observation | null {
  const sigma = values[base + column.sigmapsf]
  const positive = sign(values[base + column.isdiffpos])
  const candid = values[base + column.candid]
  if (positive === null || !isError(sigma) || !isMagnitude(magpsf)) return null
  return {
    jd,
    fid,
    detection: true,
    own: false,
    positive,
    candid: typeof candid === 'bigint' && candid > 0n ? candid : null,
    magnitude: Math.fround(magpsf),
    error: Math.fround(sigma),
    realBogus: single(realBogus(values, base)),
    solarSystemDistance: single(distance(values[base + column.ssdistnr]))
  }
}

function upperLimit(jd: number, fid: FilterId, limit: Value | undefined): Observation | null {
  if (!isMagnitude(limit)) return null
  return {
    jd,
    fid,
    detection: false,
    own: false,
    positive: false,
    candid: null,
    magnitude: Math.fround(limit),
    error: 0,
    realBogus: null,
    solarSystemDistance: null
  }
}

/** Sign of the difference (`isdiffpos`), including Python's `True` and `False`; null for other values. */
function sign(value: Value | undefined): boolean | null {
  if (value === 't' || value === '1' || value === 'True') return true
  if (value === 'f' || value === '0' || value === 'False') return false
  return null
}

/** The programme; null if it is unknown, `invalid` if it is not a 32-bit integer. */
function programId(value: Value | undefined): number | null | 'invalid' {
  if (value === null || value === undefined) return null
  return typeof value === 'number' && value === (value | 0) ? value : 'invalid'
}

function isMagnitude(value: Value | undefined): value is number {
  return isBetween(value, magnitudeRange.from, magnitudeRange.to)
}

/** Whether a photometric error is positive and finite in single precision. */
function isError(value: Value | undefined): value is number {
  return typeof value === 'number' && Math.fround(value) > 0 && Number.isFinite(Math.fround(value))
}

function isFilter(value: Value | undefined): value is FilterId {
  return value === 1 || value === 2 || value === 3
}

/** Whether an object id is not empty and is safe in a key, a log line, a terminal and a page. */
function isObjectId(value: Value | undefined): value is string {
  return typeof value === 'string' && value !== '' && !unprintable.test(value)
}

/** Control characters, line breaks, direction marks, and the replacement character for invalid UTF-8. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/u

function inRange(path: string, value: Value | undefined, from: number, to: number): number {
  if (!isBetween(value, from, to)) throw invalid(path, value, `a number from ${from} to ${to}`)
  return value
}

function invalid(path: string, value: unknown, wanted: string): HieraxError {
  return new HieraxError('INVALID_VALUE', `${path} should be ${wanted}, but is ${shown(value)}`)
}

/*
 * A missing value is null, NaN, −999 (which the survey writes) or something that others write. Impossible values count as missing: a
 * distance is not negative, and a score is from 0 to 1.
 */

/** Catalogue magnitudes are within ±90. The values −999, −99, 99 and 999 mean that there is none. */
const noMagnitude = 90

/** A score from 0 to 1, or null. */
function score(value: Value | undefined): number | null {
  return isBetween(value, 0, 1) ? value : null
}

/** A distance, or null. */
function distance(value: Value | undefined): number | null {
  return atLeastZero(value)
}

/** The context fields of a packet: catalogue sources and history at the position. `own` are the values of the candidate. */
function contextOf(own: readonly Value[]): AlertContext {
  return {
    sgscore1: score(own[column.sgscore1]),
    distpsnr1: distance(own[column.distpsnr1]),
    sgmag1: magnitude(own[column.sgmag1]),
    srmag1: magnitude(own[column.srmag1]),
    simag1: magnitude(own[column.simag1]),
    szmag1: magnitude(own[column.szmag1]),
    sgscore2: score(own[column.sgscore2]),
    distpsnr2: distance(own[column.distpsnr2]),
    distnr: distance(own[column.distnr]),
    magnr: magnitude(own[column.magnr]),
    chinr: atLeastZero(own[column.chinr]),
    sharpnr: sharpness(own[column.sharpnr]),
    neargaia: distance(own[column.neargaia]),
    maggaia: magnitude(own[column.maggaia]),
    classtar: score(own[column.classtar]),
    ndethist: atLeastZero(own[column.ndethist]),
    ncovhist: atLeastZero(own[column.ncovhist]),
    jdstarthist: isBetween(own[column.jdstarthist], jdRange.from, jdRange.to)
      ? (own[column.jdstarthist] as number)
      : null
  }
}

/** Whether a value is a number from `from` to `to`. */
function isBetween(value: Value | undefined, from: number, to: number): value is number {
  return typeof value === 'number' && value >= from && value <= to
}

function magnitude(value: Value | undefined): number | null {
  return typeof value === 'number' && value > -noMagnitude && value < noMagnitude ? value : null
}

/** Sharpness may have either sign and be large. */
function sharpness(value: Value | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > -noMagnitude ? value : null
}

function atLeastZero(value: Value | undefined): number | null {
  return isBetween(value, 0, Number.MAX_VALUE) ? value : null
}
