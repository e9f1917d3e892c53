import type { Taxonomy } from '../model/taxonomy.ts'
import { doubles } from '../network/vectors.ts'
import type { AlertView, Evidence, NodeProbabilities, Population } from '../types.ts'
import type { ContextTerm } from './context.ts'
import { priorTerms } from './population.ts'

/*
 * From logits to probabilities, in double precision and row by row, so that the result of a row does not depend on its
 * batch. There is one logit per node, in the taxonomy's order. Plain loops are several times as fast as the mapping functions of
 * typed arrays.
 */

/** Probabilities of every node: a softmax inside each group of siblings, then products along the paths. */
export function nodeProbabilities(taxonomy: Taxonomy, logits: ArrayLike<number>, temperature = 1): NodeProbabilities {
  const conditional = doubles(taxonomy.nodes.length)
  for (const group of taxonomy.siblings) {
    const largest = largestOf(logits, group)
    let total = 0
    for (const node of group) {
      const weight = Math.exp(((logits[node] as number) - largest) / temperature)
      conditional[node] = weight
      total += weight
    }
    for (const node of group) conditional[node] = (conditional[node] as number) / total
  }
  return withMarginals(taxonomy, conditional)
}

/** The probabilities of an object without any detection: all siblings are equally likely. */
export function ignorance(taxonomy: Taxonomy): NodeProbabilities {
  const conditional = doubles(taxonomy.nodes.length)
  for (const group of taxonomy.siblings) for (const node of group) conditional[node] = 1 / group.length
  return withMarginals(taxonomy, conditional)
}

function withMarginals(taxonomy: Taxonomy, conditional: Float64Array): NodeProbabilities {
  const probability = doubles(conditional.length)
  for (let node = 0; node < conditional.length; node++) {
    const parent = taxonomy.parents[node] as number
    const above = parent < 0 ? 1 : (probability[parent] as number)
    probability[node] = above * (conditional[node] as number)
  }
  return { conditional, probability }
}

/** ln Σ exp(logit) over a group of siblings. */
export function logSumExp(logits: ArrayLike<number>, group: readonly number[]): number {
  const largest = largestOf(logits, group)
  let total = 0
  for (const node of group) total += Math.exp((logits[node] as number) - largest)
  return largest + Math.log(total)
}

function largestOf(logits: ArrayLike<number>, group: readonly number[]): number {
  let largest = Number.NEGATIVE_INFINITY
  for (const node of group) largest = Math.max(largest, logits[node] as number)
  return largest
}

/** Probabilities with their evidence. */
export interface Composed {
  readonly nodes: NodeProbabilities
  readonly evidence: readonly Evidence[]
  /** Logits of the network divided by the temperature, without context and prior. */
  readonly logits: Float64Array
}

/**
 * Adds the terms of the evidence. The logit of a node is the sum of the light-curve logit, the context term, and
 * ln(share in the population / share in the training set).
 */
export class Composer {
  readonly #taxonomy: Taxonomy
  readonly #context: ContextTerm | null
  readonly #prior: Float64Array
  /** Whether there is anything to add to the network's logits. */
  readonly #plain: boolean
  /** Children of the root. */
  readonly #top: readonly number[]
  readonly #sum: Float64Array
  readonly #terms: Float64Array

  /** `priors` are the shares of the nodes in training. */
  constructor(
    model: { taxonomy: Taxonomy; context: ContextTerm | null; priors: Float64Array | null },
    population: Population | null
  ) {
    const { taxonomy, context, priors } = model
    this.#taxonomy = taxonomy
    this.#context = context
    this.#prior = priorTerms(population, priors, taxonomy)
    this.#plain = context === null && this.#prior.every(term => term === 0)
    this.#sum = new Float64Array(taxonomy.nodes.length)
    this.#terms = new Float64Array(taxonomy.nodes.length)
    this.#top = taxonomy.siblings.find(group => taxonomy.parents[group[0] as number] === -1) ?? []
  }

  /** Computes probabilities and evidence from one row of network logits. */
  compose(networkLogits: Float32Array, temperature: number, alert: AlertView | null): Composed {
    const size = networkLogits.length
    const logits = doubles(size)
    for (let node = 0; node < size; node++) logits[node] = (networkLogits[node] as number) / temperature
    const context = this.#terms.fill(0)
    if (this.#plain) {
      const nodes = nodeProbabilities(this.#taxonomy, networkLogits, temperature)
      return { nodes, evidence: this.#evidence(logits, context), logits }
    }
    if (alert !== null) this.#context?.addTo(alert, context)
    const sum = this.#sum
    for (let node = 0; node < size; node++) {
      sum[node] = (logits[node] as number) + (context[node] as number) + (this.#prior[node] as number)
    }
    return { nodes: nodeProbabilities(this.#taxonomy, sum), evidence: this.#evidence(logits, context), logits }
  }

  #evidence(logits: Float64Array, context: Float64Array): Evidence[] {
    const level = logSumExp(logits, this.#top)
    return this.#top.map(node => ({
      node: (this.#taxonomy.nodes[node] as Taxonomy['nodes'][number]).name,
      lightCurve: (logits[node] as number) - level,
      context: context[node] as number,
      prior: this.#prior[node] as number
    }))
  }
}
