import { history, moment, object, objectId } from '../data/object.ts'
import { go, view } from '../data/url.ts'
import { range } from '../data/zoom.ts'
import { timeAxis } from '../draw/axis.ts'
import { useRoom } from '../draw/size.ts'
import { HistoryChart } from './history-chart.tsx'
import { isRejected, LightCurveChart } from './light-curve-chart.tsx'
import { Panel, Switch } from './panel.tsx'
import { Replay } from './replay.tsx'
import { useZoom, ZoomButtons } from './zoom.tsx'

/** Light curve and history on a common time axis. */
export function Charts() {
  const [frame, room] = useRoom<HTMLDivElement>()
  const { days } = view.value
  const { rem, width } = room
  const points = object.value?.lightCurve ?? []
  const right = width > rem * 34 ? rem * 6.8 : rem * 0.8
  const height = Math.max(room.height, rem * 30)
  // On a narrow page, a legend of all kinds of points takes two lines.
  const legend = rem * 1.6 * (right < rem * 3 && points.some(isRejected) ? 2 : 1)
  const axis = timeAxis(points, range.value, { width, rem, days, right })
  const moments = history.value?.moments ?? []
  /** Selects the moment nearest to a position of a chart; the last one is the current classification. */
  const pick = (x: number): void => {
    const mjd = axis.x.invert(x)
    let best = moments.length - 1
    for (const [index, one] of moments.entries()) {
      if (Math.abs(one.mjd - mjd) < Math.abs((moments[best]?.mjd ?? 0) - mjd)) best = index
    }
    if (best >= 0) go({ at: best === moments.length - 1 ? null : best + 1 }, { replace: true })
  }
  const shown = moments[moment.value ?? moments.length - 1]
  const [from, to] = range.value
  const mark = shown && shown.mjd >= from && shown.mjd <= to ? axis.x(shown.mjd) : null
  const shared = { axis, width, rem, right, mark }
  const zoom = useZoom(axis, pick)
  return (
    <Panel
      title="Light curve and history"
      id="charts"
      aside={
        <div class="tools">
          <ZoomButtons />
          <Switch
            label="Time axis"
            value={days ? 'days' : 'mjd'}
            options={[
              { value: 'mjd', text: 'MJD' },
              { value: 'days', text: 'days', hint: 'since the first detection' }
            ]}
            choose={value => go({ days: value === 'days' }, { replace: true })}
          />
        </div>
      }
    >
      <div class="charts-frame" ref={frame}>
        {width > 0 && points.length > 0 && (
          <div class="zoomable" {...zoom}>
            <LightCurveChart {...shared} points={points} height={height * 0.53 - legend} />
            <HistoryChart {...shared} height={height * 0.47 - (right < rem * 3 ? rem * 3 : 0)} />
          </div>
        )}
        {width > 0 && points.length === 0 && <p class="empty">{emptyText()}</p>}
      </div>
      {points.length > 0 && <Replay axis={axis} />}
    </Panel>
  )
}

function emptyText(): string {
  if (objectId.value === null) return 'The light curve of an object appears here as its alerts arrive.'
  return object.value === null ? 'Loading …' : 'There is no photometry of this object.'
}
