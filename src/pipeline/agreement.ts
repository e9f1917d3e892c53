import type { Answer, TaxonomyNode } from '../classifier/types.ts'

/**
 * How the predictions of two models relate. `same`: the same node; `ancestor`: one is above the other, so that one model is only less
 * certain; `different`: neither; `incomparable`: no node on the path of a prediction is in both taxonomies.
 */
export const agreements = ['same', 'ancestor', 'different', 'incomparable'] as const
export type Agreement = (typeof agreements)[number]

type Prediction = Pick<NonNullable<Answer['prediction']>, 'path'> | null
type Nodes = readonly Pick<TaxonomyNode, 'name'>[]

/**
 * Compares predictions of two models that may have different taxonomies: at the deepest nodes of their paths whose names are in both. In
 * one taxonomy these are the predicted nodes. No prediction counts as the root, which is above all nodes.
 */
export function comparerOf(some: Nodes, others: Nodes): (a: Prediction, b: Prediction) => Agreement {
  const names = new Set(others.map(({ name }) => name))
  const shared = new Set(some.map(({ name }) => name).filter(name => names.has(name)))
  const sharedPath = (prediction: Prediction): readonly string[] =>
    (prediction?.path ?? []).filter(name => shared.has(name))
  return (a, b) => {
    const [pathOfA, pathOfB] = [sharedPath(a), sharedPath(b)]
    if ((a !== null && pathOfA.length === 0) || (b !== null && pathOfB.length === 0)) return 'incomparable'
    const [nodeOfA, nodeOfB] = [pathOfA.at(-1), pathOfB.at(-1)]
    if (nodeOfA === nodeOfB) return 'same'
    const isAbove =
      nodeOfA === undefined || nodeOfB === undefined || pathOfB.includes(nodeOfA) || pathOfA.includes(nodeOfB)
    return isAbove ? 'ancestor' : 'different'
  }
}
