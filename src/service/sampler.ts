/** Time over which a sample is drawn, at least, ms: so long an event may wait. */
const shortest = 250

/**
 * Draws an even sample of what comes, of at most so many a second: a reservoir (Vitter 1985, algorithm R) for each window
 * of time, emptied at its end. Bursts are sampled as evenly as a steady flow, and memory is bounded.
 */
export class Sampler<T> {
  /** How often `take` is to be called, ms. */
  readonly windowMs: number
  readonly #size: number
  readonly #random: () => number
  #kept: T[] = []
  #seen = 0

  /** @param perSecond at least 0.01 */
  constructor(perSecond: number, random: () => number = Math.random) {
    this.windowMs = Math.max(shortest, 1000 / perSecond)
    this.#size = Math.max(1, Math.floor((perSecond * this.windowMs) / 1000))
    this.#random = random
  }

  offer(element: T): void {
    this.#seen++
    if (this.#kept.length < this.#size) {
      this.#kept.push(element)
      return
    }
    const place = Math.floor(this.#random() * this.#seen)
    if (place < this.#size) this.#kept[place] = element
  }

  /** What was drawn since the last call. */
  take(): T[] {
    const kept = this.#kept
    this.#kept = []
    this.#seen = 0
    return kept
  }
}
