import { LRUCache } from 'lru-cache'

/** What the rule looks at. */
interface Ranked {
  readonly id: string
  readonly objectId: string
  /** In decimal digits: it exceeds 2^53. */
  readonly candid: string
  readonly jd: number
  readonly classifier: { readonly sha256: string }
  readonly lightCurve: { readonly revision: number }
}

type Rank = readonly [jd: number, candid: bigint, revision: number]

/** What a message is to a subscriber: seen before, the object's answer from now on, or older than its answer. */
export type Standing = 'duplicate' | 'current' | 'older'

/**
 * The rule of a subscriber: of messages with one id all but the first are duplicates; the answer of an object, for each
 * model, is its message with the greatest (`jd`, `candid`, `lightCurve.revision`), not the last one in the log. What was
 * seen long ago is forgotten.
 */
export class Answers {
  readonly #ids: LRUCache<string, true>
  readonly #best: LRUCache<string, Rank>

  /** `remembered`: how many ids, and how many objects' answers, are known at a time. */
  constructor(remembered = 200_000) {
    this.#ids = new LRUCache({ max: remembered })
    this.#best = new LRUCache({ max: remembered })
  }

  /** Takes a message and says what it is. */
  take(message: Ranked): Standing {
    if (this.#ids.has(message.id)) return 'duplicate'
    this.#ids.set(message.id, true)
    const key = `${message.objectId} ${message.classifier.sha256}`
    const rank: Rank = [message.jd, BigInt(message.candid), message.lightCurve.revision]
    const best = this.#best.get(key)
    if (best && compare(rank, best) < 0) return 'older'
    this.#best.set(key, rank)
    return 'current'
  }
}

function compare(some: Rank, other: Rank): number {
  for (const [at, value] of some.entries()) {
    const against = other[at] as number | bigint
    if (value !== against) return value > against ? 1 : -1
  }
  return 0
}
