import type { Taxonomy } from './taxonomy.ts'
import type { NodeProbabilities } from './types.ts'

/**
 * Probabilities of every node from one row of logits (one a node, in the taxonomy's order): a softmax inside each group of
 * siblings, then products along the paths. In double precision and row by row, so that a row's result does not depend on
 * the batch it was computed in.
 */
export function nodeProbabilities(taxonomy: Taxonomy, logits: ArrayLike<number>, temperature = 1): NodeProbabilities {
  const conditional = new Float64Array(taxonomy.nodes.length)
  for (const group of taxonomy.siblings) {
    let largest = Number.NEGATIVE_INFINITY
    for (const node of group) largest = Math.max(largest, logits[node] as number)
    let total = 0
    for (const node of group) {
      const weight = Math.exp(((logits[node] as number) - largest) / temperature)
      conditional[node] = weight
      total += weight
    }
    for (const node of group) conditional[node] = (conditional[node] as number) / total
  }
  return { conditional, probability: marginals(taxonomy, conditional) }
}

/** What is said of an object without any detection: all siblings are equally likely. */
export function ignorance(taxonomy: Taxonomy): NodeProbabilities {
  const conditional = new Float64Array(taxonomy.nodes.length)
  for (const group of taxonomy.siblings) for (const node of group) conditional[node] = 1 / group.length
  return { conditional, probability: marginals(taxonomy, conditional) }
}

function marginals(taxonomy: Taxonomy, conditional: Float64Array): Float64Array {
  const probability = new Float64Array(conditional.length)
  for (let node = 0; node < conditional.length; node++) {
    const parent = taxonomy.parents[node] as number
    const above = parent < 0 ? 1 : (probability[parent] as number)
    probability[node] = above * (conditional[node] as number)
  }
  return probability
}
