import { signal } from '@preact/signals'
import { queryOf, type View, viewOf } from './view.ts'

/** The view, kept in the address. */
export const view = signal(viewOf(location.search))

/** Changes the view; with `replace`, without a history entry. */
export function go(change: Partial<View>, { replace = false } = {}): void {
  const next = { ...view.value, ...change }
  const query = queryOf(next)
  if (query === queryOf(view.value)) return
  view.value = next
  const address = query === '' ? location.pathname : query
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
}

/** The address of the view with a change, for links. */
export function linkTo(change: Partial<View>): string {
  return queryOf({ ...view.value, ...change }) || './'
}

addEventListener('popstate', () => {
  view.value = viewOf(location.search)
})
