import { signal } from '@preact/signals'
import { queryOf, type View, viewOf } from './view.ts'

/** The view, kept in the address. */
export const view = signal(viewOf(location.search))

/** Changes the view; with `replace`, without a history entry. */
export function go(change: Partial<View>, { replace = false } = {}): void {
  const next = changed(change)
  const query = queryOf(next)
  if (query === queryOf(view.value)) return
  view.value = next
  const address = query === '' ? location.pathname : query
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
}

/** The address of the view with a change, for links. */
export function linkTo(change: Partial<View>): string {
  return queryOf(changed(change)) || './'
}

/** The view with a change. A time range is that of one object. */
function changed(change: Partial<View>): View {
  const other = change.object !== undefined && change.object !== view.value.object
  return { ...view.value, ...(other ? { zoom: null } : {}), ...change }
}

addEventListener('popstate', () => {
  view.value = viewOf(location.search)
})
