import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'

/** A node and the nodes above it, from the node up; empty for the root (−1). */
export function lineage({ parents }: Pick<Taxonomy, 'parents'>, node: number): number[] {
  const nodes: number[] = []
  for (let at = node; at >= 0; at = parents[at] as number) nodes.push(at)
  return nodes
}

/** Whether a node is another or lies below it. */
export function isAtOrBelow(taxonomy: Taxonomy, node: number, other: number): boolean {
  return lineage(taxonomy, node).includes(other)
}

/** Whether a node lies below another. */
export function isBelow(taxonomy: Taxonomy, node: number, other: number): boolean {
  return node !== other && isAtOrBelow(taxonomy, node, other)
}

/** The child of the root at or above a node; −1 for the root. */
export function topOf(taxonomy: Taxonomy, node: number): number {
  return lineage(taxonomy, node).at(-1) ?? -1
}

/** Edges from a node to a label's node; 0 where it lies at or below the label. */
export function treeDistance(taxonomy: Taxonomy, node: number, label: number): number {
  if (isAtOrBelow(taxonomy, node, label)) return 0
  const above = [...lineage(taxonomy, label), -1]
  const path = [...lineage(taxonomy, node), -1]
  const up = path.findIndex(each => above.includes(each))
  return up + above.indexOf(path[up] as number)
}

/** Sum of the weights of the labels at or below each node; every label counts 1 where no weights are given. */
export function sumsByNode(taxonomy: Taxonomy, labels: Iterable<number>, weights?: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(taxonomy.nodes.length)
  let at = 0
  for (const label of labels) {
    const weight = weights?.[at++] ?? 1
    for (const node of lineage(taxonomy, label)) sums[node]! += weight
  }
  return sums
}

/** Name of the parent of a group of siblings. */
export function parentOf(taxonomy: Taxonomy, siblings: readonly number[]): string {
  return taxonomy.nodes[taxonomy.parents[siblings[0] as number] as number]?.name ?? taxonomy.root
}
