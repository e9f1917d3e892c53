import { moment } from './data/object.ts'
import { go, view } from './data/url.ts'
import { toggled } from './data/view.ts'
import { panBy, resetZoom, zoomBy } from './data/zoom.ts'
import { help } from './parts/help.tsx'
import { stepList } from './parts/list.tsx'
import { play, playing, step } from './parts/replay.tsx'
import { cycleTheme } from './theme.ts'

const actions: Readonly<Record<string, () => void>> = {
  '/': () => document.querySelector<HTMLInputElement>('#search')?.focus(),
  j: () => stepList(1),
  k: () => stepList(-1),
  '[': () => step(-1),
  ']': () => step(1),
  p: () => {
    if (playing.value) playing.value = false
    else play()
  },
  c: () => go({ conditional: !view.value.conditional }, { replace: true }),
  d: () => go({ days: !view.value.days }, { replace: true }),
  u: () => go(toggled(view.value, 'limits'), { replace: true }),
  '+': () => zoomBy(2),
  '=': () => zoomBy(2),
  '-': () => zoomBy(0.5),
  '0': resetZoom,
  ',': () => panBy(-0.25),
  '.': () => panBy(0.25),
  t: cycleTheme,
  '?': () => (help.value = true),
  Escape: back
}

function back(): void {
  playing.value = false
  if (moment.value !== null) go({ at: null }, { replace: true })
  else if (view.value.object !== null) go({ object: null })
}

/** Handles keyboard shortcuts, except in text fields and selections. */
export function startKeys(): void {
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.value) return
    const target = event.target as HTMLElement
    if (target.matches('input:not([type=range], [type=radio]), select, textarea')) {
      if (event.key === 'Escape') target.blur()
      return
    }
    const act = actions[event.key]
    if (!act) return
    event.preventDefault()
    act()
  })
}
