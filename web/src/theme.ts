import { effect, signal } from '@preact/signals'

const themes = ['system', 'dark', 'light'] as const
type Theme = (typeof themes)[number]

const storageKey = 'hierax-theme'

/** The selected colours; those of the system by default. */
export const theme = signal<Theme>(themes.find(name => name === read()) ?? 'system')

/** Selects the next theme. */
export function cycleTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] as Theme
}

effect(() => {
  const { value } = theme
  if (value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = value
  try {
    localStorage.setItem(storageKey, value)
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
})

function read(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null
  }
}
