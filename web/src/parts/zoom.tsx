import { useRef } from 'preact/hooks'
import { view } from '../data/url.ts'
import { panBy, range, resetZoom, zoomBy } from '../data/zoom.ts'
import type { TimeAxis } from '../draw/axis.ts'

/** Buttons that zoom the time axis. */
export function ZoomButtons() {
  const all = view.value.zoom === null
  return (
    <fieldset class="zoom">
      <legend class="hidden">Zoom of the time axis</legend>
      <button type="button" aria-label="Zoom in" title="Zoom in (+, or the mouse wheel)" onClick={() => zoomBy(2)}>
        +
      </button>
      <button type="button" aria-label="Zoom out" title="Zoom out (−)" disabled={all} onClick={() => zoomBy(0.5)}>
        −
      </button>
      <button type="button" title="Show all (0)" disabled={all} onClick={resetZoom}>
        all
      </button>
    </fieldset>
  )
}

/** Movement of a pointer up to which it is a click, px. */
const still = 5

/**
 * Handlers for the frame of the charts, whose left edge is that of the charts: the wheel and two fingers zoom, dragging moves a zoomed
 * range, and a click calls `pick` with its position.
 */
export function useZoom(axis: TimeAxis, pick: (x: number) => void) {
  const frame = useRef<HTMLDivElement>(null)
  const pointers = useRef(new Map<number, number>())
  const travelled = useRef(0)
  const positionOf = (event: MouseEvent): number => event.clientX - (frame.current?.getBoundingClientRect().left ?? 0)

  const turn = (event: WheelEvent): void => {
    // At its widest, the charts leave scrolling to the page.
    if (!onChart(event) || event.deltaY === 0 || (event.deltaY > 0 && view.value.zoom === null)) return
    event.preventDefault()
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / 40 : event.deltaY
    zoomBy(1.15 ** -Math.min(Math.max(lines, -5), 5), axis.x.invert(positionOf(event)))
  }
  const down = (event: PointerEvent): void => {
    if (!onChart(event)) return
    pointers.current.set(event.pointerId, positionOf(event))
    if (pointers.current.size === 1) travelled.current = 0
  }
  const move = (event: PointerEvent): void => {
    const before = pointers.current.get(event.pointerId)
    if (before === undefined) return
    const at = positionOf(event)
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1]
    pointers.current.set(event.pointerId, at)
    travelled.current += Math.abs(at - before)
    if (other !== undefined) pinch(axis, other, before, at)
    else if (travelled.current > still) {
      const [left = 0, right = 1] = axis.x.range()
      panBy((before - at) / (right - left))
    }
  }
  const up = (event: PointerEvent): void => void pointers.current.delete(event.pointerId)
  return {
    ref: frame,
    onWheel: turn,
    onPointerDown: down,
    onPointerMove: move,
    onPointerUp: up,
    onPointerCancel: up,
    onPointerLeave: up,
    onClick: (event: MouseEvent) => {
      if (onChart(event) && travelled.current <= still) pick(positionOf(event))
    }
  }
}

/** One finger moves from `before` to `at` while the other one rests. */
function pinch({ x }: TimeAxis, other: number, before: number, at: number): void {
  const [apart, now] = [Math.abs(before - other), Math.abs(at - other)]
  if (apart < still || now < still) return
  const [from, to] = range.value
  zoomBy(now / apart, Math.min(Math.max(x.invert(other), from), to))
}

function onChart(event: Event): boolean {
  return event.target instanceof Element && event.target.closest('.chart > svg') !== null
}
