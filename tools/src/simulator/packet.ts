import { rounded, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Random, random, seedOf } from '@hierax/training/random.ts'
import { astrometryFor, detectionFields, drawFor, nearestDec, nearestRa, networkScore, scattered } from './candidate.ts'
import { exposureOf, fluxOf, sixDigits } from './exposure.ts'
import type { SimulatedObject } from './object.ts'
import { missing, pixelScale } from './object-context.ts'
import { emptyCandidate, type Fields } from './survey-schema.ts'

/** Radius within which packets list PanSTARRS sources, arcsec. */
const searchRadius = 30

/** Days of history in a packet. */
export const historyDays = 30

/**
 * The points of a light curve (in time order) in the history of an alert's packet: older than it, by 30 days at most.
 *
 * @returns index of the first of them and of the one after the last
 */
export function historyRange(points: readonly SimulatedPoint[], alert: SimulatedPoint): [from: number, to: number] {
  const from = points.findIndex(point => point.jd >= alert.jd - historyDays)
  return [from, points.findIndex(point => point.jd >= alert.jd)]
}

/**
 * The fields of a packet's `candidate`.
 *
 * @param points the object's whole light curve, in time order
 * @param alert the packet's detection, one of the points
 */
export function candidateFields(
  object: SimulatedObject,
  points: readonly SimulatedPoint[],
  alert: SimulatedPoint,
  seed: number
): Fields {
  const detection = detectionFields(object, alert, seed)
  const catalogue = catalogueFields(object, astrometryFor(object, alert, seed))
  const reference = referenceFields(object, alert)
  const context = contextFields(object, points, alert, seed)
  return Object.assign({ ...emptyCandidate }, detection, catalogue, reference, context)
}

/** Of the fields that histories do not repeat, the counts and those of the exposure. */
function contextFields(
  object: SimulatedObject,
  points: readonly SimulatedPoint[],
  alert: SimulatedPoint,
  seed: number
): Fields {
  const draw = random(seed, object.index, Math.round(alert.jd * 1e5), seedOf('context'))
  const earlier = points.filter(point => point.jd <= alert.jd)
  const detections = earlier.filter(point => point.detection)
  const prior = object.priorHistory
  const dsnrms = (1.0857362 / alert.error) * draw.uniform(0.3, 0.8)
  const ssnrms = (1.0857362 / alert.error) * draw.uniform(0.8, 1.4)
  return {
    ndethist: prior.detections + detections.length,
    ncovhist: prior.coverage + earlier.length,
    jdstarthist: prior.start ?? detections[0]?.jd ?? alert.jd,
    jdendhist: alert.jd,
    tooflag: 0,
    dsnrms,
    ssnrms,
    dsdiff: dsnrms - ssnrms,
    nmatches: draw.integer(150, 1600),
    zpclrcov: -draw.uniform(1e-6, 2e-4),
    zpmed: zeroPointOf(object, alert, seed) - 0.03,
    clrmed: draw.uniform(0.5, 1.1),
    clrrms: draw.uniform(0.12, 0.3),
    exptime: 30,
    drb: networkScore(alert, draw),
    drbversion: 'd6_m7'
  }
}

function zeroPointOf(object: SimulatedObject, point: SimulatedPoint, seed: number): number {
  return exposureOf(object, point, seed).zeroPoint
}

function catalogueFields({ neighbours, gaia, index }: SimulatedObject, astrometry: Random): Fields {
  const distance = (value: number) => (value === missing ? missing : scattered(value, 0.04, astrometry))
  const neargaia = distance(gaia.distance)
  const same = gaia.brightDistance === gaia.distance
  const fields: Record<string, unknown> = {}
  for (const [index, neighbour] of neighbours.entries()) {
    const number = index + 1
    const none = neighbour.distance > searchRadius
    const [g, r, i, z] = none ? [missing, missing, missing, missing] : neighbour.magnitudes
    fields[`objectidps${number}`] = none ? null : neighbour.id
    fields[`sgmag${number}`] = g
    fields[`srmag${number}`] = r
    fields[`simag${number}`] = i
    fields[`szmag${number}`] = z
    fields[`sgscore${number}`] = none ? missing : neighbour.starScore
    fields[`distpsnr${number}`] = none ? missing : distance(neighbour.distance)
  }
  return {
    ...fields,
    nmtchps: 3 + (index % 20),
    neargaia,
    maggaia: gaia.magnitude,
    neargaiabright: same ? neargaia : distance(gaia.brightDistance),
    maggaiabright: gaia.brightMagnitude
  }
}

function referenceFields(object: SimulatedObject, { fid }: SimulatedPoint): Fields {
  const { rfid, jdStart, jdEnd, frames } = object.references[fid - 1]!
  return { rfid, jdstartref: jdStart, jdendref: jdEnd, nframesref: frames }
}

/** An entry of `fp_hists`: forced photometry at the object's position on the exposure of an earlier point. */
export function forcedFields(object: SimulatedObject, point: SimulatedPoint, seed: number): Fields {
  const exposure = exposureOf(object, point, seed)
  const draw = drawFor(object, point, seed)
  const reference = object.references[point.fid - 1]!
  const background = 10 ** (0.4 * (exposure.zeroPoint - exposure.limit)) / 5
  const flux = point.detection ? fluxOf(point, exposure) : draw.normal() * background
  const error = point.detection ? Math.abs(flux) * (point.error / 1.0857362) : background
  return {
    field: object.field,
    rcid: object.rcid,
    fid: point.fid,
    pid: exposure.pid,
    rfid: reference.rfid,
    sciinpseeing: rounded(exposure.seeing, 4),
    scibckgnd: sixDigits(exposure.background),
    scisigpix: sixDigits(Math.sqrt(exposure.background) * 0.65),
    magzpsci: sixDigits(exposure.zeroPoint),
    magzpsciunc: sixDigits(exposure.zeroPointError),
    magzpscirms: sixDigits(exposure.zeroPointScatter),
    clrcoeff: sixDigits(exposure.colour),
    clrcounc: sixDigits(exposure.colourError),
    exptime: 30,
    adpctdif1: rounded(draw.uniform(0.05, 0.1), 6),
    adpctdif2: rounded(draw.uniform(0.05, 0.1), 6),
    diffmaglim: sixDigits(exposure.limit),
    programid: 1,
    jd: point.jd,
    forcediffimflux: sixDigits(flux),
    forcediffimfluxunc: sixDigits(error),
    procstatus: '0',
    distnr: reference.distance * pixelScale,
    ranr: nearestRa(object, point),
    decnr: nearestDec(object, point),
    magnr: reference.magnitude,
    sigmagnr: reference.sigma,
    chinr: reference.chi,
    sharpnr: reference.sharp
  }
}
