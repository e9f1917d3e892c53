import { useEffect, useRef, useState } from 'preact/hooks'

const duration = 700

/** Whether the user prefers reduced motion. */
export const calm = matchMedia('(prefers-reduced-motion: reduce)')

/** Animates numbers to their new values. A change of length or `key` takes effect at once. */
export function useTween(target: readonly number[], key: string): readonly number[] {
  const [shown, show] = useState(target)
  const state = useRef({ key, shown: target, frame: 0 })
  const goal = target.join()
  useEffect(() => {
    const { current } = state
    const to = goal === '' ? [] : goal.split(',').map(Number)
    cancelAnimationFrame(current.frame)
    const from = current.shown
    const immediate = calm.matches || current.key !== key || from.length !== to.length || document.hidden
    current.key = key
    if (immediate) {
      current.shown = to
      show(to)
      return
    }
    const began = performance.now()
    const step = (now: number): void => {
      const part = Math.min(1, Math.max(0, (now - began) / duration))
      const eased = 1 - (1 - part) ** 3
      current.shown = to.map((value, index) => (from[index] ?? 0) + (value - (from[index] ?? 0)) * eased)
      show(current.shown)
      if (part < 1) current.frame = requestAnimationFrame(step)
    }
    current.frame = requestAnimationFrame(step)
    return () => cancelAnimationFrame(current.frame)
  }, [goal, key])
  return shown.length === target.length ? shown : target
}
