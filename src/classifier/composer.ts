import type { ContextTerm } from './context-term.ts'
import type { Model } from './model-folder.ts'
import { priorTerms } from './population.ts'
import { nodeProbabilities } from './probabilities.ts'
import type { Taxonomy } from './taxonomy.ts'
import type { AlertView, Evidence, NodeProbabilities, Population } from './types.ts'

/** An answer before a class is named, and what the network alone said. */
export interface Composed {
  readonly nodes: NodeProbabilities
  readonly evidence: readonly Evidence[]
  /** Logits over temperature by node, without context and prior. */
  readonly logits: Float64Array
}

/**
 * Adds up what an answer rests on. The logit of a node is that of the light curve, plus the context term, plus the logarithm of
 * the population's share over that of the training. Row by row in double precision: the same to the bit in any batch.
 */
export class Composer {
  readonly #taxonomy: Taxonomy
  readonly #context: ContextTerm | null
  readonly #prior: Float64Array
  /** Whether there is anything to add to the network's logits. */
  readonly #plain: boolean
  readonly #roots: readonly number[]
  readonly #sum: Float64Array

  constructor(
    { taxonomy, context, priors }: Pick<Model, 'taxonomy' | 'context' | 'priors'>,
    population: Population | null
  ) {
    this.#taxonomy = taxonomy
    this.#context = context
    this.#prior = priorTerms(population, priors, taxonomy)
    this.#plain = context === null && this.#prior.every(term => term === 0)
    this.#sum = new Float64Array(taxonomy.nodes.length)
    this.#roots = taxonomy.siblings.find(group => taxonomy.parents[group[0] as number] === -1) ?? []
  }

  /** Composes the answer to one row of network logits (one a node, in the taxonomy's order). */
  compose(networkLogits: Float32Array, temperature: number, alert: AlertView | null): Composed {
    const size = networkLogits.length
    // Plain loops: the mapping functions of typed arrays cost several times as much.
    const logits = new Float64Array(size)
    for (let node = 0; node < size; node++) logits[node] = (networkLogits[node] as number) / temperature
    const context = new Float64Array(size)
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
    let largest = Number.NEGATIVE_INFINITY
    for (const node of this.#roots) largest = Math.max(largest, logits[node] as number)
    let total = 0
    for (const node of this.#roots) total += Math.exp((logits[node] as number) - largest)
    const level = largest + Math.log(total)
    return this.#roots.map(node => ({
      node: (this.#taxonomy.nodes[node] as Taxonomy['nodes'][number]).name,
      lightCurve: (logits[node] as number) - level,
      context: context[node] as number,
      prior: this.#prior[node] as number
    }))
  }
}
