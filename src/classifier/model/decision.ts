import type { Answer, NodeProbabilities } from '../types.ts'
import type { Taxonomy } from './taxonomy.ts'

/** Minimum marginal probability of a predicted node. */
const minProbability = 0.5

/** Values by days from the first to the latest detection: the first entry whose `untilDays` is not exceeded applies. */
export type ByDays = readonly { readonly untilDays: number | null; readonly value: number }[]

/** The value for a light curve of this length in days. */
export function valueAt(entries: ByDays, days: number): number | undefined {
  return entries.find(({ untilDays }) => untilDays === null || days <= untilDays)?.value
}

/** A power of the prior: one, or by days. */
export type PriorPower = number | ByDays

/** The power for a light curve of this length in days. */
export function priorPowerAt(power: PriorPower, days: number): number {
  return typeof power === 'number' ? power : (valueAt(power, days) ?? 0)
}

/** The rule by which a model predicts a node, from its card. */
export interface DecisionRule {
  /** The sibling with the greatest P/prior^π wins; this is π. 0: by P alone. */
  readonly priorPower: PriorPower
  /** Prior of every node in the taxonomy's order (share of the training set below it); null where π is 0. */
  readonly priors: Float64Array | null
}

/**
 * The predicted node. From the root on, it moves to the child that wins by the rule (the first of equals), as
 * long as the marginal probability of that child is at least 0.5. Null if no child of the root qualifies.
 * `days` is the time from the first to the latest detection.
 */
export function decide(
  taxonomy: Taxonomy,
  rule: DecisionRule,
  nodes: NodeProbabilities,
  days: number
): Answer['prediction'] {
  const power = priorPowerAt(rule.priorPower, days)
  let best = -1
  for (let parent = -1; ; parent = best) {
    const child = winner(taxonomy, rule, power, nodes, parent)
    if (child < 0 || (nodes.probability[child] as number) < minProbability) break
    best = child
  }
  if (best < 0) return null
  const path = taxonomy.path(best)
  return { node: path[path.length - 1] as string, probability: nodes.probability[best] as number, path }
}

/** Index of the winning child of a node (of the root: −1); −1 for a leaf. */
function winner(
  taxonomy: Taxonomy,
  rule: DecisionRule,
  power: number,
  nodes: NodeProbabilities,
  parent: number
): number {
  const group = taxonomy.siblings.find(siblings => taxonomy.parents[siblings[0] as number] === parent)
  let best = -1
  let highest = Number.NEGATIVE_INFINITY
  for (const child of group ?? []) {
    const score = weighed(rule, power, nodes.conditional[child] as number, child)
    if (score <= highest) continue
    best = child
    highest = score
  }
  return best
}

/** P and prior of siblings share a factor of their parent, so the conditional probability over the marginal prior ranks them equally. */
function weighed({ priors }: DecisionRule, power: number, conditional: number, node: number): number {
  if (priors === null || power === 0) return conditional
  return conditional / (priors[node] as number) ** power
}
