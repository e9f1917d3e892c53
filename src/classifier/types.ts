import type { LightCurve } from '../lightcurves/light-curve.ts'
import type { AlertContext } from '../lightcurves/observation.ts'

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

/** The answer of a model for one light curve at one time. */
export interface Answer extends NodeProbabilities {
  /** The predicted node, its probability and its path from below the root; null for none. */
  readonly prediction: { readonly node: string; readonly probability: number; readonly path: readonly string[] } | null
  /** How little the object looks like the training set, 0–1; null for a model without a novelty probe. */
  readonly novelty: number | null
  /** One entry for each child of the root, in the taxonomy's order. */
  readonly evidence: readonly Evidence[]
}

/** Three log terms whose sum, by a softmax over the children of the root, gives a child's conditional probability. */
export interface Evidence {
  readonly node: string
  /** What the light curve says, at the class mix of the training. */
  readonly lightCurve: number
  /** What the packet's other fields say; 0 without them, and for a model without a context term. */
  readonly context: number
  /** Logarithm of the population's share over that of the training. */
  readonly prior: number
}

/** A class mix: shares of siblings, by node. Groups of siblings that are not named keep the mix of the training. */
export interface Population {
  /** As the card names it; `custom` for shares that a user gave. */
  readonly name: string
  readonly shares: Readonly<Record<string, number>>
}

/** What to classify: a light curve up to a time, with the cached state of an earlier step where there is one. */
export interface Question {
  readonly curve: LightCurve
  /** Julian date, days: only points with `jd` ≤ this are used. */
  readonly jd: number
  /** Cached state of this model for this object as `Reply.state` gave it, of any earlier time; null where there is none. */
  readonly state: Uint8Array | null
  /** Magnitude and context of the alert that is answered; null where there is none: the light curve speaks alone. */
  readonly alert: AlertView | null
}

/** What a context term sees of an alert. */
export interface AlertView {
  /** Julian date, days. */
  readonly jd: number
  /** `magpsf`, mag. */
  readonly magnitude: number
  readonly context: AlertContext
}

/** The answer to a question, with the state to keep for the next one. */
export interface Reply {
  readonly answer: Answer
  /** To be cached with the object under the model's SHA-256; only ever a cache: a missing one gives the same answer. */
  readonly state: Uint8Array
  /** Network steps that this answer took: 1 for one new detection on a valid state. */
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
  /** TensorFlow.js backend that runs it: `wasm` or `node`. */
  readonly runtime: string
  /** The class mix for which probabilities are given; null for a model whose card has none. */
  readonly population: Population | null
  /**
   * Answers all questions, batched over objects. The bytes of an answer do not depend on the other questions, nor on
   * the states given. Yields to the event loop between network steps.
   */
  classify(questions: readonly Question[]): Promise<Reply[]>
  /** Live tensors, to show a leak. */
  tensors(): number
  dispose(): void
}
