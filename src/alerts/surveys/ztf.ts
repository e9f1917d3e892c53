import { HieraxError } from '../../errors.ts'
import {
  type AlertContext,
  type AlertPhotometry,
  bandOf,
  type ContextField,
  contextFields,
  noContext,
  type Observation
} from '../../lightcurves/points/observation.ts'
import type { Alert, DropReason } from '../alert.ts'
import type { Value } from '../avro/readers.ts'
import { type DraftPoint, historyOf, setDetection, setUpperLimit } from './history.ts'
import { namesOf, otherSurvey } from './other-surveys.ts'
import { columnsOf, type Fields, needed, optional, type Packet, type Survey, welcome } from './survey.ts'
import {
  atLeastZero,
  contextValues,
  exposureJd,
  greatestError,
  inRange,
  invalid,
  isError,
  isFilter,
  isMagnitude,
  isObjectId,
  jdRange,
  magnitudeRange,
  name,
  programId,
  score,
  sign,
  signs
} from './ztf-values.ts'

export const head = { objectId: needed('string'), schemavsn: optional('string'), candid: optional('long') }

/** The fields that are read of each point of `prv_candidates`. */
const point = {
  jd: needed('double'),
  fid: needed('number'),
  magpsf: optional('number'),
  sigmapsf: optional('number'),
  isdiffpos: optional('word'),
  candid: optional('long'),
  programid: optional('number'),
  diffmaglim: optional('number'),
  drb: welcome('number'),
  rb: welcome('number'),
  ssdistnr: welcome('number')
}

/** The fields that are read of `candidate`. Those of a history point come first, so that both have the same columns. */
export const candidate = {
  ...point,
  magpsf: needed('number'),
  sigmapsf: needed('number'),
  isdiffpos: needed('word'),
  drb: optional('number'),
  rb: optional('number'),
  ssdistnr: optional('number'),
  ra: needed('number'),
  dec: needed('number'),
  ...(Object.fromEntries(contextFields.map(name => [name, welcome('number')])) as Fields<ContextField>),
  sgscore1: optional('number'),
  distpsnr1: optional('number'),
  ssnamenr: welcome('text')
}

export const cutouts = { science: 'cutoutScience', template: 'cutoutTemplate', difference: 'cutoutDifference' } as const

const headColumn = columnsOf(head)
const column = columnsOf(candidate)

/** ZTF alerts with schema 2.0 to 4.02, original or serialised again by a broker. */
export const ztf: Survey<'candidate', 'prv_candidates' | 'fp_hists'> = {
  name: 'ZTF',
  /** Accepts all packets but those of other known surveys. For an unknown packet, the error then names the missing field. */
  recognises: schema => otherSurvey(namesOf(schema)) === null,
  reads: {
    head,
    records: { candidate },
    lists: {
      // The experimental schema 3.5 has forced photometry here. It lacks `magpsf`, so detections cannot be identified.
      prv_candidates: { fields: point, readIf: 'magpsf' },
      fp_hists: { fields: null }
    },
    cutouts
  },
  toAlert
}

/**
 * Throws if the alert itself has impossible values, or if the sign of a detection in its history can't be read: all points of the packet
 * would be affected. Other history points with impossible values are dropped and counted.
 */
function toAlert(packet: Packet<'candidate', 'prv_candidates' | 'fp_hists'>): Alert {
  const { prv_candidates, fp_hists } = packet.lists
  const { values, count, width, unread } = prv_candidates
  const history = ({ jd }: Observation) => historyOf(count, (i, point) => readPoint(values, i, width, jd, point))
  return alertOf(packet, history, unread + fp_hists.unread)
}

/**
 * The alert of a packet whose `candidate` has ZTF's fields. Throws if its own measurement has impossible values.
 *
 * @param historyOf the packet's history, given its own point and programme
 * @param forcedPhotometry number of points of forced photometry
 */
export function alertOf(
  { head, records }: Pick<Packet<'candidate'>, 'head' | 'records'>,
  historyOf: (own: Observation, programId: number) => Pick<Alert, 'history' | 'dropped'>,
  forcedPhotometry: number
): Alert {
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
  const { history, dropped } = historyOf(observation, program ?? 0)
  return {
    objectId,
    schemaVersion: typeof schemaVersion === 'string' ? schemaVersion : '',
    record: {
      candid,
      jd: observation.jd,
      ra: inRange('candidate.ra', own[column.ra], 0, 360),
      dec: inRange('candidate.dec', own[column.dec], -90, 90),
      programId: program ?? 0,
      photometry: photometry(own, observation, dropped.invalid)
    },
    observation,
    history,
    dropped,
    forcedPhotometry
  }
}

