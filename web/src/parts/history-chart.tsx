import { scaleLinear } from 'd3-scale'
import { curveStepAfter, line } from 'd3-shape'
import { useId, useMemo } from 'preact/hooks'
import { history } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import { margin } from '../draw/axis.ts'
import { roundedText } from '../draw/format.ts'
import { apart, linesOf } from '../draw/lines.ts'
import { type ChartProps, PlotArea, ValueAxis } from './chart.tsx'

/** Probabilities of the most informative nodes at each detection. */
export function HistoryChart({ axis, width, height, rem, right, mark }: ChartProps) {
  const all = history.value
  const clip = useId()
  const { focus } = view.value
  const [top, bottom] = [rem * 0.6, height - rem * 2.9]
  const y = scaleLinear([1, 0], [top, bottom])
  const lines = useMemo(() => (all ? linesOf(all, focus) : []), [all, focus])
  const times = all?.moments.map(({ mjd }) => axis.x(mjd)) ?? []
  const end = width - right
  const wide = right > rem * 3
  const draw = line<number>(
    (_, index) => times[index] ?? 0,
    value => y(value)
  ).curve(curveStepAfter)
  const labels = apart(
    lines.map(({ values }) => y(values.at(-1) ?? 0)),
    rem * 0.95,
    top + rem * 0.3,
    bottom
  )
  return (
    <div class="chart">
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={`History of probabilities at ${times.length} detections: ${lines.map(({ name, values }) => `${name} from ${roundedText(values[0] ?? 0)} to ${roundedText(values.at(-1) ?? 0)}`).join(', ')}`}
      >
        <PlotArea id={clip} axis={axis} height={height} />
        <ValueAxis
          title="P(node)"
          ticks={[0, 0.25, 0.5, 0.75, 1].map(value => ({ y: y(value), text: String(value) }))}
          rem={rem}
          end={end}
          middle={(top + bottom) / 2}
        />
        <g class="grid">
          {axis.ticks.map(({ x, text }) => (
            <g key={text} transform={`translate(${x},${bottom})`}>
              <line y2={rem * 0.3} />
              <text class="tick" y={rem * 1.2} text-anchor="middle">
                {text}
              </text>
            </g>
          ))}
        </g>
        <text class="title" x={(margin.left * rem + end) / 2} y={height - rem * 0.5}>
          {axis.title}
        </text>
        {mark !== null && <line class="cursor" x1={mark} x2={mark} y1={0} y2={bottom} />}
        {lines.map(({ name, values, style }, index) => (
          <g key={name} class={`history-line line-${style} ${focus && focus !== name ? 'back' : ''}`}>
            <g clip-path={`url(#${clip})`}>
              <path d={draw(values) ?? ''} />
              {times.length === 1 && <circle cx={times[0]} cy={y(values[0] ?? 0)} r={rem * 0.2} />}
              <path class="lead" d={`M${times.at(-1) ?? 0},${y(values.at(-1) ?? 0)}H${end}`} />
            </g>
            {wide && (
              <text x={end + rem * 0.4} y={labels[index]} dy="0.32em">
                {name} <tspan class="number">{roundedText(values.at(-1) ?? 0)}</tspan>
              </text>
            )}
          </g>
        ))}
      </svg>
      {!wide && (
        <ul class="legend lines" aria-label="Lines">
          {lines.map(({ name, style }) => (
            <li key={name} class={`history-line line-${style}`}>
              <svg viewBox="0 0 24 8" aria-hidden="true">
                <path d="M0,4H24" />
              </svg>
              <button type="button" onClick={() => go({ focus: focus === name ? null : name }, { replace: true })}>
                {name}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
