import { computed, effect } from '@preact/signals'
import { extentOf, moved, type Range, zoomed } from '../draw/axis.ts'
import { history, object, objectId } from './object.ts'
import { go, view } from './url.ts'

/** The time range of all data of the object, MJD. */
const extent = computed<Range>(() => extentOf(object.value?.lightCurve ?? [], history.value))

/** The time range that the charts show, MJD. */
export const range = computed<Range>(() => view.value.zoom ?? extent.value)

/** Zooms in (factor above 1) or out around a time, MJD; around the middle unless given. */
export function zoomBy(factor: number, around = (range.value[0] + range.value[1]) / 2): void {
  show(zoomed(range.value, factor, around, extent.value))
}

/** Moves the time range by a share of its length. */
export function panBy(share: number): void {
  if (view.value.zoom !== null) show(moved(view.value.zoom, share, extent.value))
}

/** Shows all data again. */
export function resetZoom(): void {
  show(null)
}

/** The object stays on display while the charts show a part of it. */
function show(zoom: Range | null): void {
  const object = zoom === null ? view.value.object : objectId.value
  if (object !== null || zoom === null) go({ object, zoom }, { replace: true })
}

/** Ends the zoom when the page follows the stream to another object. */
export function startZoom(): void {
  let previous = objectId.peek()
  effect(() => {
    const id = objectId.value
    if (previous !== null && id !== previous && view.peek().object === null) resetZoom()
    previous = id
  })
}
