import type { Classification } from 'hierax/messages/classification.ts'
import { LRUCache } from 'lru-cache'

/** An object that has just been given a confident class. */
export interface ConfidentClass {
  readonly objectId: string
  /** The deepest confident node, and its path from below the root, that node included. */
  readonly node: string
  readonly path: readonly string[]
  /** P(node) now, and in the object's first classification. */
  readonly probability: number
  readonly initialProbability: number
  /** Detections in the light curve that was classified. */
  readonly detections: number
  /** Class that the object was simulated from; null if no longer known. */
  readonly label: string | null
  /** Whether the class is the true one; null if the label does not say. */
  readonly correct: boolean | null
}

/** The true classes of a stream's objects. */
export interface Labels {
  labelOf(objectId: string): string | null
  isCorrect(label: string, node: string): boolean | null
}

/** How often a confident class was the true one. */
export interface Score {
  readonly correct: number
  readonly wrong: number
  /** Number of wrong classes by `label as node`. */
  readonly mistakes: ReadonlyMap<string, number>
}

/** A class is confident from this probability on. */
export const confidentProbability = 0.95
/** Fewer detections make no class confident: a single one may be an uncatalogued minor planet or an artefact. */
export const confidentDetections = 2

/** Objects whose first classification is kept. */
const trackedObjects = 20_000

const noLabels: Labels = { labelOf: () => null, isCorrect: () => null }

/**
 * Follows the classifications of a stream and reports each object when its class becomes confident: a node on the path of the
 * prediction has at least {@link confidentProbability} after at least {@link confidentDetections} detections. An object is
 * reported again when a deeper node becomes confident.
 */
export class ConfidenceTracker {
  readonly #labels: Labels
  readonly #initial = new LRUCache<string, ReadonlyMap<string, number>>({ max: trackedObjects })
  readonly #confident = new LRUCache<string, { readonly node: string; readonly depth: number }>({ max: trackedObjects })
  readonly #classes = new Map<string, number>()
  readonly #mistakes = new Map<string, number>()
  #objects = 0
  #correct = 0
  #wrong = 0

  constructor(labels: Labels = noLabels) {
    this.#labels = labels
  }

  /** Objects seen so far. */
  get objects(): number {
    return this.#objects
  }

  /** Objects with a confident class so far, by their deepest confident node. */
  get classes(): ReadonlyMap<string, number> {
    return this.#classes
  }

  /** How often a confident class was the true one. An object counts once for each node reported. */
  get score(): Score {
    return { correct: this.#correct, wrong: this.#wrong, mistakes: this.#mistakes }
  }

  /** Takes classifications in the order of publication; returns the objects that became confident. */
  add(bodies: readonly Classification[]): ConfidentClass[] {
    return bodies.map(body => this.#add(body)).filter(found => found !== null)
  }

  #add({ objectId, prediction, nodes, lightCurve }: Classification): ConfidentClass | null {
    const probabilities = new Map(nodes.map(node => [node.name, node.probability]))
    const seen = this.#initial.get(objectId)
    if (!seen) this.#objects += 1
    // A message without probabilities is not the initial classification.
    const initial = seen && seen.size > 0 ? seen : probabilities
    if (initial !== seen) this.#initial.set(objectId, initial)
    if (!prediction || lightCurve.detections < confidentDetections) return null
    const before = this.#confident.get(objectId)
    const depth = prediction.path.findLastIndex(name => (probabilities.get(name) ?? 0) >= confidentProbability)
    const node = prediction.path[depth]
    if (node === undefined || depth <= (before?.depth ?? -1)) return null
    this.#confident.set(objectId, { node, depth })
    if (before) this.#count(this.#classes, before.node, -1)
    this.#count(this.#classes, node, 1)
    const label = this.#labels.labelOf(objectId)
    return {
      objectId,
      node,
      path: prediction.path.slice(0, depth + 1),
      probability: probabilities.get(node) as number,
      initialProbability: initial.get(node) as number,
      detections: lightCurve.detections,
      label,
      correct: this.#check(label, node)
    }
  }

  #check(label: string | null, node: string): boolean | null {
    const correct = label === null ? null : this.#labels.isCorrect(label, node)
    if (correct === true) this.#correct += 1
    if (correct === false) {
      this.#wrong += 1
      this.#count(this.#mistakes, `${label} as ${node}`, 1)
    }
    return correct
  }

  #count(counts: Map<string, number>, name: string, change: number): void {
    const count = (counts.get(name) ?? 0) + change
    if (count > 0) counts.set(name, count)
    else counts.delete(name)
  }
}

/**
 * Picks which objects to show when there are too many to read: the class shown least so far, then the greatest change of
 * probability, whether the class is correct or not. The others are dropped.
 */
export class HighlightPicker {
  readonly #shown = new Map<string, number>()
  #candidates: ConfidentClass[] = []

  add(objects: readonly ConfidentClass[]): void {
    this.#candidates.push(...objects)
  }

  /** One of the objects added since the last call; null if there are none. */
  take(): ConfidentClass | null {
    const change = ({ probability, initialProbability }: ConfidentClass) => probability - initialProbability
    const [best] = this.#candidates.sort((a, b) => this.#count(a) - this.#count(b) || change(b) - change(a))
    this.#candidates = []
    if (!best) return null
    this.#shown.set(best.node, this.#count(best) + 1)
    return best
  }

  #count({ node }: ConfidentClass): number {
    return this.#shown.get(node) ?? 0
  }
}
