import { Screen } from './screen.ts'

/** How far a long piece of work is, shown on a terminal. */
export interface Progress {
  /** So many more are done. */
  advance(count?: number): void
  /** Removes the bar; call it before anything else is printed, and at the end. */
  stop(): void
}

/** Where progress is shown. */
export interface ProgressOptions {
  /** How many there are; if that is not known (null), only count and rate are shown. */
  readonly total: number | null
  /** What is counted, in the plural. */
  readonly unit: string
  readonly stream?: NodeJS.WriteStream
}

/** Least time between two updates, ms. */
const updateEvery = 100

const barWidth = 30

/** A progress bar on standard error; shows nothing if that is not a terminal. */
export function startProgress({ total, unit, stream = process.stderr }: ProgressOptions): Progress {
  if (!stream.isTTY) return { advance() {}, stop() {} }
  const screen = new Screen(stream)
  const began = performance.now()
  let done = 0
  let shown = began
  const show = (): void => {
    shown = performance.now()
    screen.status(progressLine(done, total, unit, (shown - began) / 1000))
  }
  const timer = setInterval(show, updateEvery).unref()
  return {
    advance(count = 1) {
      done += count
      // Work that keeps the event loop busy holds back the timer.
      if (performance.now() - shown >= updateEvery) show()
    },
    stop() {
      clearInterval(timer)
      shown = Number.POSITIVE_INFINITY
      screen.clear()
    }
  }
}

/** For example `█████░░░░░ 50% | 40/80 packets | 20/s | 2 s left`. */
export function progressLine(done: number, total: number | null, unit: string, seconds: number): string {
  const rate = done / Math.max(seconds, 1e-3)
  if (total === null) return `${done} ${unit} | ${Math.round(rate)}/s`
  const part = total > 0 ? Math.min(1, done / total) : 1
  const filled = Math.floor(part * barWidth)
  const left = done > 0 ? Math.max(0, Math.ceil((total - done) / rate)) : null
  const remaining = left === null ? '' : ` | ${left < 120 ? `${left} s` : `${Math.round(left / 60)} min`} left`
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
  return `${bar} ${Math.floor(100 * part)}% | ${done}/${total} ${unit} | ${Math.round(rate)}/s${remaining}`
}
