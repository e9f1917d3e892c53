import { effect, signal } from '@preact/signals'

const themes = ['system', 'dark', 'light'] as const
type Theme = (typeof themes)[number]

const place = 'hierax-theme'

/** The colours that were chosen; the system's unless told otherwise. */
export const theme = signal<Theme>(themes.find(name => name === read()) ?? 'system')

/** The next of the themes. */
export function cycleTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] as Theme
}

effect(() => {
  const { value } = theme
  if (value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = value
  try {
    localStorage.setItem(place, value)
  } catch {
    // A browser that keeps nothing forgets the choice, that is all.
  }
})

function read(): string | null {
  try {
    return localStorage.getItem(place)
  } catch {
    return null
  }
}
