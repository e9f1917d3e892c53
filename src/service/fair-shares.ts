/** What happened to a client that asked for a place. */
export type Admission<T> =
  | { readonly taken: true; readonly evicted: T | null }
  | { readonly taken: false; readonly limit: 'client' | 'total' }

export interface ShareLimits {
  /** Maximum number of places. */
  readonly total: number
  /** Maximum number of places of one client. */
  readonly perClient: number
}

/**
 * Shares a limited number of places among clients, so that none takes them all. When all are taken, a client with fewer places than
 * the largest one gets one of its places (max-min fairness).
 */
export class FairShares<T> {
  readonly #limits: ShareLimits
  readonly #victim: (held: ReadonlySet<T>) => T | undefined
  readonly #held = new Map<string, Set<T>>()
  #count = 0

  /** `victim` selects the place that the largest client loses; the oldest unless given. */
  constructor(limits: ShareLimits, victim: (held: ReadonlySet<T>) => T | undefined = ([oldest]) => oldest) {
    this.#limits = limits
    this.#victim = victim
  }

  /** Takes a place for `client`. A client without a limit of its own, such as a proxy, may take all that are free. */
  take(client: string, item: T, limited = true): Admission<T> {
    const own = this.#held.get(client) ?? new Set()
    if (limited && own.size >= this.#limits.perClient) return { taken: false, limit: 'client' }
    let evicted: T | null = null
    if (this.#count >= this.#limits.total) {
      const [largest, held] = this.#largest()
      const victim = held.size > own.size + 1 ? this.#victim(held) : undefined
      if (victim === undefined) return { taken: false, limit: 'total' }
      this.release(largest, victim)
      evicted = victim
    }
    this.#held.set(client, own.add(item))
    this.#count++
    return { taken: true, evicted }
  }

  /** Gives a place back; without effect if it was evicted before. */
  release(client: string, item: T): void {
    const own = this.#held.get(client)
    if (!own?.delete(item)) return
    this.#count--
    if (own.size === 0) this.#held.delete(client)
  }

  #largest(): [client: string, held: ReadonlySet<T>] {
    let largest: [string, ReadonlySet<T>] = ['', new Set()]
    for (const entry of this.#held) if (entry[1].size > largest[1].size) largest = entry
    return largest
  }
}
