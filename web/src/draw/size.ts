import type { RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

/** Size of an element and of a rem, px. */
export interface Room {
  readonly width: number
  readonly height: number
  readonly rem: number
}

/** Follows the size of an element. */
export function useRoom<T extends Element>(): [RefObject<T | null>, Room] {
  const element = useRef<T | null>(null)
  const [room, setRoom] = useState<Room>({ width: 0, height: 0, rem: 16 })
  useLayoutEffect(() => {
    if (!element.current) return
    const measure = ({ width, height }: { width: number; height: number }): void => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
      setRoom(old => (old.width === width && old.height === height && old.rem === rem ? old : { width, height, rem }))
    }
    measure(element.current.getBoundingClientRect())
    const observer = new ResizeObserver(entries => {
      const last = entries.at(-1)
      if (last) measure(last.contentRect)
    })
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [])
  return [element, room]
}
