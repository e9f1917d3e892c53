import { margin, type TimeAxis } from '../draw/axis.ts'

export interface ChartProps {
  readonly axis: TimeAxis
  readonly width: number
  readonly height: number
  readonly rem: number
  /** Margin right of the data, px. */
  readonly right: number
  /** Position of the selected moment, px; null for none, or if it is outside of the time range. */
  readonly mark: number | null
}

interface ValueAxisProps {
  readonly title: string
  /** Values with their distances from the top, px. */
  readonly ticks: readonly { readonly y: number; readonly text: string }[]
  readonly rem: number
  /** Right end of its grid lines, px. */
  readonly end: number
  /** Distance of its middle from the top, px. */
  readonly middle: number
}

/** The vertical axis of a chart, with grid lines and a title. */
export function ValueAxis({ title, ticks, rem, end, middle }: ValueAxisProps) {
  const left = margin.left * rem
  return (
    <>
      <g class="grid">
        {ticks.map(({ y, text }) => (
          <g key={text} transform={`translate(0,${y})`}>
            <line x1={left} x2={end} />
            <text class="tick" x={left - rem * 0.5} dy="0.32em" text-anchor="end">
              {text}
            </text>
          </g>
        ))}
      </g>
      <text class="title" x={rem * 0.7} y={middle} transform={`rotate(-90,${rem * 0.7},${middle})`}>
        {title}
      </text>
    </>
  )
}

/** Cuts off data outside of the time range. */
export function PlotArea({ id, axis, height }: { id: string; axis: TimeAxis; height: number }) {
  const [left = 0, right = 0] = axis.x.range()
  return (
    <clipPath id={id}>
      <rect x={left} width={Math.max(0, right - left)} height={height} />
    </clipPath>
  )
}

/** Position of a pointer within the event's element, px from its left and top. */
export function pointOf(event: PointerEvent): [x: number, y: number] {
  const box = (event.currentTarget as Element).getBoundingClientRect()
  return [event.clientX - box.left, event.clientY - box.top]
}
