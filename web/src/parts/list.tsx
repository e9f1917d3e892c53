import { filterError, listed, paused, rows, statistics } from '../data/live.ts'
import { objectId } from '../data/object.ts'
import type { Classification } from '../data/types.ts'
import { go, linkTo, view } from '../data/url.ts'
import { countText, mjdZero, probabilityText, utcOf } from '../draw/format.ts'
import { BandMark } from '../draw/markers.tsx'
import { Filters, filtered } from './filters.tsx'
import { Panel } from './panel.tsx'

/** The live list of classified objects. */
export function List() {
  const all = rows.value
  return (
    <Panel title="Live" id="list" aside={<Counts />}>
      <Filters />
      <div
        class="rows"
        onPointerEnter={() => (paused.value = true)}
        onPointerLeave={() => (paused.value = false)}
        onFocusCapture={() => (paused.value = true)}
        onBlurCapture={() => (paused.value = false)}
      >
        <ol aria-label="Objects, the latest classification first" onKeyDown={walk}>
          {all.map(row => (
            <Row key={row.objectId} row={row} current={row.objectId === objectId.value} />
          ))}
        </ol>
        {all.length === 0 && <p class="empty">{emptyText()}</p>}
      </div>
    </Panel>
  )
}

function emptyText(): string {
  if (filterError.value) return 'The filter names a class that this model does not have.'
  if (!listed.value) return 'Loading …'
  if (filtered())
    return 'None of the latest classifications pass the filter. New ones appear here as they arrive; a lower probability shows more.'
  return 'No classifications yet. They appear here as alerts arrive.'
}

/** Share of the classifications that is shown. */
function Counts() {
  const counts = statistics.value
  if (paused.value && counts) return <span class="counts">paused while you read</span>
  if (!counts || counts.published === 0) return null
  const share = filtered() ? `${countText(counts.accepted)} of ${countText(counts.published)} per second pass` : null
  const sampled =
    counts.sent < counts.accepted ? `${counts.sent} of ${countText(counts.accepted)} per second shown` : null
  return <span class="counts">{share ?? sampled}</span>
}

function Row({ row, current }: { row: Classification; current: boolean }) {
  const { objectId: id, jd, alert, prediction, reason, lightCurve, nodes } = row
  const { node } = view.value
  const chosen = node === null ? null : nodes.find(({ name }) => name === node)
  const shown = chosen ? { node: chosen.name, probability: chosen.probability } : prediction
  return (
    <li>
      <a
        class={current ? 'row current' : 'row'}
        href={linkTo({ object: id, at: null })}
        aria-current={current ? 'true' : undefined}
        title={`${utcOf(jd)} UTC, MJD ${(jd - mjdZero).toFixed(5)}`}
        onClick={event => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return
          event.preventDefault()
          go({ object: id, at: null })
        }}
      >
        <span class="id">{id}</span>
        <span class="magnitude">
          {alert && (
            <>
              <BandMark band={alert.band} />
              <span class="hidden">{alert.band}</span> {alert.magnitude.toFixed(1)}
            </>
          )}
        </span>
        <span class="class">{shown ? shown.node : reason ? <i>{reasonText(reason)}</i> : <i>undecided</i>}</span>
        <span class="number">{shown ? probabilityText(shown.probability) : ''}</span>
        <span class="meter" aria-hidden="true">
          <span style={{ width: `${(shown?.probability ?? 0) * 100}%` }} />
        </span>
        <span class="detections" title="detections">
          {lightCurve.detections}
          <span class="hidden"> detections</span>
        </span>
      </a>
    </li>
  )
}

/** `TOO_FEW_DETECTIONS` → `too few detections`. */
function reasonText(reason: string): string {
  return reason.toLowerCase().replaceAll('_', ' ')
}

function walk(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (by === undefined) return
  const links = [...document.querySelectorAll<HTMLElement>('.list .row')]
  const next = links[links.indexOf(document.activeElement as HTMLElement) + by]
  if (!next) return
  event.preventDefault()
  next.focus()
}

/** Shows the object `by` rows further down the list. */
export function stepList(by: number): void {
  const all = rows.value
  const place = all.findIndex(row => row.objectId === objectId.value)
  const next = all[Math.min(all.length - 1, Math.max(0, place === -1 ? 0 : place + by))]
  if (next) go({ object: next.objectId, at: null })
}
