import type { Taxonomy } from '../data/types.ts'

type TaxonomyNode = Taxonomy['nodes'][number]

/** A node of the taxonomy with its position in the tree. */
export interface Branch {
  readonly name: string
  readonly description: string | null
  /** Index of the parent in the branches; −1 below the root. */
  readonly parent: number
  readonly children: readonly number[]
  /** Edges from the root: 1 below it. */
  readonly depth: number
  /** Position among its siblings, from 1, and their number. */
  readonly position: number
  readonly siblings: number
}

/** Right end and middle of a branch's band, px. */
export interface Place {
  readonly x: number
  readonly y: number
}

/** The layout of a tree: positions of branches and root, and its size, px. */
export interface Plan {
  readonly kind: 'wide' | 'narrow'
  readonly root: Place
  readonly places: readonly Place[]
  readonly height: number
  /** Width of the band that stands for probability 1, px. */
  readonly full: number
  /** Width of a level, px. */
  readonly step: number
}

/** A band of the Sankey diagram: the middle of its start and end, and its width, px. */
export interface Band {
  readonly from: Place
  readonly to: Place
  readonly width: number
}

/** The branches of a taxonomy in depth-first order. */
export function branchesOf(nodes: readonly TaxonomyNode[]): Branch[] {
  const children = new Map<string | null, TaxonomyNode[]>()
  for (const node of nodes) children.set(node.parent, [...(children.get(node.parent) ?? []), node])
  const branches: (Omit<Branch, 'children'> & { children: number[] })[] = []
  const grow = (parent: number, name: string | null, depth: number): void => {
    const own = children.get(name) ?? []
    for (const [index, node] of own.entries()) {
      const place = branches.length
      branches.push({
        name: node.name,
        description: node.description ?? null,
        parent,
        children: [],
        depth,
        position: index + 1,
        siblings: own.length
      })
      branches[parent]?.children.push(place)
      grow(place, node.name, depth + 1)
    }
  }
  grow(-1, null, 1)
  return branches
}

/** Lays the tree out for a width: one row per leaf if the names fit beside it, else one row per branch. */
export function planOf(branches: readonly Branch[], width: number, row: number, label: number): Plan {
  const depth = Math.max(1, ...branches.map(branch => branch.depth))
  const step = (width - label - row) / depth
  return step >= label * 0.74 ? wide(branches, row, step) : narrow(branches, row)
}

function wide(branches: readonly Branch[], row: number, step: number): Plan {
  const y = new Array<number>(branches.length).fill(0)
  let leaves = 0
  const settle = (place: number): number => {
    const { children } = branches[place] as Branch
    const own = children.map(settle)
    y[place] = children.length === 0 ? (leaves++ + 0.5) * row : ((own[0] as number) + (own.at(-1) as number)) / 2
    return y[place] as number
  }
  const top = branches.flatMap((branch, place) => (branch.parent === -1 ? [settle(place)] : []))
  return {
    kind: 'wide',
    root: { x: row / 2, y: ((top[0] ?? 0) + (top.at(-1) ?? 0)) / 2 },
    places: branches.map(({ depth }, place) => ({ x: row / 2 + depth * step, y: y[place] as number })),
    height: leaves * row,
    full: row * 0.72,
    step
  }
}

function narrow(branches: readonly Branch[], row: number): Plan {
  const indent = row * 0.8
  return {
    kind: 'narrow',
    root: { x: row / 2, y: 0 },
    places: branches.map(({ depth }, place) => ({ x: row / 2 + depth * indent, y: (place + 0.5) * row })),
    height: branches.length * row,
    full: row * 0.42,
    step: indent
  }
}

/**
 * The bands for probabilities of the branches: each as wide as its probability, those of siblings side by side where they leave
 * their parent.
 */
export function bandsOf(branches: readonly Branch[], plan: Plan, probabilities: readonly number[]): Band[] {
  const taken = new Map<number, number>()
  const totals = new Map<number, number>()
  for (const [place, { parent }] of branches.entries()) {
    totals.set(parent, (totals.get(parent) ?? 0) + (probabilities[place] ?? 0))
  }
  return branches.map(({ parent }, place) => {
    const origin = plan.places[parent] ?? plan.root
    const width = (probabilities[place] ?? 0) * plan.full
    const before = taken.get(parent) ?? 0
    taken.set(parent, before + width)
    const shift = before + width / 2 - ((totals.get(parent) ?? 0) * plan.full) / 2
    const from = plan.kind === 'wide' ? { x: origin.x, y: origin.y + shift } : { x: origin.x - shift, y: origin.y }
    return { from, to: plan.places[place] as Place, width }
  })
}

/** A band's centre line: a bend, then straight to its end, where its name is drawn. */
export function lineOf(plan: Plan, { from, to }: Band): string {
  const n = (value: number) => value.toFixed(1)
  if (plan.kind === 'narrow') {
    const bend = Math.min(plan.step * 0.7, Math.abs(to.y - from.y))
    return `M${n(from.x)},${n(from.y)}V${n(to.y - bend)}Q${n(from.x)},${n(to.y)} ${n(from.x + bend)},${n(to.y)}H${n(Math.max(to.x, from.x + bend))}`
  }
  const bend = from.x + plan.step * 0.36
  const middle = (from.x + bend) / 2
  return `M${n(from.x)},${n(from.y)}C${n(middle)},${n(from.y)} ${n(middle)},${n(to.y)} ${n(bend)},${n(to.y)}H${n(to.x)}`
}
