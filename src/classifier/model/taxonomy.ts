import { z } from 'zod'
import { shown } from '../../errors.ts'
import type { TaxonomyNode } from '../types.ts'
import { nodeName, parseJson, type Refuse, refuserOf } from './model-file.ts'

/**
 * A checked tree of classes. Nodes are indexed without the root, parents before children (depth first, siblings as in
 * the file); that is the order of every array of probabilities.
 */
export interface Taxonomy {
  readonly name: string
  readonly version: string
  readonly root: string
  readonly nodes: readonly TaxonomyNode[]
  /** Index of each node's parent; −1 for the children of the root. */
  readonly parents: Int32Array
  /** Indices of each group of siblings. */
  readonly siblings: readonly (readonly number[])[]
  /** Node of each published label: a leaf, an inner node, or the root (no information). */
  readonly labels: ReadonlyMap<string, string>
  /** Ids of the ELAsTiCC taxonomy that nodes, or the root, have in the file. */
  readonly classIds: ReadonlyMap<string, number>
  /** Index of a node by name in any Unicode normalisation; −1 for the root and for a name that is not in the tree. */
  indexOf(name: string): number
  /** Names from below the root to the node at an index, that node included. */
  path(index: number): string[]
  /** Indices of the nodes below the one at an index (all nodes for −1), in order. */
  descendants(index: number): number[]
}

const text = z.string().trim().min(1).max(200)
const name = nodeName
  .trim()
  .min(1)
  .max(200)
  // Objects of JSON are keyed by nodes in cards and results, and readers in JavaScript lose this key.
  .refine(name => name !== '__proto__', 'a node cannot be named "__proto__"; choose another name')
const shape = z.strictObject({
  name: text,
  version: text,
  root: name,
  description: z.string().optional(),
  nodes: z
    .array(
      z.strictObject({
        name,
        parent: name.nullable().optional(),
        description: z.string().optional(),
        classId: z.int32().nonnegative().optional()
      })
    )
    .min(1),
  labels: z.union([z.record(z.string(), nodeName), z.array(z.tuple([z.string(), nodeName]))]).default({})
})
type TaxonomyFile = z.infer<typeof shape>
type FileNode = TaxonomyFile['nodes'][number]

/**
 * Reads a taxonomy file: `{name, version, root, nodes: [{name, parent, description?, classId?}], labels}`, where `labels` maps published
 * labels to nodes, as an object or as a list of pairs. The root may be listed among the nodes (with no parent) or not. Names and labels
 * are normalised to NFC.
 * `origin` names the file in errors. Throws TAXONOMY_INVALID.
 */
export function parseTaxonomy(text: string, origin = 'taxonomy'): Taxonomy {
  const refuse: Refuse = refuserOf(origin, 'TAXONOMY_INVALID')
  const file = parseJson(text, shape, refuse)
  const listed = new Map<string, FileNode>()
  for (const node of file.nodes) {
    if (listed.has(node.name)) refuse(`two nodes are named ${shown(node.name)}`)
    listed.set(node.name, node)
  }
  const nodes = depthFirst(file.root, childrenByParent(file, listed, refuse))
  if (nodes.length === 0) refuse(`the root ${shown(file.root)} has no children`)
  const reached = new Set(nodes.map(node => node.name))
  const unreached = file.nodes.find(({ name }) => name !== file.root && !reached.has(name))
  if (unreached !== undefined) {
    const names = cycle(unreached.name, listed).map(each => shown(each))
    refuse(`the nodes ${names.join(' → ')} form a cycle`)
  }
  return build(file, nodes, labelMap(file, reached, refuse))
}

