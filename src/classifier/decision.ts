import type { Taxonomy } from './taxonomy.ts'
import type { Answer, NodeProbabilities } from './types.ts'

/** A node is stood for while its marginal probability is at least this. */
export const standsFrom = 0.5

/** How a model turns probabilities into the node that it names, as its card states it. */
export interface DecisionRule {
  /** Power π of the prior that a candidate is weighed against: siblings compete by P/prior^π. 0: by P alone. */
  readonly priorPower: number
  /** Prior of every node in the taxonomy's order (share of the training set below it); null where π is 0. */
  readonly priors: Float64Array | null
}

/**
 * The deepest node that a model stands for: from the root down to the child that wins among its siblings by the rule (the
 * first of equals), as long as that child's marginal probability is at least 0.5. Null when that fails at the first step.
 */
export function decide(taxonomy: Taxonomy, rule: DecisionRule, nodes: NodeProbabilities): Answer['prediction'] {
  let best = -1
  for (let parent = -1; ; parent = best) {
    const child = winner(taxonomy, rule, nodes, parent)
    if (child < 0 || (nodes.probability[child] as number) < standsFrom) break
    best = child
  }
  if (best < 0) return null
  const path = taxonomy.path(best)
  return { node: path[path.length - 1] as string, probability: nodes.probability[best] as number, path }
}

/** Index of the winning child of a node (of the root: −1); −1 for a leaf. */
function winner(taxonomy: Taxonomy, rule: DecisionRule, nodes: NodeProbabilities, parent: number): number {
  const group = taxonomy.siblings.find(siblings => taxonomy.parents[siblings[0] as number] === parent)
  let best = -1
  let highest = Number.NEGATIVE_INFINITY
  for (const child of group ?? []) {
    const score = weighed(rule, nodes.conditional[child] as number, child)
    if (score <= highest) continue
    best = child
    highest = score
  }
  return best
}

/** Siblings share the parent's factor in P and in the prior, so conditional over marginal prior ranks them the same. */
function weighed(rule: DecisionRule, conditional: number, node: number): number {
  if (rule.priors === null || rule.priorPower === 0) return conditional
  return conditional / (rule.priors[node] as number) ** rule.priorPower
}
