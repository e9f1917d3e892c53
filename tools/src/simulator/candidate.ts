import { rounded, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Random, random, seedOf } from '@hierax/training/random.ts'
import { candidOf, type Exposure, exposureOf, fluxOf, sixDecimals, sixDigits } from './exposure.ts'
import type { SimulatedObject } from './object.ts'
import { pixelScale } from './object-context.ts'
import { drawFrom, type Quantiles } from './quantiles.ts'
import { emptyHistory, type Fields } from './survey-schema.ts'

/**
 * The fields of a packet's candidate that later histories repeat. They are assigned to a copy of a whole record: V8 takes twenty times as long to put
 * so many fields together with spreads.
 */
export function detectionFields(object: SimulatedObject, point: SimulatedPoint, seed: number): Fields {
  const exposure = exposureOf(object, point, seed)
  const draw = drawFor(object, point, seed)
  const reference = object.references[point.fid - 1]!
  const astrometry = astrometryFor(object, point, seed)
  const x = object.x + draw.normal() * 3
  const y = object.y + draw.normal() * 3
  const own = {
    candid: candidOf(object, point, exposure),
    isdiffpos: signText(point, draw),
    tblid: candidOf(object, point, exposure) % 1000n,
    xpos: x,
    ypos: y,
    ra: rounded(object.ra + (draw.normal() * 0.06) / 3600 / Math.cos((object.dec * Math.PI) / 180), 7),
    dec: rounded(object.dec + (draw.normal() * 0.06) / 3600, 7),
    magpsf: point.magnitude,
    sigmapsf: point.error,
    distnr: scattered(reference.distance, 0.04, astrometry),
    magnr: reference.magnitude,
    sigmagnr: reference.sigma,
    chinr: reference.chi,
    sharpnr: reference.sharp,
    ranr: nearestRa(object, point),
    decnr: nearestDec(object, point),
    mindtoedge: Math.min(x, y, 3072 - x, 3080 - y)
  }
  const aperture = apertureFields(point, exposure, draw)
  const shape = shapeFields(exposure, draw)
  const classtar = rounded(drawFrom(object.context.classtar, draw), 3)
  const nneg = draw.integer(0, 6)
  const quality = qualityFields(point, draw)
  const scorr = Math.max(5.01, (1.0857362 / point.error) * draw.uniform(0.9, 1.1))
  const image = imageFields(object, point, exposure)
  return Object.assign({ ...emptyHistory }, image, own, aperture, shape, quality, { classtar, nneg, nbad: 0, scorr })
}

/** An entry of `prv_candidates`: a detection's own candidate, rounded, or an upper limit. */
export function historyFields(object: SimulatedObject, point: SimulatedPoint, seed: number): Fields {
  const exposure = exposureOf(object, point, seed)
  const fields: Record<string, unknown> = point.detection
    ? detectionFields(object, point, seed)
    : Object.assign({ ...emptyHistory }, imageFields(object, point, exposure))
  fields.pdiffimfilename = `${exposure.folder}${exposure.image}.fz`
  for (const name of roundedInHistory) {
    const value = fields[name]
    if (typeof value === 'number') fields[name] = sixDigits(value)
  }
  if (!point.detection) return fields
  // A separate generator, because a history may write the sign differently.
  fields.isdiffpos = signText(point, random(seed, object.index, Math.round(point.jd * 1e5), seedOf('history')))
  fields.sigmapsf = sixDecimals(point.error)
  // Histories have these fields only near a solar-system object.
  if (fields.ssdistnr === -999) Object.assign(fields, { ssdistnr: null, ssmagnr: null, ssnamenr: null })
  return fields
}

/** Random numbers for one point of one object. */
export function drawFor(object: SimulatedObject, point: SimulatedPoint, seed: number): Random {
  return random(seed, object.index, Math.round(point.jd * 1e5), point.fid)
}

/** Random numbers for the measured position of one point, with which catalogued distances scatter. */
export function astrometryFor(object: SimulatedObject, point: SimulatedPoint, seed: number): Random {
  return random(seed, object.index, Math.round(point.jd * 1e5), point.fid, seedOf('astrometry'))
}

/** A distance from a position measured with an error; all in one unit. */
export function scattered(distance: number, error: number, draw: Random): number {
  return Math.hypot(distance + draw.normal() * error, draw.normal() * error)
}

/** Right ascension of the reference image's nearest source, degrees. */
export function nearestRa(object: SimulatedObject, { fid }: SimulatedPoint): number {
  const { distance, angle } = object.references[fid - 1]!
  const offset = (distance * pixelScale * Math.cos(angle)) / 3600 / Math.cos((object.dec * Math.PI) / 180)
  return rounded((object.ra + offset + 360) % 360, 7)
}