function childrenByParent(
  { root, nodes }: TaxonomyFile,
  listed: ReadonlyMap<string, FileNode>,
  refuse: Refuse
): Map<string, FileNode[]> {
  const children = new Map<string, FileNode[]>()
  for (const node of nodes) {
    const { name, parent = null } = node
    if (name === root) {
      if (parent !== null) refuse(`the root ${shown(root)} has the parent ${shown(parent)}`)
      continue
    }
    if (parent === null) return refuse(`two roots: ${shown(root)} and ${shown(name)}, which has no parent`)
    if (parent !== root && !listed.has(parent)) refuse(`the parent ${shown(parent)} of ${shown(name)} is not a node`)
    children.set(parent, [...(children.get(parent) ?? []), node])
  }
  return children
}

function depthFirst(root: string, children: ReadonlyMap<string, FileNode[]>): TaxonomyNode[] {
  const nodes: TaxonomyNode[] = []
  const open = (children.get(root) ?? []).toReversed()
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const description = node.description === undefined ? {} : { description: node.description }
    nodes.push({ name: node.name, parent: node.parent as string, ...description })
    open.push(...(children.get(node.name) ?? []).toReversed())
  }
  return nodes
}

/** The cycle that the parents of a node end in, for a node whose parents never lead to the root. */
function cycle(start: string, listed: ReadonlyMap<string, FileNode>): string[] {
  const seen: string[] = []
  let name = start
  while (!seen.includes(name)) {
    seen.push(name)
    name = listed.get(name)?.parent as string
  }
  return [...seen.slice(seen.indexOf(name)), name]
}

function labelMap(file: TaxonomyFile, reached: ReadonlySet<string>, refuse: Refuse): Map<string, string> {
  const labels = new Map<string, string>()
  const parents = new Map(file.nodes.map(({ name, parent }) => [name, parent ?? null]))
  const pairs = Array.isArray(file.labels) ? file.labels : Object.entries(file.labels)
  const above = (node: string | null): string[] => {
    const names: string[] = []
    for (let at = node; at !== null && at !== file.root; at = parents.get(at) ?? null) names.push(at)
    return names
  }
  for (const [written, node] of pairs) {
    const label = written.normalize('NFC')
    if (labels.has(label)) refuse(`the label ${shown(label)} is mapped twice`)
    if (node !== file.root && !reached.has(node)) {
      refuse(`the label ${shown(label)} is mapped to ${shown(node)}, which is not a node`)
    }
    if (reached.has(label) && node !== file.root && !above(node).includes(label) && !above(label).includes(node)) {
      refuse(
        `the label ${shown(label)} is mapped to ${shown(node)}, but there is a node ${shown(label)}; map it to that node, to one above or below it, or leave it out`
      )
    }
    labels.set(label, node)
  }
  return labels
}

function build(file: TaxonomyFile, nodes: readonly TaxonomyNode[], labels: ReadonlyMap<string, string>): Taxonomy {
  const indices = new Map(nodes.map((node, index) => [node.name, index]))
  const indexOf = (name: string): number => indices.get(name) ?? indices.get(name.normalize('NFC')) ?? -1
  const parents = Int32Array.from(nodes, node => indexOf(node.parent as string))
  const groups = new Map<number, number[]>()
  parents.forEach((parent, index) => {
    groups.set(parent, [...(groups.get(parent) ?? []), index])
  })
  const path = (index: number): string[] => {
    const names: string[] = []
    for (let at = index; at >= 0; at = parents[at] as number) names.push((nodes[at] as TaxonomyNode).name)
    return names.reverse()
  }
  const descendants = (index: number): number[] => {
    const below = new Set([index])
    const found: number[] = []
    parents.forEach((parent, child) => {
      if (!below.has(parent)) return
      below.add(child)
      found.push(child)
    })
    return found
  }
  const { name, version, root } = file
  const classIds = new Map(file.nodes.flatMap(({ name, classId }) => (classId === undefined ? [] : [[name, classId]])))
  return {
    ...{ name, version, root, nodes, parents, siblings: [...groups.values()], labels, classIds },
    ...{ indexOf, path, descendants }
  }
}
