import fs from 'node:fs'

/** The worst that was seen of a process while it was watched. */
export interface Watched {
  /** Longest time between two turns of the event loop that were due at once, ms. */
  readonly longestBlock: number
  /** The same in processor time of the main thread, ms: what is left when other processes have to do as well. */
  readonly longestWork: number
  /** What was in flight then. */
  readonly during: string
  readonly peakMegabytes: number
}

/** How often the loop is asked for a turn, ms. */
const interval = 10

/** Watches the event loop and the memory of this process; `inWork` names what it does at the moment. */
export class Watch {
  #longestBlock = 0
  #longestWork = 0
  #during = ''
  #peak = 0
  #last = performance.now()
  #lastWork = processorTime()
  readonly #timer: NodeJS.Timeout

  constructor(inWork: () => string) {
    this.#timer = setInterval(() => this.#look(inWork), interval)
  }

  /** The worst so far. */
  get seen(): Watched {
    return {
      longestBlock: this.#longestBlock,
      longestWork: this.#longestWork,
      during: this.#during,
      peakMegabytes: this.#peak / 2 ** 20
    }
  }

  end(): Watched {
    clearInterval(this.#timer)
    return this.seen
  }

  #look(inWork: () => string): void {
    const now = performance.now()
    const work = processorTime()
    const block = now - this.#last - interval
    const worked = Math.min(work === null || this.#lastWork === null ? block : work - this.#lastWork, block)
    this.#longestBlock = Math.max(this.#longestBlock, block)
    if (worked > this.#longestWork) {
      this.#longestWork = worked
      this.#during = inWork()
    }
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
    this.#last = now
    this.#lastWork = work
  }
}

/** Processor time of the main thread, ms; null where the system does not tell. */
function processorTime(): number | null {
  try {
    const [nanoseconds] = fs.readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    return null
  }
}
