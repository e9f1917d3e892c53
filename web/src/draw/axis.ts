import { type ScaleLinear, scaleLinear } from 'd3-scale'
import type { HistoryView, PointView } from '../data/types.ts'

/** The time axis that light curve and history share. */
export interface TimeAxis {
  /** MJD to px. */
  readonly x: ScaleLinear<number, number>
  readonly ticks: readonly { readonly x: number; readonly text: string }[]
  readonly title: string
  /** Formats a time. */
  readonly text: (mjd: number) => string
}

/** Margins of the two charts, rem. */
export const margin = { left: 3.6, right: 0.75 }

/** A time range, MJD. */
export type Range = readonly [from: number, to: number]

/** The time range of all points and moments, with some padding. */
export function extentOf(points: readonly PointView[], history: HistoryView | null): Range {
  const all = [...points, ...(history?.moments ?? [])].map(({ mjd }) => mjd)
  const [from, to] = all.length > 0 ? [Math.min(...all), Math.max(...all)] : [0, 1]
  const pad = Math.max((to - from) * 0.03, 0.02)
  return [from - pad, to + pad]
}

/** The shortest range that a zoom reaches, days. */
const shortest = 0.01

/**
 * `range` made shorter by `factor` (above 1) or longer (below 1) around a time, within `extent`. Null if it is all of `extent`.
 */
export function zoomed(range: Range, factor: number, around: number, extent: Range): Range | null {
  const length = Math.max((range[1] - range[0]) / factor, shortest)
  const share = (around - range[0]) / (range[1] - range[0])
  return fitted(around - share * length, length, extent)
}

/** `range` moved by a share of its length, within `extent`. */
export function moved(range: Range, share: number, extent: Range): Range | null {
  const length = range[1] - range[0]
  return fitted(range[0] + share * length, length, extent)
}

function fitted(from: number, length: number, extent: Range): Range | null {
  if (length >= (extent[1] - extent[0]) * 0.999) return null
  const start = Math.min(Math.max(from, extent[0]), extent[1] - length)
  // In the address, a second is exact enough.
  return [Number(start.toFixed(5)), Number((start + length).toFixed(5))]
}

/** The axis over a time range, for a chart of `width` px. */
export function timeAxis(
  points: readonly PointView[],
  range: Range,
  { width, rem, days, right }: { width: number; rem: number; days: boolean; right: number }
): TimeAxis {
  const detections = points.filter(point => point.type === 'detection' && point.admitted)
  const zero = detections[0]?.mjd ?? points[0]?.mjd ?? 0
  const x = scaleLinear(range, [margin.left * rem, width - right])
  const shown = days ? x.copy().domain(x.domain().map(mjd => mjd - zero)) : x
  const count = Math.max(2, Math.floor((width - margin.left * rem) / (rem * (days ? 4 : 5.5))))
  const format = shown.tickFormat(count, days ? undefined : 'd')
  const ticks = shown.ticks(count)
  const whole = ticks.every(Number.isInteger)
  return {
    x,
    ticks: ticks.map(value => ({ x: shown(value), text: whole ? String(value) : format(value) })),
    title: days ? 'days since the first detection' : 'MJD',
    text: mjd => (days ? `day ${(mjd - zero).toFixed(2)}` : `MJD ${mjd.toFixed(3)}`)
  }
}
