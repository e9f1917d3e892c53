import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'

/** Settings of the weighted hierarchical cross-entropy (WHXE; Villar, de Soto & Gagliano 2023, arXiv:2312.02266). */
export interface WhxeOptions {
  /** Levels count by exp(−α h), h being the number of edges from the root. */
  readonly alpha: number
  /** Nodes count by W^β. */
  readonly beta: number
  /** What N_labels is: distinct labels among the events (as in the paper's code), or nodes of the tree, the root included. */
  readonly labelsCount: 'labels' | 'nodes'
}

/**
 * W(C) = N_all / (N_labels · N_C) of every node, N_C being the events whose label lies at C or below it; 0 for a node without
 * events. `labels` holds the node of each event's label (−1: the root).
 */
export function nodeWeights(
  taxonomy: Taxonomy,
  labels: Iterable<number>,
  labelsCount: WhxeOptions['labelsCount']
): Float64Array {
  const { counts, events, distinct } = countEvents(taxonomy, labels)
  const kinds = labelsCount === 'labels' ? distinct : taxonomy.nodes.length + 1
  return counts.map(count => (count > 0 ? events / (kinds * count) : 0))
}

/** Events at each node or below it, all events, and the number of distinct labels. */
export function countEvents(
  taxonomy: Taxonomy,
  labels: Iterable<number>
): { counts: Float64Array; events: number; distinct: number } {
  const counts = new Float64Array(taxonomy.nodes.length)
  const seen = new Set<number>()
  let events = 0
  for (const label of labels) {
    events += 1
    seen.add(label)
    for (let node = label; node >= 0; node = taxonomy.parents[node] as number)
      counts[node] = (counts[node] as number) + 1
  }
  return { counts, events, distinct: seen.size }
}

/** A factor of an event's loss: a node on the path to its label, that node's siblings, and W^β · exp(−α h). */
interface Term {
  readonly node: number
  readonly siblings: readonly number[]
  readonly factor: number
}

/**
 * The loss of one event: −Σ over the nodes C on the path to its label of W(C)^β · exp(−α h(C)) · log p(C | parent), where p is
 * the softmax of the logits within C's siblings. Labels may be inner nodes; below them nothing is asked. An only child
 * contributes 0.
 */
export class Whxe {
  readonly #terms: readonly (readonly Term[])[]

  /** `weights` are W of every node (`nodeWeights`). */
  constructor(taxonomy: Taxonomy, weights: Float64Array, { alpha, beta }: Pick<WhxeOptions, 'alpha' | 'beta'>) {
    const groupOf = new Map(taxonomy.siblings.flatMap(group => group.map(node => [node, group] as const)))
    this.#terms = taxonomy.nodes.map((_, label) => {
      const path: number[] = []
      for (let node = label; node >= 0; node = taxonomy.parents[node] as number) path.unshift(node)
      return path.map((node, depth): Term => {
        const factor = (weights[node] as number) ** beta * Math.exp(-alpha * (depth + 1))
        return { node, siblings: groupOf.get(node) ?? [node], factor }
      })
    })
  }

  /**
   * Loss of one event whose label is the node `label` (−1, the root: 0). Logits are read at `offset`, one a node in the taxonomy's
   * order. Where `gradient` is given, `scale` times the loss's derivative is written there at the same offset; it must
   * hold zeros before.
   */
  loss(
    logits: ArrayLike<number>,
    offset: number,
    label: number,
    gradient?: Float32Array | Float64Array,
    scale = 1
  ): number {
    let total = 0
    for (const { node, siblings, factor } of this.#terms[label] ?? []) {
      let largest = Number.NEGATIVE_INFINITY
      for (const other of siblings) largest = Math.max(largest, logits[offset + other] as number)
      let sum = 0
      for (const other of siblings) sum += Math.exp((logits[offset + other] as number) - largest)
      const logSum = largest + Math.log(sum)
      total += factor * (logSum - (logits[offset + node] as number))
      if (gradient === undefined) continue
      for (const other of siblings) {
        const p = Math.exp((logits[offset + other] as number) - logSum)
        gradient[offset + other] = scale * factor * (p - (other === node ? 1 : 0))
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
  const { counts: objects } = countEvents(taxonomy, labels)
  const byLabel = new Map<number, number>()
  for (const label of labels) byLabel.set(label, (byLabel.get(label) ?? 0) + 1)
  const drawn = new Float64Array(objects.length)
  for (const [label, count] of byLabel) {
    for (let node = label; node >= 0; node = taxonomy.parents[node] as number) drawn[node]! += count ** (1 - power)
  }
  return objects.map((count, node) => (count > 0 ? Math.log(count / (drawn[node] as number)) : 0))
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
    if (known.length === 0) continue
    const largest = Math.max(...known)
    for (const node of group) correction[node] = -beta * Math.log((weights[node] as number) || largest)
  }
  return correction
}
