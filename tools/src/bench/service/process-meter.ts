import fs from 'node:fs'
import { cpuSecondsOf } from './cpu-time.ts'

/** A value that only grows, at a moment. */
export interface Sample {
  /** Epoch ms. */
  readonly at: number
  readonly value: number
}

/** Growth between two moments (epoch ms), linear between samples; null without samples. */
export function growth(samples: readonly Sample[], from: number, to: number): number | null {
  const valueAt = (at: number): number | null => {
    const after = samples.findIndex(sample => sample.at >= at)
    const next = samples[after] ?? samples.at(-1)
    const previous = samples[after - 1]
    if (next === undefined) return null
    if (previous === undefined || next.at === previous.at) return next.value
    const share = Math.min(1, (at - previous.at) / (next.at - previous.at))
    return previous.value + share * (next.value - previous.value)
  }
  const [start, end] = [valueAt(from), valueAt(to)]
  return start === null || end === null ? null : end - start
}

/** Samples the CPU time of a process through /proc; has no data outside Linux. */
export class ProcessMeter {
  readonly #pid: number
  readonly #samples: Sample[] = []
  readonly #timer: NodeJS.Timeout

  constructor(pid: number, interval = 50) {
    this.#pid = pid
    this.#sample()
    this.#timer = setInterval(() => this.#sample(), interval)
    this.#timer.unref()
  }

  stop(): void {
    this.#sample()
    clearInterval(this.#timer)
  }

  /** CPU time between two moments (epoch ms), seconds; null if unknown. */
  cpuSeconds(from: number, to: number): number | null {
    return growth(this.#samples, from, to)
  }

  /** Peak resident memory, bytes; null if unknown. */
  peakBytes(): number | null {
    try {
      const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1]
      return kilobytes === undefined ? null : Number(kilobytes) * 1024
    } catch {
      return null
    }
  }

  #sample(): void {
    try {
      this.#samples.push({ at: Date.now(), value: cpuSecondsOf(this.#pid) })
    } catch {
      // The process has ended, or there is no /proc.
    }
  }
}
