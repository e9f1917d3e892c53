import fs from 'node:fs'

/** Maxima observed in a process. */
export interface Maxima {
  /** Longest delay of a turn of the event loop, ms of wall time. */
  readonly longestBlock: number
  /** The same in CPU time of the main thread, ms, which excludes other work on the machine. */
  readonly longestWork: number
  /** What was in flight during the longest work. */
  readonly during: string
  readonly peakMegabytes: number
}

/** Sampling interval, ms. */
const interval = 10

/** Samples event-loop delay and memory of this process; `inFlight` describes its current work. */
export class ProcessMonitor {
  #maxima: Maxima = { longestBlock: 0, longestWork: 0, during: '', peakMegabytes: 0 }
  #last = performance.now()
  #lastWork = cpuTime()
  readonly #timer: NodeJS.Timeout

  constructor(inFlight: () => string) {
    this.#timer = setInterval(() => this.#sample(inFlight), interval)
  }

  /** The maxima so far. */
  get maxima(): Maxima {
    return this.#maxima
  }

  stop(): Maxima {
    clearInterval(this.#timer)
    return this.#maxima
  }

  #sample(inFlight: () => string): void {
    const [now, work] = [performance.now(), cpuTime()]
    const block = now - this.#last - interval
    const worked = Math.min(work === null || this.#lastWork === null ? block : work - this.#lastWork, block)
    const { longestBlock, longestWork, during, peakMegabytes } = this.#maxima
    this.#maxima = {
      longestBlock: Math.max(longestBlock, block),
      longestWork: Math.max(longestWork, worked),
      during: worked > longestWork ? inFlight() : during,
      peakMegabytes: Math.max(peakMegabytes, process.memoryUsage.rss() / 2 ** 20)
    }
    this.#last = now
    this.#lastWork = work
  }
}

/** CPU time of the main thread, ms; null if the system does not provide it. */
function cpuTime(): number | null {
  try {
    const [nanoseconds] = fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    return null
  }
}
