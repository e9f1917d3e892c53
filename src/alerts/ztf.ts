import { HieraxError, shown } from '../errors.ts'
import { type AlertPhotometry, bandOf, type FilterId, type Observation } from '../lightcurves/observation.ts'
import type { Alert, HistoryPoint } from './alert.ts'
import { column, contextColumn, RawAlert } from './projection.ts'
import type { Value } from './readers.ts'
import { contextOf, distance, isBetween, jdRange, score } from './values.ts'

const magnitudeRange = { from: -10, to: 40 }

/**
 * A packet's record as an alert, checked and normalised. Throws INVALID_VALUE for impossible values of the alert itself;
 * impossible points of its history are dropped and counted.
 */
export function toAlert(raw: RawAlert): Alert {
  const [objectId, schemaVersion, headCandid] = raw.head.values
  if (!isObjectId(objectId)) throw invalid('objectId', objectId, 'a printable name')
  if (!raw.hasCandidate) throw invalid('candidate', null, 'a record')
  const own = raw.candidate.values
  const candid = headCandid ?? own[column.candid]
  if (typeof candid !== 'bigint')
    throw new HieraxError('MISSING_FIELD', 'candid is neither in the packet nor in its candidate')
  const program = programId(own[column.programid])
  if (program === 'invalid') throw invalid('programid', own[column.programid], 'an integer of 32 bits')
  if (candid <= 0n) throw invalid('candid', candid, 'a positive number')
  const observation = ownObservation(own, candid)
  const history: HistoryPoint[] = []
  const dropped = { future: 0, invalid: 0 }
  const points = raw.history.values
  for (let i = 0; i < raw.points; i++) {
    const point = historyPoint(points, i * RawAlert.width, observation.jd)
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
    forcedPhotometry: raw.forcedPhotometry
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
    starScore: score(own[contextColumn.sgscore1]),
    starDistance: distance(own[contextColumn.distpsnr1]),
    solarSystemDistance: distance(own[column.ssdistnr]),
    context: contextOf(own)
  }
}

/** `drb`, else `rb`, of the candidate or of a point of the history. */
function realBogus(values: readonly Value[], base: number): number | null {
  return score(values[base + column.drb]) ?? score(values[base + column.rb])
}

function single(value: number | null): number | null {
  return value === null ? null : Math.fround(value)
}

/**
 * A point of `prv_candidates`: with `magpsf` a detection, without it (or with NaN, as table tools write what is missing) an upper
 * limit at `diffmaglim`. A packet can't know the future: points not before `ownJd` are dropped.
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

/** Sign of the difference, `True` and `False` as Python writes it included: null where it can't be read. */
function sign(value: Value | undefined): boolean | null {
  if (value === 't' || value === '1' || value === 'True') return true
  if (value === 'f' || value === '0' || value === 'False') return false
  return null
}

/** The programme, null where it is unknown; `invalid` for what no 32-bit integer can be. */
function programId(value: Value | undefined): number | null | 'invalid' {
  if (value === null || value === undefined) return null
  return typeof value === 'number' && value === (value | 0) ? value : 'invalid'
}

function isMagnitude(value: Value | undefined): value is number {
  return isBetween(value, magnitudeRange.from, magnitudeRange.to)
}

/** An error that is positive and finite, also in single precision. */
function isError(value: Value | undefined): value is number {
  return typeof value === 'number' && Math.fround(value) > 0 && Number.isFinite(Math.fround(value))
}

function isFilter(value: Value | undefined): value is FilterId {
  return value === 1 || value === 2 || value === 3
}

/** Not empty, and nothing in it that would spoil a key, a log line, a terminal or a page. */
function isObjectId(value: Value | undefined): value is string {
  return typeof value === 'string' && value !== '' && !unprintable.test(value)
}

/** Control characters, line breaks, marks of direction, and what stands for bytes that are no text. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/u

function inRange(path: string, value: Value | undefined, from: number, to: number): number {
  if (!isBetween(value, from, to)) throw invalid(path, value, `a number from ${from} to ${to}`)
  return value
}

function invalid(path: string, value: unknown, wanted: string): HieraxError {
  return new HieraxError('INVALID_VALUE', `${path} should be ${wanted}, it is ${shown(value)}`)
}
