import { type Band, bands } from 'hierax/lightcurves/points/observation.ts'
import { groupBy } from '../collections.ts'
import { rounded } from '../light-curves/light-curve.ts'
import type { Labels } from './labels.ts'
import type { Point } from './points.ts'

/** The points of an object, and where they come from. */
export interface Curve {
  readonly points: Point[]
  readonly sources: Set<string>
  readonly positions: [ra: number, dec: number][]
}

/** Points of a band that are less than a second apart are one exposure. */
const exposure = 1 / 86_400

/** The lines of the objects. Adds notes on what is left out. */
export function linesOf(
  curves: ReadonlyMap<string, Curve>,
  labels: Labels | null,
  plan: { readonly photometry: string; readonly labels?: string | undefined },
  notes: string[]
): string[] {
  const lines: string[] = []
  const totals = { detections: 0, limits: 0, duplicates: 0 }
  const empty: string[] = []
  const unlabelled: string[] = []
  for (const [id, { points, sources, positions }] of curves) {
    if (points.length === 0) {
      empty.push(id)
      continue
    }
    const kept = withoutDuplicates(points)
    const facts = labels?.get(id)
    if (labels !== null && facts === undefined) unlabelled.push(id)
    const detections = kept.filter(point => point.error !== null).length
    totals.detections += detections
    totals.limits += kept.length - detections
    totals.duplicates += points.length - kept.length
    const [ra, dec] = [0, 1].map(axis => median(positions.map(position => position[axis] as number)))
    const line = {
      ...{ id, label: facts?.label, z: facts?.z, source: [...sources].join('+') },
      photometry: plan.photometry === 'total' ? 'total_mag' : 'difference_mag',
      ...(ra === undefined ? {} : { ra, dec }),
      mjd: kept.map(({ mjd }) => rounded(mjd, 8)),
      band: kept.map(({ band }) => band),
      mag: kept.map(({ mag }) => rounded(mag, 6)),
      err: kept.map(({ error }) => (error === null ? null : Number(error.toPrecision(6)))),
      ul: kept.map(({ error }) => (error === null ? 1 : 0)),
      pos: kept.map(({ error, positive }) => (error === null ? null : positive ? 't' : 'f'))
    }
    lines.push(JSON.stringify(line))
  }
  const { detections, limits, duplicates } = totals
  notes.push(`${plural(lines.length, 'object')}: ${plural(detections, 'detection')}, ${plural(limits, 'upper limit')}.`)
  if (duplicates > 0) {
    notes.push(
      `  left out: ${plural(duplicates, 'point')} of an exposure that another gives too (of a band within a second, the detection with the smallest error stays).`
    )
  }
  if (empty.length > 0) notes.push(`  left out: ${plural(empty.length, 'object')} without points: ${some(empty)}.`)
  if (unlabelled.length > 0) notes.push(`  without a label in ${plan.labels}: ${some(unlabelled)}.`)
  const unused = labels === null ? [] : [...labels.keys()].filter(id => !curves.has(id))
  if (unused.length > 0) notes.push(`  labels of objects that no file holds: ${some(unused)}.`)
  return lines
}

/** Points in time order. Of several points of an exposure, the detection with the smallest error is kept, otherwise the deepest limit. */
function withoutDuplicates(points: readonly Point[]): Point[] {
  const better = (a: Point, b: Point): boolean =>
    a.error !== null && b.error !== null
      ? a.error < b.error
      : a.error === null && b.error === null
        ? a.mag > b.mag
        : a.error !== null
  const kept: Point[] = []
  for (const each of groupBy(points, ({ band }) => band).values()) {
    const ofBand: Point[] = []
    for (const point of each.sort((a, b) => a.mjd - b.mjd)) {
      const latest = ofBand.at(-1)
      if (latest === undefined || point.mjd - latest.mjd >= exposure) ofBand.push(point)
      else if (better(point, latest)) ofBand[ofBand.length - 1] = { ...point, mjd: latest.mjd }
    }
    for (const point of ofBand) kept.push(point)
  }
  const order = (band: Band): number => bands.indexOf(band)
  return kept.sort((a, b) => a.mjd - b.mjd || order(a.band) - order(b.band))
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
export const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`
