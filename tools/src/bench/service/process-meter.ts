import fs from 'node:fs'

interface Sample {
  /** Epoch ms. */
  readonly at: number
  readonly cpuSeconds: number
}

/** Clock ticks per second in /proc on every Linux that Node supports. */
const ticks = 100

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
    const [start, end] = [this.#cpuAt(from), this.#cpuAt(to)]
    return start === null || end === null ? null : end - start
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
      const stat = fs.readFileSync(`/proc/${this.#pid}/stat`, 'utf8')
      // The process name in parentheses may contain anything: count fields after it.
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
