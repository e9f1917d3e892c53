import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { hashedShare, type KnownObject } from '../data/labelled.ts'
import { isBelow } from '../tree.ts'

/** How labels are made less precise. */
export interface Coarseness {
  /** Share of the labels that are replaced by their parents. */
  readonly share: number
  /** A node, and the share of the labels below it that it replaces. */
  readonly coarsest: { readonly node: string; readonly share: number } | undefined
}

/**
 * Objects with less precise labels, as a survey has them that could not tell the subtype of each event. Only labels below the node
 * of `coarsest` change, where it is given; children of the root keep theirs. Which objects change follows from their ids: those of a smaller share
 * are among those of a larger one.
 */
export function withCoarseLabels(
  taxonomy: Taxonomy,
  objects: readonly KnownObject[],
  { share, coarsest }: Coarseness
): KnownObject[] {
  if (share === 0) return [...objects]
  const top = coarsest === undefined ? -1 : taxonomy.indexOf(coarsest.node)
  return objects.map(object => {
    const parent = taxonomy.parents[object.node] as number
    if (parent < 0 || (top >= 0 && !isBelow(taxonomy, object.node, top))) return object
    if (coarsest !== undefined && hashedShare(object.id, 'coarse-labels:coarsest') < coarsest.share)
      return { ...object, node: top }
    return hashedShare(object.id, 'coarse-labels:parent') < share ? { ...object, node: parent } : object
  })
}
