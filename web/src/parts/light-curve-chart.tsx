import { type ScaleLinear, scaleLinear } from 'd3-scale'
import type { ComponentChildren } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import type { PointView } from '../data/types.ts'
import { go, view } from '../data/url.ts'
import { type Hideable, toggled, type View } from '../data/view.ts'
import type { TimeAxis } from '../draw/axis.ts'
import { BandMark, type BandName, limitPath, limitSign, markerPath } from '../draw/markers.tsx'
import { type ChartProps, pointOf, ValueAxis } from './chart.tsx'

const bandNames: readonly BandName[] = ['g', 'r', 'i']

/**
 * Magnitudes with errors, bright ones at the top; upper limits as triangles that point down; rejected detections hollow and dashed. The
 * axis is that of the points on display.
 */
export function LightCurveChart({
  points: all,
  axis,
  width,
  height,
  rem,
  right,
  mark
}: ChartProps & { points: readonly PointView[] }) {
  const [top, bottom] = [rem * 0.5, height - rem * 0.6]
  const [from = 0, to = 0] = axis.x.domain()
  const { hide } = view.value
  const points = useMemo(
    () => all.filter(point => point.mjd >= from && point.mjd <= to && !isHidden(point, hide)),
    [all, from, to, hide]
  )
  const y = useMemo(
    () => scaleLinear(magnitudesOf(points.length > 0 ? points : all), [top, bottom]),
    [points, all, top, bottom]
  )
  const [near, setNear] = useState<PointView | null>(null)
  const limits = points.filter(point => point.type === 'upperLimit').length
  const rejected = points.filter(isRejected).length
  const detections = points.length - limits - rejected
  const find = (event: PointerEvent): void => {
    const [px, py] = pointOf(event)
    let best: { point: PointView; distance: number } | null = null
    for (const point of points) {
      const distance = Math.hypot(axis.x(point.mjd) - px, y(point.magnitude) - py)
      if (distance < rem * 1.6 && (!best || distance < best.distance)) best = { point, distance }
    }
    setNear(best?.point ?? null)
  }
  return (
    <div class="chart">
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={`Light curve: ${detections} detections and ${limits} upper limits${rejected > 0 ? `; rejected and not classified: ${rejected}` : ''}${points.length < all.length ? `; hidden or outside of the time range: ${all.length - points.length}` : ''}. The table below has the values.`}
        onPointerMove={find}
        onPointerLeave={() => setNear(null)}
      >
        <ValueAxis
          title="magnitude"
          ticks={y.ticks(6).map(value => ({ y: y(value), text: value.toFixed(Number.isInteger(value) ? 0 : 1) }))}
          rem={rem}
          end={width - right}
          middle={(top + bottom) / 2}
        />
        {mark !== null && <line class="cursor" x1={mark} x2={mark} y1={0} y2={height} />}
        {points.map(point => (
          <Point key={`${point.mjd}${point.band}`} point={point} x={axis.x(point.mjd)} y={y} rem={rem} />
        ))}
        {near && <circle class="near" cx={axis.x(near.mjd)} cy={y(near.magnitude)} r={rem * 0.6} />}
      </svg>
      <Legend points={all} />
      {near && (
        <Tip
          point={near}
          axis={axis}
          left={axis.x(near.mjd)}
          top={y(near.magnitude)}
          flip={axis.x(near.mjd) > width / 2}
        />
      )}
    </div>
  )
}

/** Whether the admission settings reject a detection: it is stored, but not classified. */
export function isRejected({ type, admitted }: PointView): boolean {
  return type === 'detection' && !admitted
}

function Point({ point, x, y, rem }: { point: PointView; x: number; y: ScaleLinear<number, number>; rem: number }) {
  const { band, type, magnitude, error, positive, admitted } = point
  const at = y(magnitude)
  if (type === 'upperLimit') {
    return (
      <g class={`point limit band-${band}`} transform={`translate(${x},${at})`}>
        <path d={limitPath(rem * 0.62)} />
        <path class="sign" d={limitSign(band, rem * 0.62)} />
      </g>
    )
  }
  const marker = markerPath(band, rem * rem * (band === 'i' ? 0.2 : 0.24))
  if (!admitted) {
    return (
      <g class={`point rejected band-${band}`} transform={`translate(${x},${at})`}>
        <path d={marker} />
      </g>
    )
  }
  const [above, below] = [-1, 1].map(side => inRange(y(magnitude + side * (error ?? 0)), y.range()) - at)
  return (
    <g
      class={`point detection band-${band} ${positive === false ? 'negative' : ''}`}
      transform={`translate(${x},${at})`}
    >
      <path class="error" d={`M0,${above}V${below}`} />
      <path d={marker} />
    </g>
  )
}