function ownObservation(own: readonly Value[], candid: bigint): Observation {
  const fid = own[column.fid]
  if (!isFilter(fid)) throw invalid('candidate.fid', fid, '1, 2 or 3')
  const positive = sign(own[column.isdiffpos])
  if (positive === null) throw invalid('candidate.isdiffpos', own[column.isdiffpos], signs)
  const sigma = own[column.sigmapsf]
  if (!isError(sigma))
    throw invalid('candidate.sigmapsf', sigma, `a number above 0 and at most ${greatestError.toFixed(1)}`)
  const jd = exposureJd(own[column.jd])
  if (jd === null) throw invalid('candidate.jd', own[column.jd], `a number from ${jdRange.from} to ${jdRange.to}`)
  const magnitude = inRange('candidate.magpsf', own[column.magpsf], magnitudeRange.from, magnitudeRange.to)
  return {
    jd,
    fid,
    detection: true,
    own: true,
    positive,
    candid,
    magnitude: Math.fround(magnitude),
    error: Math.fround(sigma),
    realBogus: single(realBogus(own, 0)),
    solarSystemDistance: single(atLeastZero(own[column.ssdistnr]))
  }
}

function photometry(own: readonly Value[], observation: Observation, droppedPoints: number): AlertPhotometry {
  const solarSystemName = name(own[column.ssnamenr])
  return {
    band: bandOf(observation.fid),
    magnitude: own[column.magpsf] as number,
    error: own[column.sigmapsf] as number,
    positive: observation.positive,
    realBogus: realBogus(own, 0),
    starScore: score(own[column.sgscore1]),
    starDistance: atLeastZero(own[column.distpsnr1]),
    solarSystemDistance: atLeastZero(own[column.ssdistnr]),
    ...(solarSystemName === null ? {} : { solarSystemName }),
    ...(droppedPoints > 0 ? { droppedPoints } : {}),
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
 * Reads a point of `prv_candidates`. With `magpsf` it is a detection. Without it, or with NaN (which table tools write for missing values),
 * it is an upper limit at `diffmaglim`. Points that are not older than the alert (`ownJd`) are dropped.
 */
function readPoint(
  values: readonly Value[],
  index: number,
  width: number,
  ownJd: number,
  point: DraftPoint
): 'valid' | DropReason {
  const base = index * width
  const jd = exposureJd(values[base + column.jd])
  const fid = values[base + column.fid]
  if (jd === null) return 'invalid'
  if (jd >= ownJd) return 'future'
  if (!isFilter(fid)) return 'invalid'
  point.jd = jd
  point.fid = fid
  const magpsf = values[base + column.magpsf]
  const isValid =
    typeof magpsf === 'number' && !Number.isNaN(magpsf)
      ? readDetection(values, index, base, magpsf, point)
      : setUpperLimit(point, values[base + column.diffmaglim])
  if (!isValid) return 'invalid'
  const program = programId(values[base + column.programid])
  if (program === 'invalid') return 'invalid'
  point.programId = program
  return 'valid'
}

/** Whether the values of a detection are valid. */
function readDetection(
  values: readonly Value[],
  index: number,
  base: number,
  magpsf: number,
  point: DraftPoint
): boolean {
  const sigma = values[base + column.sigmapsf]
  const word = values[base + column.isdiffpos] ?? null
  const positive = sign(word)
  if (word !== null && positive === null) throw invalid(`prv_candidates[${index}].isdiffpos`, word, signs)
  const number = values[base + column.candid]
  if (positive === null || !isError(sigma) || !isMagnitude(magpsf)) return false
  setDetection(point, positive, number, magpsf, sigma)
  point.realBogus = single(realBogus(values, base))
  point.solarSystemDistance = single(atLeastZero(values[base + column.ssdistnr]))
  return true
}

/** The context fields of a packet. `own` are the values of the candidate. */
function contextOf(own: readonly Value[]): AlertContext {
  const context: Record<ContextField, number | null> = { ...noContext }
  for (let index = 0; index < contextFields.length; index++) {
    const name = contextFields[index] as ContextField
    context[name] = contextValues[name](own[column[name]])
  }
  return context
}
