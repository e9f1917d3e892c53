import { signal } from '@preact/signals'
import { queryOf, type View, viewOf } from './view.ts'

/** What is shown: the address says it. */
export const view = signal(viewOf(location.search))

/** Shows something else. `replace` leaves no step to go back to. */
export function go(change: Partial<View>, { replace = false } = {}): void {
  const next = { ...view.value, ...change }
  const query = queryOf(next)
  if (query === queryOf(view.value)) return
  view.value = next
  const address = query === '' ? location.pathname : query
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
}

/** The address of a view that differs in something, for links. */
export function linkTo(change: Partial<View>): string {
  return queryOf({ ...view.value, ...change }) || './'
}

addEventListener('popstate', () => {
  view.value = viewOf(location.search)
})
