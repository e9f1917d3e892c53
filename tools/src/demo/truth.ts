import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { type Family, familyOf } from '../simulator/family.ts'

/** Nodes for families whose labels a taxonomy does not map; the first that the taxonomy has is used. */
const nodesOfFamilies: Readonly<Partial<Record<Family, readonly string[]>>> = {
  supernova: ['Transient'],
  tde: ['TDE', 'Transient'],
  agn: ['AGN', 'Persistent'],
  nova: ['CV/Nova', 'Persistent'],
  cv: ['CV/Nova', 'Persistent'],
  periodic: ['Periodic', 'Persistent'],
  'long-period': ['LPV', 'Persistent'],
  'young-star': ['YSO', 'Persistent'],
  'flare-star': ['Persistent']
}

/** Checks a model's classes against the labels of simulated objects. */
export class Truth {
  readonly #taxonomy: Pick<Taxonomy, 'nodes' | 'labels'>
  readonly #parents: ReadonlyMap<string, string | null>

  constructor(taxonomy: Pick<Taxonomy, 'nodes' | 'labels'>) {
    this.#taxonomy = taxonomy
    this.#parents = new Map(taxonomy.nodes.map(({ name, parent }) => [name, parent]))
  }

  /**
   * Whether an object of a published type belongs to a node; null if the type is unknown to the taxonomy or less specific than the
   * node. Minor planets and artefacts belong to no node.
   */
  isCorrect(label: string, node: string): boolean | null {
    const family = familyOf(label)
    if (family === 'asteroid' || family === 'bogus') return false
    const own = this.#nodeOf(label, family)
    if (own === null) return null
    if (this.#path(own).includes(node)) return true
    // An "SN Ib/c" may be an SN Ib. A label that only falls back to a node, as a long-period variable to `Persistent`, is none of its children.
    return own === label && this.#path(node).includes(own) ? null : false
  }

  #nodeOf(label: string, family: Family): string | null {
    const named = this.#taxonomy.labels.get(label) ?? label
    if (this.#parents.has(named)) return named
    return nodesOfFamilies[family]?.find(name => this.#parents.has(name)) ?? null
  }

  /** A node and its ancestors. */
  #path(node: string): string[] {
    const path: string[] = []
    for (let name: string | null | undefined = node; name && path.length < 100; name = this.#parents.get(name))
      path.push(name)
    return path
  }
}
