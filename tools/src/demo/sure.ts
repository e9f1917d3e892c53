import type { Classification } from 'hierax/messages/classification.ts'
import { LRUCache } from 'lru-cache'

/** An object whose class has just become sure. */
export interface BecameSure {
  readonly objectId: string
  /** The deepest node that is sure, and its path from below the root, that node included. */
  readonly node: string
  readonly path: readonly string[]
  /** P(node) now, and at the object's first answer. */
  readonly probability: number
  readonly atFirst: number
  /** Detections that the answer rests on. */
  readonly detections: number
  /** Class that the object was made from; null where it is not known any more. */
  readonly label: string | null
  /** Whether the object is of that class; null where that can't be told. */
  readonly right: boolean | null
}

/** What is known of the objects of a stream. */
export interface Known {
  labelOf(objectId: string): string | null
  isRight(label: string, node: string): boolean | null
}

/** How often a class that was called sure was the right one. */
export interface Score {
  readonly right: number
  readonly wrong: number
  /** What was wrong, by published type and node: how often. */
  readonly mistakes: ReadonlyMap<string, number>
}

/** From this probability on a class is called sure. */
export const sureFrom = 0.95
/** And from so many detections on: a single one may be a minor planet that nobody knows yet, or an artefact. */
export const sureDetections = 2

/** Objects whose beginning is remembered. */
const remembered = 20_000

/** A stream of which nothing is known. */
const unknown: Known = { labelOf: () => null, isRight: () => null }

/**
 * Follows the answers of a stream and says of each object when its class becomes sure: a node on the path of the prediction with a
 * probability of at least {@link sureFrom}, after at least {@link sureDetections} detections. An object is news again when a deeper node becomes sure.
 */
export class SureWatch {
  readonly #known: Known
  readonly #seen = new LRUCache<string, ReadonlyMap<string, number>>({ max: remembered })
  readonly #sure = new LRUCache<string, { readonly node: string; readonly depth: number }>({ max: remembered })
  readonly #classes = new Map<string, number>()
  readonly #mistakes = new Map<string, number>()
  #objects = 0
  #right = 0
  #wrong = 0

  constructor(known: Known = unknown) {
    this.#known = known
  }

  /** Objects answered so far. */
  get objects(): number {
    return this.#objects
  }

  /** Objects that became sure so far, by the deepest node that did. */
  get classes(): ReadonlyMap<string, number> {
    return this.#classes
  }

  /** How often what was called sure was right. An object counts once for each node that it was called. */
  get score(): Score {
    return { right: this.#right, wrong: this.#wrong, mistakes: this.#mistakes }
  }

  /** Takes answers in the order in which they were published; returns those that made an object sure. */
  see(bodies: readonly Classification[]): BecameSure[] {
    const news: BecameSure[] = []
    for (const body of bodies) {
      const found = this.#judge(body)
      if (found) news.push(found)
    }
    return news
  }

  #judge({ objectId, prediction, nodes, lightCurve }: Classification): BecameSure | null {
    const probabilities = new Map(nodes.map(node => [node.name, node.probability]))
    const seen = this.#seen.get(objectId)
    if (!seen) this.#objects += 1
    // The first answer with probabilities is the beginning.
    const first = seen && seen.size > 0 ? seen : probabilities
    if (first !== seen) this.#seen.set(objectId, first)
    if (!prediction || lightCurve.detections < sureDetections) return null
    const before = this.#sure.get(objectId)
    const depth = prediction.path.findLastIndex(name => (probabilities.get(name) ?? 0) >= sureFrom)
    const node = prediction.path[depth]
    if (node === undefined || depth <= (before?.depth ?? -1)) return null
    this.#sure.set(objectId, { node, depth })
    if (before) this.#count(this.#classes, before.node, -1)
    this.#count(this.#classes, node, 1)
    const label = this.#known.labelOf(objectId)
    return {
      objectId,
      node,
      path: prediction.path.slice(0, depth + 1),
      probability: probabilities.get(node) as number,
      atFirst: first.get(node) as number,
      detections: lightCurve.detections,
      label,
      right: this.#check(label, node)
    }
  }

  #check(label: string | null, node: string): boolean | null {
    const right = label === null ? null : this.#known.isRight(label, node)
    if (right === true) this.#right += 1
    if (right === false) {
      this.#wrong += 1
      this.#count(this.#mistakes, `${label} as ${node}`, 1)
    }
    return right
  }

  #count(counts: Map<string, number>, name: string, change: number): void {
    const count = (counts.get(name) ?? 0) + change
    if (count > 0) counts.set(name, count)
    else counts.delete(name)
  }
}

/**
 * Chooses which news to show where there are too many to read: the class that was shown least so far, then the object
 * that changed most. What is not chosen is forgotten. Whether it is right has no say.
 */
export class NewsPicker {
  readonly #shown = new Map<string, number>()
  #waiting: BecameSure[] = []

  add(news: readonly BecameSure[]): void {
    this.#waiting.push(...news)
  }

  /** One of the news added since the last call; null when there are none. */
  take(): BecameSure | null {
    const [best] = this.#waiting.sort(
      (a, b) => this.#count(a) - this.#count(b) || b.probability - b.atFirst - (a.probability - a.atFirst)
    )
    this.#waiting = []
    if (!best) return null
    this.#shown.set(best.node, this.#count(best) + 1)
    return best
  }

  #count({ node }: BecameSure): number {
    return this.#shown.get(node) ?? 0
  }
}
