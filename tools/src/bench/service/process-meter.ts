import fs from 'node:fs'

/** What a process had used at a moment. */
interface Sample {
  /** Epoch ms. */
  readonly at: number
  readonly cpuSeconds: number
}

/** Clock ticks a second in /proc; the same on every Linux that Node runs on. */
const ticks = 100

/** Follows the processor time of a process from outside, through /proc. Elsewhere than on Linux it knows nothing. */
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

  /** Processor time used between two moments (epoch ms), seconds; null where it can't be known. */
  cpuSeconds(from: number, to: number): number | null {
    const [start, end] = [this.#cpuAt(from), this.#cpuAt(to)]
    return start === null || end === null ? null : end - start
  }

  /** Largest resident memory that the process ever had, bytes; null where it can't be known. */
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
      const stat = fs.readFileSync(`/proc/${this.#pid}/stat`, 'utf8')
      // The name in brackets may hold anything: fields are counted after it.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      this.#samples.push({ at: Date.now(), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticks })
    } catch {
      // The process has ended, or there is no /proc.
    }
  }

  #cpuAt(at: number): number | null {
    const after = this.#samples.findIndex(sample => sample.at >= at)
    const next = this.#samples[after] ?? this.#samples.at(-1)
    const previous = this.#samples[after - 1]
    if (next === undefined) return null
    if (previous === undefined || next.at === previous.at) return next.cpuSeconds
    const share = Math.min(1, (at - previous.at) / (next.at - previous.at))
    return previous.cpuSeconds + share * (next.cpuSeconds - previous.cpuSeconds)
  }
}
