/** Without progress for so long, with something to do and nothing outside to wait for, the work is stuck: ms. */
const stuckAfter = 120_000

/** How often is looked whether there is an excuse, ms. */
const every = 5000

/** Who computes for a fifth of the time works: that counts a fifth, for what a batch may ask for is much, but not without end. */
const busyPart = 0.2

/** Lags that were reported longer ago tell nothing of now, ms. */
const fresh = 60_000

/** What else is known when it is asked whether work goes on. */
export interface Circumstances {
  /** Batches are in work. */
  readonly working: boolean
  /** The input can't be read at present, and tells so. */
  readonly unread: boolean
  /** The output or the store does not take anything, or the service is about to end. */
  readonly waits: boolean
}

/**
 * Tells work that is stuck from work that waits or has nothing to do. Time counts against it only while there is
 * something to do, nothing outside to wait for, and this process itself was awake.
 */
export class Progress {
  readonly #circumstances: () => Circumstances
  readonly #now: () => number
  readonly #computing: () => number
  readonly #timer: NodeJS.Timeout
  /** Lags above zero of partitions that are to be read now. */
  readonly #lags = new Map<string, number>()
  #lagsReported = Number.NEGATIVE_INFINITY
  #excused: number
  #looked: number
  #computed: number

  /** `now` and `computing` (processor time of this process) in ms. */
  constructor(circumstances: () => Circumstances, now = () => performance.now(), computing = processorTime) {
    this.#circumstances = circumstances
    this.#now = now
    this.#computing = computing
    this.#computed = computing()
    this.#excused = now()
    this.#looked = now()
    this.#timer = setInterval(() => this.stuck(), every).unref()
  }

  /** Something was brought to its end. */
  made(): void {
    this.#excused = this.#now()
  }

  /** Messages of a partition that wait; `held`: it is another one's turn. */
  lag(topic: string, partition: number, messages: number, held: boolean): void {
    // What came since the last look can't have been waited for before it.
    if (this.#lags.size === 0) this.stuck()
    const key = `${topic}/${partition}`
    if (messages > 0 && !held) this.#lags.set(key, messages)
    else this.#lags.delete(key)
    if (messages >= 0) this.#lagsReported = this.#now()
  }

  /** Whether the work is stuck. */
  stuck(): boolean {
    const now = this.#now()
    const unwatched = now - this.#looked
    this.#looked = now
    const computed = this.#computing() - this.#computed
    this.#computed += computed
    const { working, unread, waits } = this.#circumstances()
    const reachable = now - this.#lagsReported < fresh
    const toDo = working || (this.#lags.size > 0 && (reachable || !unread))
    if (!toDo || waits) this.#excused = now
    // This process was stopped, or its machine slept: nobody could have worked then.
    else if (unwatched > 4 * every) this.#excused += unwatched
    else if (working && computed > busyPart * unwatched) this.#excused += (1 - busyPart) * unwatched
    return now - this.#excused > stuckAfter
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
