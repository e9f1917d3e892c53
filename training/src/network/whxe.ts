import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { logSumExp } from 'hierax/classifier/probabilities/probabilities.ts'
import { tally } from '../collections.ts'
import type { Recipe } from '../recipe.ts'
import { lineage, sumsByNode } from '../tree.ts'

/** Settings of the weighted hierarchical cross-entropy. */
export type WhxeOptions = Pick<Recipe['loss'], 'alpha' | 'beta' | 'labelsCount'>

/**
 * W(C) = N_all / (N_labels · N_C) of every node, N_C being the events whose label lies at C or below it; 0 for a node without
 * events. `labels` holds the node of each event's label (−1: the root). N_labels is the number of distinct labels (as in the
 * paper's code), or of nodes of the tree, the root included.
 */
export function nodeWeights(
  taxonomy: Taxonomy,
  labels: readonly number[],
  labelsCount: WhxeOptions['labelsCount']
): Float64Array {
  const kinds = labelsCount === 'labels' ? new Set(labels).size : taxonomy.nodes.length + 1
  return sumsByNode(taxonomy, labels).map(count => (count > 0 ? labels.length / (kinds * count) : 0))
}

/** A factor of an event's loss: a node on the path to its label, that node's siblings, and W^β · exp(−α h). */
interface Term {
  readonly node: number
  readonly siblings: readonly number[]
  readonly factor: number
}

/**
 * The weighted hierarchical cross-entropy (WHXE; Villar, de Soto & Gagliano 2023, arXiv:2312.02266). The loss of one event is
 * −Σ over the nodes C on the path to its label of W(C)^β · exp(−α h(C)) · log p(C | parent), where h is the number of edges
 * from the root and p the softmax of the logits within C's siblings. Labels may be inner nodes; nodes below them do not count.
 * An only child contributes 0.
 */
export class Whxe {
  readonly #terms: readonly (readonly Term[])[]

  /** `weights` are W of every node (`nodeWeights`). */
  constructor(taxonomy: Taxonomy, weights: Float64Array, { alpha, beta }: Pick<WhxeOptions, 'alpha' | 'beta'>) {
    const groupOf = new Map(taxonomy.siblings.flatMap(group => group.map(node => [node, group] as const)))
    this.#terms = taxonomy.nodes.map((_, label) =>
      lineage(taxonomy, label)
        .reverse()
        .map((node, depth): Term => {
          const factor = (weights[node] as number) ** beta * Math.exp(-alpha * (depth + 1))
          return { node, siblings: groupOf.get(node) ?? [node], factor }
        })
    )
  }

  /**
   * Loss of one event whose label is the node `label` (−1, the root: 0), from its logits in the taxonomy's order. Where
   * `gradient` is given, `scale` times the loss's derivative is written there; it must hold zeros before.
   */
  loss(logits: ArrayLike<number>, label: number, gradient?: Float32Array | Float64Array, scale = 1): number {
    let total = 0
    for (const { node, siblings, factor } of this.#terms[label] ?? []) {
      const logSum = logSumExp(logits, siblings)
      total += factor * (logSum - (logits[node] as number))
      if (gradient === undefined) continue
      for (const other of siblings) {
        const p = Math.exp((logits[other] as number) - logSum)
        gradient[other] = scale * factor * (p - (other === node ? 1 : 0))
      }
    }
    return total
  }
}

/** The loss in which all nodes and levels count alike. */
export function unweightedWhxe(taxonomy: Taxonomy): Whxe {
  return new Whxe(taxonomy, new Float64Array(taxonomy.nodes.length).fill(1), { alpha: 0, beta: 0 })
}

/**
 * What to add to the logits so that conditionals learned from objects drawn unevenly are probabilities again: the logarithm of each
 * node's share of all objects over its share of the draws. `power` is that by which labels count less in the draws
 * the more objects they have (0: natural, 1: balanced).
 */
export function samplingCorrection(taxonomy: Taxonomy, labels: readonly number[], power: number): Float64Array {
  const byLabel = tally(labels)
  const draws = [...byLabel.values()].map(count => count ** (1 - power))
  const drawn = sumsByNode(taxonomy, byLabel.keys(), draws)
  return sumsByNode(taxonomy, labels).map((count, node) => (count > 0 ? Math.log(count / (drawn[node] as number)) : 0))
}

/**
 * What to add to the logits so that conditionals learned under weights W^β are probabilities again: dividing by W^β and
 * renormalising within siblings is adding −β ln W. A node without events (W = 0) never learned to be likely: it gets its
 * siblings' smallest.
 */
export function logitCorrection(taxonomy: Taxonomy, weights: Float64Array, beta: number): Float64Array {
  const correction = new Float64Array(weights.length)
  if (beta === 0) return correction
  for (const group of taxonomy.siblings) {
    const known = group.map(node => weights[node] as number).filter(weight => weight > 0)
    const largest = Math.max(...known)
    if (known.length === 0) continue
    for (const node of group) correction[node] = -beta * Math.log((weights[node] as number) || largest)
  }
  return correction
}
