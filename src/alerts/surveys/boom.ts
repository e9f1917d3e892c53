import { HieraxError } from '../../errors.ts'
import type { FilterId, Observation } from '../../lightcurves/points/observation.ts'
import type { Alert, DropReason } from '../alert.ts'
import type { Value } from '../avro/readers.ts'
import { type DraftPoint, historyOf, setDetection, setUpperLimit } from './history.ts'
import { namesOf, otherSurvey } from './other-surveys.ts'
import { columnsOf, needed, optional, type Packet, type Rows, type Survey, welcome } from './survey.ts'
import { alertOf, cutouts, head, candidate as ztfCandidate } from './ztf.ts'
import { exposureJd, invalid, isError, isMagnitude, programId } from './ztf-values.ts'

/*
 * ZTF alerts as the broker BOOM publishes them, in public on its stream Babamul: `candidate` has the survey's fields, the history has
 * fluxes.
 */

/** The flux comes after the fields that ZTF's packets have, so that these keep their columns. */
const candidate = { ...ztfCandidate, psfFlux: needed('number') }

/** Fields of all points. A point without a programme has that of its alert: the public stream has public points only. */
const point = {
  jd: needed('double'),
  psfFluxErr: needed('number'),
  band: needed('word'),
  programid: optional('number')
}
const detectionFields = { ...point, psfFlux: needed('number'), candid: welcome('long') }
const limitFields = { ...point, diffmaglim: welcome('number') }

const own = columnsOf(candidate)
const of = { ...columnsOf(limitFields), ...columnsOf(detectionFields) }
const limitColumn = columnsOf(limitFields).diffmaglim

type Lists = 'prv_candidates' | 'prv_nondetections' | 'fp_hists'

/** ZTF alerts of BOOM: `BabamulZtfAlert`, which is public, and `EnrichedZtfAlert`. */
export const boom: Survey<'candidate', Lists> = {
  name: 'ZTF (BOOM)',
  recognises: schema =>
    (schema.fields.has('prv_nondetections') || /ZtfAlert$/.test(schema.name)) && otherSurvey(namesOf(schema)) === null,
  reads: {
    head,
    records: { candidate },
    lists: {
      prv_candidates: { fields: detectionFields },
      prv_nondetections: { fields: limitFields },
      fp_hists: { fields: null }
    },
    // Those of `EnrichedZtfAlert`; the public stream has none.
    cutouts
  },
  toAlert
}

/**
 * Throws if the alert itself has impossible values, or if its flux and magnitude do not tell the unit of the fluxes. Points of its history
 * with impossible values are dropped and counted.
 */
function toAlert(packet: Packet<'candidate', Lists>): Alert {
  const { prv_candidates: detections, prv_nondetections: limits, fp_hists } = packet.lists
  const history = (alert: Observation, program: number) => {
    const zeroPoint = zeroPointOf(alert.magnitude, packet.records.candidate.values[own.psfFlux])
    const detection = (base: number, point: DraftPoint) => readDetection(detections, base, zeroPoint, point)
    const limit = (base: number, point: DraftPoint) => setUpperLimit(point, limitAt(limits, base, zeroPoint))
    return historyOf(detections.count + limits.count, (i, point) =>
      i < detections.count
        ? readPoint(detections, i, alert, program, point, detection)
        : readPoint(limits, i - detections.count, alert, program, point, limit)
    )
  }
  return alertOf(packet, history, fp_hists.unread)
}

/** Zero points of fluxes: of nJy, as the documentation says, and of fluxes that are a million times greater, as found in messages. */
const zeroPoints = [31.4, 46.4] as const

/** Difference from a zero point that rounded magnitudes and fluxes may have, mag. */
const zeroPointTolerance = 0.02

/** The zero point of the fluxes: magnitude = zero point − 2.5 log₁₀ flux. Throws INVALID_VALUE if it is none that is known. */
function zeroPointOf(magnitude: number, flux: Value | undefined): number {
  const found = typeof flux === 'number' ? magnitude + 2.5 * Math.log10(Math.abs(flux)) : Number.NaN
  const zeroPoint = zeroPoints.find(each => Math.abs(found - each) <= zeroPointTolerance)
  if (zeroPoint !== undefined) return zeroPoint
  if (!Number.isFinite(found)) throw invalid('candidate.psfFlux', flux, 'a number other than 0')
  throw new HieraxError(
    'INVALID_VALUE',
    `candidate.psfFlux should have the zero point ${zeroPoints.join(' or ')} (nJy, or 10⁻⁶ nJy), but ${flux} with magpsf ` +
      `${magnitude.toFixed(4)} gives ${found.toFixed(2)}`
  )
}

/** Reads a point of a history. The list of detections repeats the alert's own point, which is left out. Later points are dropped. */
function readPoint(
  { values, width }: Rows,
  index: number,
  alert: Observation,
  program: number,
  point: DraftPoint,
  readMeasurement: (base: number, point: DraftPoint) => boolean
): 'valid' | DropReason | null {
  const base = index * width
  const jd = exposureJd(values[base + of.jd])
  const fid = filters.get(values[base + of.band])
  if (jd === null || fid === undefined) return 'invalid'
  if (jd === alert.jd && fid === alert.fid) return null
  if (jd >= alert.jd) return 'future'
  const given = programId(values[base + of.programid])
  if (given === 'invalid' || !readMeasurement(base, point)) return 'invalid'
  point.jd = jd
  point.fid = fid
  point.programId = given ?? program
  return 'valid'
}

/** ZTF's filters by the names of bands. */
const filters: ReadonlyMap<Value | undefined, FilterId> = new Map([
  ['g', 1],
  ['r', 2],
  ['i', 3]
])

/** Error of a magnitude for a relative error of the flux of 1. */
const magnitudes = 2.5 / Math.LN10

/** A detection: the sign of its flux is that of the difference. Neither its candid nor its quality is known. */
function readDetection({ values }: Rows, base: number, zeroPoint: number, point: DraftPoint): boolean {
  const flux = values[base + of.psfFlux]
  const fluxError = values[base + of.psfFluxErr]
  if (typeof flux !== 'number' || typeof fluxError !== 'number') return false
  const magnitude = zeroPoint - 2.5 * Math.log10(Math.abs(flux))
  const error = (magnitudes * fluxError) / Math.abs(flux)
  if (!isMagnitude(magnitude) || !isError(error)) return false
  setDetection(point, flux > 0, values[base + of.candid], magnitude, error)
  return true
}

/** The 5-sigma limit of a non-detection: as the survey gives it if the message repeats it, else from the error of the flux. */
function limitAt({ values }: Rows, base: number, zeroPoint: number): Value {
  const given = values[base + limitColumn] ?? null
  if (given !== null) return given
  const fluxError = values[base + of.psfFluxErr]
  return typeof fluxError === 'number' && fluxError > 0 ? zeroPoint - 2.5 * Math.log10(5 * fluxError) : null
}
