import { parseDocument } from 'yaml'
import { z } from 'zod'
import { HieraxError, shown } from '../errors.ts'
import type { TaxonomyNode } from './types.ts'

/**
 * A tree of classes, checked. Nodes are indexed without the root, parents before children (depth first, siblings as in
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
  /** Node of each published label (a leaf or an inner node; the root too, which says nothing). */
  readonly labels: ReadonlyMap<string, string>
  /** Index of a node by name; −1 for the root and for a name that is not in the tree. */
  indexOf(name: string): number
  /** Names from below the root to the node at an index, that node included. */
  path(index: number): string[]
  /** Indices of the nodes below the one at an index (all nodes for −1), in order. */
  descendants(index: number): number[]
}

const name = z.string().trim().min(1).max(200)
const shape = z.strictObject({
  name,
  version: name,
  root: name,
  description: z.string().optional(),
  nodes: z
    .array(z.strictObject({ name, parent: name.nullable().optional(), description: z.string().optional() }))
    .min(1),
  labels: z.union([z.record(z.string(), z.string()), z.array(z.tuple([z.string(), z.string()]))]).default({})
})
type TaxonomyFile = z.infer<typeof shape>
type FileNode = TaxonomyFile['nodes'][number]

/**
 * Reads a taxonomy file: `{name, version, root, nodes: [{name, parent, description?}], labels}`, where `labels` maps published
 * labels to nodes, as an object or as a list of pairs. The root may be listed among the nodes (with no parent) or not.
 * `origin` names the file in errors. Throws TAXONOMY_INVALID.
 */
export function parseTaxonomy(text: string, origin = 'taxonomy'): Taxonomy {
  const file = readFile(text, origin)
  const fail = (message: string): never => {
    throw new HieraxError('TAXONOMY_INVALID', `${origin}: ${message}`)
  }
  const listed = new Map<string, FileNode>()
  for (const node of file.nodes) {
    if (listed.has(node.name)) fail(`two nodes are named ${shown(node.name)}`)
    listed.set(node.name, node)
  }
  checkRoot(file, fail)
  const children = childrenByParent(file, listed, fail)
  const nodes = depthFirst(file.root, children)
  if (nodes.length === 0) fail(`the root ${shown(file.root)} has no children`)
  const reached = new Set(nodes.map(node => node.name))
  for (const node of file.nodes) {
    if (node.name === file.root || reached.has(node.name)) continue
    fail(
      `the nodes ${circle(node.name, listed)
        .map(each => shown(each))
        .join(' → ')} form a circle`
    )
  }
  return build(file, nodes, labelMap(file, reached, fail))
}

/** JSON text to its checked shape. JSON.parse keeps the last of two equal keys silently, so they are looked for first. */
function readFile(text: string, origin: string): TaxonomyFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HieraxError('TAXONOMY_INVALID', `${origin} is not JSON: ${(cause as Error).message}`, { cause })
  }
  const duplicate = parseDocument(text, { schema: 'json', uniqueKeys: true }).errors.find(
    e => e.code === 'DUPLICATE_KEY'
  )
  if (duplicate !== undefined) {
    const line = duplicate.linePos?.[0].line ?? 0
    const key = text.slice(duplicate.pos[0]).match(/^"(?:[^"\\]|\\.)*"/)?.[0] ?? 'a key'
    throw new HieraxError(
      'TAXONOMY_INVALID',
      `${origin}, line ${line}: ${key} is given twice; a label maps to one node`
    )
  }
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  throw new HieraxError('TAXONOMY_INVALID', `${origin}: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`)
}

function checkRoot(file: TaxonomyFile, fail: (message: string) => never): void {
  for (const node of file.nodes) {
    const parent = node.parent ?? null
    if (node.name === file.root && parent !== null) fail(`the root ${shown(file.root)} has the parent ${shown(parent)}`)
    if (node.name !== file.root && parent === null) {
      fail(`two roots: ${shown(file.root)} and ${shown(node.name)}, which has no parent`)
    }
  }
}

function childrenByParent(
  file: TaxonomyFile,
  listed: ReadonlyMap<string, FileNode>,
  fail: (message: string) => never
): Map<string, FileNode[]> {
  const children = new Map<string, FileNode[]>()
  for (const node of file.nodes) {
    if (node.name === file.root) continue
    const parent = node.parent as string
    if (parent !== file.root && !listed.has(parent)) {
      fail(`the parent ${shown(parent)} of ${shown(node.name)} is not a node`)
    }
    const group = children.get(parent)
    if (group === undefined) children.set(parent, [node])
    else group.push(node)
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

/** The circle that a node hangs on when its parents never lead to the root. */
function circle(start: string, listed: ReadonlyMap<string, FileNode>): string[] {
  const seen: string[] = []
  let name = start
  while (!seen.includes(name)) {
    seen.push(name)
    name = listed.get(name)?.parent as string
  }
  return [...seen.slice(seen.indexOf(name)), name]
}

function labelMap(
  file: TaxonomyFile,
  reached: ReadonlySet<string>,
  fail: (message: string) => never
): Map<string, string> {
  const labels = new Map<string, string>()
  const pairs = Array.isArray(file.labels) ? file.labels : Object.entries(file.labels)
  for (const [label, node] of pairs) {
    if (labels.has(label)) fail(`the label ${shown(label)} is mapped twice`)
    if (node !== file.root && !reached.has(node)) {
      fail(`the label ${shown(label)} is mapped to ${shown(node)}, which is not a node`)
    }
    labels.set(label, node)
  }
  return labels
}

function build(file: TaxonomyFile, nodes: readonly TaxonomyNode[], labels: ReadonlyMap<string, string>): Taxonomy {
  const indices = new Map(nodes.map((node, index) => [node.name, index]))
  const indexOf = (name: string): number => indices.get(name) ?? -1
  const parents = Int32Array.from(nodes, node => indexOf(node.parent as string))
  const groups = new Map<number, number[]>()
  parents.forEach((parent, index) => {
    const group = groups.get(parent)
    if (group === undefined) groups.set(parent, [index])
    else group.push(index)
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
  return { name, version, root, nodes, parents, siblings: [...groups.values()], labels, indexOf, path, descendants }
}