/** Declination of the reference image's nearest source, degrees. */
export function nearestDec(object: SimulatedObject, { fid }: SimulatedPoint): number {
  const { distance, angle } = object.references[fid - 1]!
  return rounded(object.dec + (distance * pixelScale * Math.sin(angle)) / 3600, 7)
}

/** Fields that upper limits have too. */
function imageFields(object: SimulatedObject, point: SimulatedPoint, exposure: Exposure): Fields {
  return {
    jd: point.jd,
    fid: point.fid,
    pid: exposure.pid,
    diffmaglim: exposure.limit,
    pdiffimfilename: exposure.image,
    programpi: 'Simulated',
    programid: 1,
    nid: exposure.nid,
    rcid: object.rcid,
    field: object.field,
    magzpsci: exposure.zeroPoint,
    magzpsciunc: exposure.zeroPointError,
    magzpscirms: exposure.zeroPointScatter,
    clrcoeff: exposure.colour,
    clrcounc: exposure.colourError,
    rbversion: 't17_f5_c3'
  }
}

function apertureFields(point: SimulatedPoint, exposure: Exposure, draw: Random): Fields {
  const magap = rounded(point.magnitude + draw.normal() * point.error * 0.5, 4)
  return {
    magap,
    sigmagap: rounded(point.error * draw.uniform(1, 1.8), 4),
    magdiff: rounded(magap - point.magnitude, 6),
    magfromlim: exposure.limit - magap,
    magapbig: rounded(magap - draw.uniform(-0.1, 0.15), 4),
    sigmagapbig: rounded(point.error * draw.uniform(1.2, 2.2), 4),
    chipsf: draw.uniform(0.7, 3) * (1 + Math.abs(fluxOf(point, exposure)) / 1e5),
    sky: draw.normal() * 2,
    sumrat: rounded(draw.uniform(0.85, 1), 7)
  }
}

function shapeFields(exposure: Exposure, draw: Random): Fields {
  const fwhm = rounded(exposure.seeing * draw.uniform(0.8, 1.3), 2)
  const aimage = rounded(fwhm * draw.uniform(0.3, 0.42), 3)
  const bimage = rounded(aimage * draw.uniform(0.82, 1), 3)
  return {
    fwhm,
    seeratio: draw.uniform(0.7, 2),
    aimage,
    bimage,
    aimagerat: aimage / fwhm,
    bimagerat: bimage / fwhm,
    elong: aimage / bimage
  }
}

/** The sign of the difference in one of the survey's two notations. */
function signText({ positive }: SimulatedPoint, draw: Random): string {
  const number = draw.uniform() < 0.2
  if (positive) return number ? '1' : 't'
  return number ? '0' : 'f'
}

/** Real–bogus scores (random forest and network) of bogus detections; `drb` is below 0.2 for all of them. */
const bogusRb: Quantiles = [0.15, 0.2, 0.38, 0.6, 0.83]
const bogusDrb: Quantiles = [0, 0.003, 0.02, 0.045, 0.1]

/** The random-forest score and the nearest solar-system object, which histories repeat. */
function qualityFields(point: SimulatedPoint, draw: Random): Fields {
  const rb = point.refused === 'bogus' ? drawFrom(bogusRb, draw) : draw.uniform(0.65, 0.98)
  if (point.refused !== 'solar-system') return { rb: rounded(rb, 7), ssdistnr: -999, ssmagnr: -999, ssnamenr: 'null' }
  return {
    rb: rounded(rb, 7),
    // Whole arcsec; usually the minor planet itself.
    ssdistnr: draw.uniform() < 0.9 ? 0 : draw.integer(1, 4),
    ssmagnr: rounded(point.magnitude + draw.normal() * 0.2, 1),
    ssnamenr: String(draw.integer(1000, 600_000))
  }
}

/** The network's score, which histories do not repeat. */
export function networkScore(point: SimulatedPoint, draw: Random): number {
  return point.refused === 'bogus' ? drawFrom(bogusDrb, draw) : 1 - 10 ** -draw.uniform(2, 5)
}

/** Fields that histories repeat with six significant digits, found by comparing packets with later histories. */
const roundedInHistory = [
  'diffmaglim',
  'xpos',
  'ypos',
  'magpsf',
  'chipsf',
  'distnr',
  'sky',
  'fwhm',
  'mindtoedge',
  'magfromlim',
  'seeratio',
  'aimagerat',
  'bimagerat',
  'elong',
  'rb',
  'sumrat',
  'scorr',
  'magzpsci',
  'magzpsciunc',
  'magzpscirms',
  'clrcoeff',
  'clrcounc'
] as const
