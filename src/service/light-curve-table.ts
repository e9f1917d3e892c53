import type { PointView } from './ports.ts'

const columns = [
  'jd',
  'mjd',
  'band',
  'type',
  'magnitude',
  'error',
  'positive',
  'candid',
  'realBogus',
  'solarSystemDistance',
  'admitted'
] as const

/**
 * A light curve as CSV (RFC 4180) with a head: one point a line, sorted by time. Fields hold numbers and fixed words only, so
 * that nothing needs quotes; what is not known is empty.
 */
export function lightCurveCsv(points: readonly PointView[]): string {
  const rows = points.map(point => columns.map(name => String(point[name] ?? '')).join(','))
  return [columns.join(','), ...rows, ''].join('\r\n')
}