/** Whether the view hides a point. */
function isHidden(point: PointView, hide: View['hide']): boolean {
  if (hide === null) return false
  return (
    hide.some(name => name === point.band) ||
    (point.type === 'upperLimit' && hide.includes('limits')) ||
    (isRejected(point) && hide.includes('rejected'))
  )
}

/** The kinds of points. Pressing one hides it. */
function Legend({ points }: { points: readonly PointView[] }) {
  const bands = bandNames.filter(band => points.some(point => point.band === band))
  return (
    <ul class="legend points" aria-label="Points on display">
      {bands.map(band => (
        <Toggle key={band} name={band} hint={`points in ${band}`}>
          <BandMark band={band} /> {band}
          <span class="hidden"> band</span>
        </Toggle>
      ))}
      {points.some(point => point.type === 'upperLimit') && (
        <Toggle name="limits" hint="upper limits (u)">
          <svg class="mark limit" viewBox="-8 -8 16 16" aria-hidden="true">
            <path d={limitPath(12)} />
          </svg>{' '}
          upper limit
        </Toggle>
      )}
      {points.some(isRejected) && (
        <Toggle
          name="rejected"
          hint="points that are stored, but not classified: low real–bogus score, or near a known minor planet"
        >
          <svg class="mark band-none rejected" viewBox="-8 -8 16 16" aria-hidden="true">
            <path d={markerPath('g', 80)} />
          </svg>{' '}
          rejected
        </Toggle>
      )}
      {points.some(point => point.positive === false && point.admitted) && (
        <li>
          <svg class="mark band-none negative" viewBox="-8 -8 16 16" aria-hidden="true">
            <path class="detection" d={markerPath('g', 80)} />
          </svg>{' '}
          fainter than the reference
        </li>
      )}
    </ul>
  )
}

function Toggle({ name, hint, children }: { name: Hideable; hint: string; children: ComponentChildren }) {
  const shown = !view.value.hide?.includes(name)
  return (
    <li>
      <button
        type="button"
        aria-pressed={shown}
        title={`${shown ? 'Hide' : 'Show'} ${hint}`}
        onClick={() => go(toggled(view.value, name), { replace: true })}
      >
        {children}
      </button>
    </li>
  )
}

function Tip({
  point,
  axis,
  left,
  top,
  flip
}: {
  point: PointView
  axis: TimeAxis
  left: number
  top: number
  flip: boolean
}) {
  const { band, type, magnitude, error, mjd, positive, realBogus, solarSystemDistance } = point
  return (
    <div class={flip ? 'tip flip' : 'tip'} style={{ left: `${left}px`, top: `${top}px` }}>
      <strong>
        <BandMark band={band} />{' '}
        {type === 'detection'
          ? `${band} = ${magnitude.toFixed(2)} ± ${(error ?? 0).toFixed(2)}`
          : `${band} > ${magnitude.toFixed(2)}`}
      </strong>
      <span>{axis.text(mjd)}</span>
      {type === 'upperLimit' && <span>5σ upper limit</span>}
      {positive === false && <span>fainter than the reference</span>}
      {isRejected(point) && <span>rejected, not classified</span>}
      {isRejected(point) && realBogus !== null && <span>real–bogus {realBogus.toFixed(2)}</span>}
      {isRejected(point) && solarSystemDistance !== null && (
        <span>minor planet at {solarSystemDistance.toFixed(1)}″</span>
      )}
    </div>
  )
}

/** A position, moved to the nearest end of a range where it is outside. */
function inRange(position: number, [start = 0, end = 0]: readonly number[]): number {
  return Math.min(Math.max(position, start), end)
}

/** The longest error bar that widens the axis, mag: one huge error must not press all points onto a line. */
const longestBar = 0.5

/** Range of the magnitude axis with some padding, bright end first, mag. */
function magnitudesOf(points: readonly PointView[]): [number, number] {
  const ends = points.flatMap(({ magnitude, error }) => {
    const bar = Math.min(error ?? 0, longestBar)
    return [magnitude - bar, magnitude + bar]
  })
  const [bright, faint] = [Math.min(...ends), Math.max(...ends)]
  const pad = Math.max(0.15, (faint - bright) * 0.06)
  return [bright - pad, faint + pad]
}
