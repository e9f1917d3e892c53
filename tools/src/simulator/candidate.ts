import { rounded, type SimulatedPoint } from '@hierax/training/light-curves/light-curve.ts'
import { type Random, random, seedOf } from '@hierax/training/random.ts'
import { candidOf, type Exposure, exposureOf, fluxOf, sixDecimals, sixDigits } from './exposure.ts'
import type { SimulatedObject } from './object.ts'
import { qualityFields } from './quality.ts'
import { drawFrom } from './quantiles.ts'
import { pixelScale } from './surroundings.ts'

/** Values of an Avro record by field name. */
export type Fields = Readonly<Record<string, unknown>>

/** The fields of a packet's own detection that its later histories repeat. */
export function detectionFields(object: SimulatedObject, point: SimulatedPoint, seed: number): Fields {
  const exposure = exposureOf(object, point, seed)
  const draw = drawFor(object, point, seed)
  const reference = object.references[point.fid - 1]!
  const astrometry = astrometryFor(object, point, seed)
  const x = object.x + draw.normal() * 3
  const y = object.y + draw.normal() * 3
  return {
    ...imageFields(object, point, exposure),
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
    mindtoedge: Math.min(x, y, 3072 - x, 3080 - y),
    ...apertureFields(point, exposure, draw),
    ...shapeFields(exposure, draw),
    classtar: rounded(drawFrom(object.place.classtar, draw), 3),
    nneg: draw.integer(0, 6),
    nbad: 0,
    ...qualityFields(point, draw),
    scorr: Math.max(5.01, (1.0857362 / point.error) * draw.uniform(0.9, 1.1))
  }
}

/** One entry of `prv_candidates`: a detection as its own packet had it, rounded, or an upper limit. */
export function historyFields(object: SimulatedObject, point: SimulatedPoint, seed: number): Fields {
  const exposure = exposureOf(object, point, seed)
  const own = point.detection
    ? detectionFields(object, point, seed)
    : { ...emptyDetection, ...imageFields(object, point, exposure) }
  const fields: Record<string, unknown> = { ...own, pdiffimfilename: `${exposure.folder}${exposure.image}.fz` }
  for (const name of roundedInHistory) {
    const value = fields[name]
    if (typeof value === 'number') fields[name] = sixDigits(value)
  }
  if (!point.detection) return fields
  // Another generator than the packet's own: histories write the sign sometimes otherwise.
  const isdiffpos = signText(point, random(seed, object.index, Math.round(point.jd * 1e5), seedOf('history')))
  // Histories name a solar-system object only where there is one.
  const far = fields.ssdistnr === -999 ? { ssdistnr: null, ssmagnr: null, ssnamenr: null } : {}
  return { ...fields, isdiffpos, sigmapsf: sixDecimals(point.error), ...far }
}

/** Randomness that belongs to one point of one object. */
export function drawFor(object: SimulatedObject, point: SimulatedPoint, seed: number): Random {
  return random(seed, object.index, Math.round(point.jd * 1e5), point.fid)
}

/** Randomness of the measured place of one point: catalogued distances scatter with it. */
export function astrometryFor(object: SimulatedObject, point: SimulatedPoint, seed: number): Random {
  return random(seed, object.index, Math.round(point.jd * 1e5), point.fid, seedOf('astrometry'))
}

/** A distance from a place that is measured with an error, in the unit of both. */
export function scattered(distance: number, error: number, draw: Random): number {
  return Math.hypot(distance + draw.normal() * error, draw.normal() * error)
}

/** Place of the reference image's nearest source, degrees. */
export function nearestRa(object: SimulatedObject, { fid }: SimulatedPoint): number {
  const { distance, angle } = object.references[fid - 1]!
  const offset = (distance * pixelScale * Math.cos(angle)) / 3600 / Math.cos((object.dec * Math.PI) / 180)
  return rounded((object.ra + offset + 360) % 360, 7)
}

/** See {@link nearestRa}. */
export function nearestDec(object: SimulatedObject, { fid }: SimulatedPoint): number {
  const { distance, angle } = object.references[fid - 1]!
  return rounded(object.dec + (distance * pixelScale * Math.sin(angle)) / 3600, 7)
}

/** What upper limits have too. */
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

/** The sign of the difference in one of the two ways in which the survey writes it. */
function signText({ positive }: SimulatedPoint, draw: Random): string {
  const number = draw.uniform() < 0.2
  if (positive) return number ? '1' : 't'
  return number ? '0' : 'f'
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

/** Fields of a history's entry that upper limits leave empty. */
const emptyDetection: Fields = Object.fromEntries(
  [
    'candid',
    'isdiffpos',
    'tblid',
    'xpos',
    'ypos',
    'ra',
    'dec',
    'magpsf',
    'sigmapsf',
    'chipsf',
    'magap',
    'sigmagap',
    'distnr',
    'magnr',
    'sigmagnr',
    'chinr',
    'sharpnr',
    'sky',
    'magdiff',
    'fwhm',
    'classtar',
    'mindtoedge',
    'magfromlim',
    'seeratio',
    'aimage',
    'bimage',
    'aimagerat',
    'bimagerat',
    'elong',
    'nneg',
    'nbad',
    'rb',
    'ssdistnr',
    'ssmagnr',
    'ssnamenr',
    'sumrat',
    'magapbig',
    'sigmagapbig',
    'ranr',
    'decnr',
    'scorr'
  ].map(name => [name, null])
)
