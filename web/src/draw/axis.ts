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

/** The axis over all points and moments, for a chart of `width` px. */
export function timeAxis(
  points: readonly PointView[],
  history: HistoryView | null,
  { width, rem, days, right }: { width: number; rem: number; days: boolean; right: number }
): TimeAxis {
  const detections = points.filter(point => point.type === 'detection' && point.admitted)
  const zero = detections[0]?.mjd ?? points[0]?.mjd ?? 0
  const all = [...points, ...(history?.moments ?? [])].map(({ mjd }) => mjd)
  const [from, to] = all.length > 0 ? [Math.min(...all), Math.max(...all)] : [0, 1]
  const pad = Math.max((to - from) * 0.03, 0.02)
  const x = scaleLinear([from - pad, to + pad], [margin.left * rem, width - right])
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
