import type { LightCurve } from '../lightcurves/curve/light-curve.ts'
import type { AlertContext } from '../lightcurves/points/observation.ts'

/** One node of a taxonomy with its parent; the root's parent is null. */
export interface TaxonomyNode {
  readonly name: string
  readonly parent: string | null
  readonly description?: string
}

/** Probabilities of every node but the root, in the taxonomy's order (parents before children). */
export interface NodeProbabilities {
  /** P(node | parent); siblings sum to 1. */
  readonly conditional: Float64Array
  /** P(node): the product along the path from the root. */
  readonly probability: Float64Array
}

/** The result of a model for one light curve at one time. */
export interface Answer extends NodeProbabilities {
  /** The predicted node, its probability and its path from below the root; null for none. */
  readonly prediction: { readonly node: string; readonly probability: number; readonly path: readonly string[] } | null
  /** How much the object differs from the training set, 0–1; null for a model without novelty. */
  readonly novelty: number | null
  /** One entry for each child of the root, in the taxonomy's order. */
  readonly evidence: readonly Evidence[]
}

/** Three log terms of a child of the root. The softmax of their sums over the children gives the conditional probabilities. */
export interface Evidence {
  readonly node: string
  /** Term of the light curve, for the class mix of the training set. */
  readonly lightCurve: number
  /** Term of the other fields of the packet; 0 without them, and for a model without a context term. */
  readonly context: number
  /** ln(share in the population / share in the training set). */
  readonly prior: number
}

/** A class mix: shares of siblings, by node. Groups of siblings without shares keep the mix of the training set. */
export interface Population {
  /** Name in the card; `custom` for configured shares. */
  readonly name: string
  readonly shares: Readonly<Record<string, number>>
}

/** A light curve to classify at one time, with a cached state if there is one. */
export interface Question {
  readonly curve: LightCurve
  /** Julian date, days: only points with `jd` ≤ this are used. */
  readonly jd: number
  /** Cached `Reply.state` of this model for this object, of any earlier time; null if there is none. */
  readonly state: Uint8Array | null
  /** Magnitude and context of the alert; null to use the light curve alone. */
  readonly alert: AlertView | null
}

/** The part of an alert that a context term uses. */
export interface AlertView {
  /** Julian date, days. */
  readonly jd: number
  /** `magpsf`, mag. */
  readonly magnitude: number
  readonly context: AlertContext
}

/** The answer to a question, with the state to cache for the next one. */
export interface Reply {
  readonly answer: Answer
  /** To be cached with the object under the model's SHA-256. Without it the answer is the same but takes longer. */
  readonly state: Uint8Array
  /** Number of network steps: 1 for one new detection with a valid state. */
  readonly steps: number
}

/** A pretrained model, loaded and probed. */
export interface Classifier {
  readonly name: string
  readonly version: string
  /** SHA-256 over the model's files, hex. */
  readonly sha256: string
  readonly taxonomy: string
  readonly taxonomyVersion: string
  /** Nodes without the root, parents before children. */
  readonly nodes: readonly TaxonomyNode[]
  /** Name of the root node. */
  readonly root: string
  /** What computes its network: `wasm` (`kernel.ts`) or `node` (tfjs-node). */
  readonly runtime: string
  /** The class mix to which the probabilities apply; null for a model whose card has none. */
  readonly population: Population | null
  /**
   * Classifies all questions in batches. The bytes of an answer depend neither on the other questions nor on
   * the cached states. Yields to the event loop between network steps.
   */
  classify(questions: readonly Question[]): Promise<Reply[]>
  /** Number of live tensors of TensorFlow.js; it grows only if there is a leak. 0 on the runtime `wasm`. */
  tensors(): number
  dispose(): void
}
