import { margin, type TimeAxis } from '../draw/axis.ts'

/** What both charts are drawn with. */
export interface ChartProps {
  readonly axis: TimeAxis
  readonly width: number
  readonly height: number
  readonly rem: number
  /** Room right of the data, px. */
  readonly right: number
  /** Place of the moment that is looked at, px; null for none. */
  readonly mark: number | null
  /** Looks at the moment nearest to a place. */
  readonly pick: (x: number) => void
}

interface ValueAxisProps {
  readonly title: string
  /** Values with their places from the top, px. */
  readonly ticks: readonly { readonly y: number; readonly text: string }[]
  readonly rem: number
  /** Right end of its lines, px. */
  readonly end: number
  /** Place of its middle from the top, px. */
  readonly middle: number
}

/** The vertical axis of a chart: a line for each value, and what the values are. */
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

/** Where a pointer is in what it points at, px from its left and top. */
export function pointOf(event: PointerEvent): [x: number, y: number] {
  const box = (event.currentTarget as Element).getBoundingClientRect()
  return [event.clientX - box.left, event.clientY - box.top]
}
