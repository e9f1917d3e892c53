/**
 * Selects the light curves of `examples/lightcurves.jsonl` from a larger collection: a few short ones of every class, from the
 * redistributable sources, as difference photometry.
 *
 *   node --conditions=source --import tsx tools/scripts/select-examples.ts ../shared/lightcurves/labelled.jsonl.gz
 */
import { writeFileSync } from 'node:fs'
import {
  jdOfMjd0,
  rounded,
  type SimulatedLightCurve,
  type SimulatedPoint
} from '@hierax/training/light-curves/light-curve.ts'
import { bundledLightCurves, readLightCurves } from '@hierax/training/light-curves/read-light-curves.ts'
import { bandOf } from 'hierax/lightcurves/points/observation.ts'

/** Number of light curves by published type, and ids that are always selected. */
const selection: Readonly<Record<string, { count: number; first?: readonly string[] }>> = {
  'SN Ia': { count: 4, first: ['ZTF21aagmoqw', 'ZTF20achfdib', 'ZTF24ablkziv'] },
  'SN Ia-91T': { count: 1 },
  'SN Ia-91bg': { count: 1 },
  'SN Ia-pec': { count: 1 },
  'SN Iax': { count: 1 },
  'SN II': { count: 2 },
  'SN IIP': { count: 1 },
  'SN IIb': { count: 1 },
  'SN IIn': { count: 1, first: ['ZTF24abkpuna'] },
  'SN Ib': { count: 1 },
  'SN Ib/c': { count: 1 },
  'SN Ibn': { count: 1 },
  'SN Ic': { count: 1 },
  'SN Ic-BL': { count: 1 },
  'SLSN-I': { count: 1 },
  'SLSN-II': { count: 1 },
  TDE: { count: 2, first: ['ZTF21aauuybx'] },
  ILRT: { count: 1 },
  LBV: { count: 1 },
  LRN: { count: 1 },
  QSO: { count: 2 },
  Seyfert1: { count: 1 },
  nova: { count: 1 },
  CV: { count: 1 },
  RRAB: { count: 1 },
  RRC: { count: 1 },
  RRD: { count: 1 },
  CEP: { count: 1 },
  DCEP: { count: 1 },
  CWA: { count: 1 },
  CWB: { count: 1 },
  HADS: { count: 1 },
  DSCT: { count: 1 },
  SXPHE: { count: 1 },
  ELL: { count: 1 },
  R: { count: 1 },
  EW: { count: 1 },
  EB: { count: 1 }
}

/** Sources whose data may be redistributed. */
const sources = /^(HSE_ANTARES|ztf-dr-vars|fink_.*)$/
const maxPoints = 60
const minDetections = 5
/** Preferred number of detections: enough to be informative, few enough to ship. */
const idealDetections = 30
/** Preferred minimum time between the first and the last detection, days. */
const minSpan = 25

const file = process.argv[2]
if (file === undefined) {
  console.error('usage: select-examples.ts LIGHTCURVES.jsonl[.gz]')
  process.exit(2)
}

const byLabel = new Map<string, SimulatedLightCurve[]>()
for await (const curve of readLightCurves(file)) {
  if (!sources.test(curve.source) || !selection[curve.label]) continue
  const small = { ...curve, points: shortened(curve.points) }
  if (detections(small) < minDetections) continue
  byLabel.set(curve.label, [...(byLabel.get(curve.label) ?? []), small])
}

const chosen: SimulatedLightCurve[] = []
for (const [label, { count, first = [] }] of Object.entries(selection)) {
  const rank = ({ id }: SimulatedLightCurve) => (first.includes(id) ? first.indexOf(id) : first.length)
  const ideal = (curve: SimulatedLightCurve) =>
    Math.abs(detections(curve) - idealDetections) - 10 * bandCount(curve) + (span(curve) < minSpan ? 30 : 0)
  const candidates = (byLabel.get(label) ?? []).sort(
    (a, b) => rank(a) - rank(b) || ideal(a) - ideal(b) || (a.id < b.id ? -1 : 1)
  )
  if (candidates.length < count) console.error(`${label}: ${candidates.length} of ${count}`)
  chosen.push(...candidates.slice(0, count))
}

writeFileSync(bundledLightCurves, chosen.map(curve => `${JSON.stringify(line(curve))}\n`).join(''))
console.error(`${chosen.length} light curves, ${chosen.reduce((sum, curve) => sum + detections(curve), 0)} detections`)

function detections(curve: SimulatedLightCurve): number {
  return curve.points.filter(point => point.detection).length
}

function bandCount(curve: SimulatedLightCurve): number {
  return new Set(curve.points.filter(point => point.detection).map(point => point.fid)).size
}

function span(curve: SimulatedLightCurve): number {
  const times = curve.points.filter(point => point.detection).map(point => point.jd)
  return (times.at(-1) ?? 0) - (times[0] ?? 0)
}

/** The first points, from 30 days before the first detection. */
function shortened(points: readonly SimulatedPoint[]): SimulatedPoint[] {
  const first = points.find(point => point.detection)
  return points.filter(point => first && point.jd >= first.jd - 30).slice(0, maxPoints)
}

function line({ id, label, source, ra, dec, points }: SimulatedLightCurve) {
  return {
    id,
    label,
    source,
    photometry: 'difference_mag',
    ...(ra === null || dec === null ? {} : { ra: rounded(ra, 5), dec: rounded(dec, 5) }),
    mjd: points.map(point => rounded(point.jd - jdOfMjd0, 5)),
    band: points.map(point => bandOf(point.fid)),
    mag: points.map(point => rounded(point.magnitude, 4)),
    err: points.map(point => (point.detection ? rounded(point.error, 4) : null)),
    ul: points.map(point => (point.detection ? 0 : 1)),
    pos: points.map(point => (point.detection ? (point.positive ? 't' : 'f') : null))
  }
}
