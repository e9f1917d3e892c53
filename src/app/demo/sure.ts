import { LRUCache } from 'lru-cache'
import type { Classification } from '../../messages/classification.ts'

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
}

/** From this probability on a class is called sure. */
export const sureFrom = 0.9

/** Objects whose beginning is remembered. */
const remembered = 20_000

/**
 * Follows the answers of a stream and says once of each object when its class becomes sure: a node below the first level
 * of the taxonomy, on the path of the prediction, with a probability of at least {@link sureFrom}.
 */
export class SureWatch {
  readonly #first = new LRUCache<string, ReadonlyMap<string, number>>({ max: remembered })
  readonly #sure = new LRUCache<string, true>({ max: remembered })
  readonly #classes = new Map<string, number>()
  #objects = 0

  /** Objects answered so far. */
  get objects(): number {
    return this.#objects
  }

  /** Objects that became sure so far, by node. */
  get classes(): ReadonlyMap<string, number> {
    return this.#classes
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
    if (!prediction || this.#sure.has(objectId)) return null
    const probabilities = new Map(nodes.map(node => [node.name, node.probability]))
    const first = this.#first.get(objectId)
    if (!first) {
      this.#objects += 1
      this.#first.set(objectId, probabilities)
    }
    const depth = prediction.path.findLastIndex(name => (probabilities.get(name) ?? 0) >= sureFrom)
    if (depth < 1) return null
    const node = prediction.path[depth] as string
    this.#sure.set(objectId, true)
    this.#first.delete(objectId)
    this.#classes.set(node, (this.#classes.get(node) ?? 0) + 1)
    return {
      objectId,
      node,
      path: prediction.path.slice(0, depth + 1),
      probability: probabilities.get(node) as number,
      atFirst: (first ?? probabilities).get(node) as number,
      detections: lightCurve.detections
    }
  }
}

/**
 * Chooses which news to show where there are too many to read: the class that was shown least so far, then the object
 * that changed most. What is not chosen is forgotten.
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
