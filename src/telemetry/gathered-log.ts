/**
 * Logs frequent events: the first at once, and from then on at most one line in `pause` ms, with their number by kind since the last line.
 */
export class GatheredLog<Example> {
  readonly #pause: number
  readonly #log: (counts: Readonly<Record<string, number>>, first: Example) => void
  readonly #counts = new Map<string, number>()
  #first: Example | null = null
  #logged = Number.NEGATIVE_INFINITY

  /** `log` gets the number of events by kind, and the first of them. */
  constructor(pause: number, log: (counts: Readonly<Record<string, number>>, first: Example) => void) {
    this.#pause = pause
    this.#log = log
  }

  /** Records `count` events of a kind. */
  add(kind: string, example: Example, count = 1): void {
    this.#first ??= example
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count)
  }

  /** Logs what was recorded, if a line is due at `now` (ms of a steady clock). */
  write(now = performance.now()): void {
    if (this.#first === null || now - this.#logged < this.#pause) return
    this.#log(Object.fromEntries(this.#counts), this.#first)
    this.#logged = now
    this.#counts.clear()
    this.#first = null
  }
}
