import type { Card } from 'hierax/classifier/model/card.ts'
import { type PriorPower, priorPowerAt } from 'hierax/classifier/model/decision.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { HieraxError, nearest, shown } from 'hierax/errors.ts'
import { sum } from '../collections.ts'
import type { LabelledObject } from '../data/labelled.ts'
import { isAtOrBelow } from '../tree.ts'
import type { Prediction } from './predict.ts'

/** Classes that a model is to choose among, each one node or several counted as one. */
export interface Candidates {
  /** What the set is called in tables: `depth 2`, or the names as they were given. */
  readonly title: string
  readonly classes: readonly Candidate[]
  /** Nodes whose objects (and those below) are not judged in this set. */
  readonly leftOut: readonly number[]
}

/** A class: its first node names it. */
export interface Candidate {
  readonly name: string
  readonly nodes: readonly number[]
  /** Nodes whose objects count as this class when a model is judged, though their probabilities do not speak for it. */
  readonly countedWith?: readonly number[]
}

/** How one of several classes is assigned to an object, as a model's card states it. */
export interface ClassAssignment {
  readonly priorPower: PriorPower
  /** By node; null where the power is 0. */
  readonly priors: Float64Array | null
  /** For ages at which the best F1 to be expected decides: what F1 is attainable at each node. */
  readonly naming?: readonly {
    readonly untilDays: number
    readonly priorPower: number
    readonly f1: Float64Array
  }[]
}

/** The rule of a card's decision, in the order of its taxonomy's nodes. Throws MODEL_INVALID where it lacks a node. */
export function classAssignment(
  { priorPower, naming = [] }: { readonly priorPower: PriorPower; readonly naming?: Card['decision']['naming'] },
  priors: Float64Array | null,
  taxonomy: Taxonomy
): ClassAssignment {
  const byNode = naming.map(({ f1, ...rest }) => ({
    ...rest,
    f1: Float64Array.from(taxonomy.nodes, ({ name }) => {
      const value = Object.hasOwn(f1, name) ? f1[name] : undefined
      if (value === undefined) {
        throw new HieraxError('MODEL_INVALID', `the card: \`decision.naming\` lacks the node ${shown(name)}`)
      }
      return value
    })
  }))
  return { priorPower, priors, naming: byNode }
}

/**
 * Candidates from a list by comma: `SN Ia,SN II,SN IIn+SLSN-II`. Nodes joined by `+` are one class, named by the first; a part
 * that begins with `-` leaves a node out: `-SN IIb`. In `SN IIn~SLSN-II` objects of the second node are judged as the first's class, whose
 * own probability alone speaks for it. `where` names the place in errors. Throws USAGE naming what is not a node, or lies below another.
 */
export function parseCandidates(taxonomy: Taxonomy, text: string, where = '--among'): Candidates {
  const fail = (message: string): never => {
    throw new HieraxError('USAGE', `${where} ${shown(text)}: ${message}`)
  }
  const find = (name: string): number => {
    const node = taxonomy.indexOf(name)
    if (node >= 0) return node
    const near = nearest(
      name,
      taxonomy.nodes.map(each => each.name)
    )
    return fail(`${shown(name)} is not a node of ${taxonomy.name} below its root; the nearest is ${shown(near)}`)
  }
  const classes: Candidate[] = []
  const leftOut: number[] = []
  for (const part of text.split(',').map(each => each.trim())) {
    if (part === '') return fail('it takes names separated by commas')
    if (part.startsWith('-')) leftOut.push(find(part.slice(1).trim()))
    else {
      const [own = '', ...others] = part.split('~').map(each => each.trim())
      const nodes = own.split('+').map(each => find(each.trim()))
      const name = taxonomy.nodes[nodes[0] as number]?.name as string
      classes.push({ name, nodes, ...(others.length > 0 ? { countedWith: others.map(find) } : {}) })
    }
  }
  if (classes.length < 2) return fail('it takes at least two classes')
  const all = classes.flatMap(({ nodes, countedWith = [] }) => [...nodes, ...countedWith])
  for (const node of all) {
    const above = all.filter(other => isAtOrBelow(taxonomy, node, other))
    if (above.length > 1) fail(`${shown(taxonomy.nodes[node]?.name)} is given twice, or below another class`)
  }
  return { title: text, classes, leftOut }
}

/** Every node at a depth (1: below the root), with the leaves above it: classes that exclude each other and leave nothing out. */
export function candidatesAtDepth(taxonomy: Taxonomy, depth: number): Candidates {
  const inner = new Set(taxonomy.parents)
  const classes: Candidate[] = []
  for (const [node, { name }] of taxonomy.nodes.entries()) {
    const own = taxonomy.path(node).length
    if (own === depth || (own < depth && !inner.has(node))) classes.push({ name, nodes: [node] })
  }
  return { title: `depth ${depth}`, classes, leftOut: [] }
}

/** The greatest depth of a taxonomy. */
export function depthOf(taxonomy: Taxonomy): number {
  return Math.max(...taxonomy.nodes.map((_, node) => taxonomy.path(node).length))
}

/** Index of the class that a label's node lies in, at or below one of its nodes; −1 where it lies in none or is left out. */
export function classOf(taxonomy: Taxonomy, { classes, leftOut }: Candidates, node: number): number {
  const holds = (of: readonly number[]): boolean => of.some(each => isAtOrBelow(taxonomy, node, each))
  if (node < 0 || holds(leftOut)) return -1
  return classes.findIndex(({ nodes, countedWith = [] }) => holds(nodes) || holds(countedWith))
}

/** Probabilities of the classes given that it is one of them: they sum to 1. */
export function classProbabilities({ classes }: Candidates, probability: Float64Array): Float64Array {
  const sums = Float64Array.from(classes, ({ nodes }) => sum(nodes.map(node => probability[node] as number)))
  const total = sum(sums)
  return total > 0 ? sums.map(each => each / total) : sums.fill(1 / classes.length)
}

/**
 * Classes from the one that the rule names down, of a light curve that spans so many days: by P / prior^power, or, where the
 * rule has it for that age, by (P − F / 2) / prior^power. F is the attainable F1, of several nodes the mean by their priors.
 */
export function ranked(
  { classes }: Candidates,
  probabilities: Float64Array,
  { priors, priorPower, naming = [] }: ClassAssignment,
  days: number
): number[] {
  const early = naming.find(({ untilDays }) => days <= untilDays)
  const power = early?.priorPower ?? priorPowerAt(priorPower, days)
  const scores = classes.map(({ nodes }, which) => {
    const probability = probabilities[which] as number
    if (priors === null) return probability
    const prior = sum(nodes.map(node => priors[node] as number))
    const f1 = sum(nodes.map(node => ((early?.f1[node] ?? 0) * (priors[node] as number)) / prior))
    return (probability - f1 / 2) / prior ** power
  })
  return [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
}

/** Until which ages, days, classes are named for the best F1 to be expected, and by which power of the prior. Ascending. */
export type BestF1Ages = readonly { readonly untilDays: number; readonly value: number }[]

/** The rule for these ages as a card has it: with the attainable F1 of every node. */
export type AttainableF1ByAge = NonNullable<Card['decision']['naming']>

/** Too few objects of an age to tell what F1 is attainable. */
const fewest = 50

/**
 * The highest expected F1 of any choice of objects for a class: the greatest of 2 Σ p / (m + Σ all p) over the m with the
 * highest probabilities. The rule that reaches it chooses those whose p exceeds half of it (Lipton, Elkan & Naryanaswamy 2014,
 * arXiv:1402.1892). It requires calibrated probabilities, but no labels.
 */
export function attainableF1(probabilities: Float64Array): number {
  const descending = probabilities.slice().sort().reverse()
  const all = sum(descending)
  let expected = 0
  let best = 0
  for (const [index, p] of descending.entries()) {
    expected += p
    best = Math.max(best, (2 * expected) / (index + 1 + all))
  }
  return all > 0 ? Math.min(1, best) : 0
}

/**
 * What F1 is attainable at each node and age, from predictions of objects that were not trained on: of each object the latest prediction
 * within an age. Ages of fewer than 50 objects are left out.
 */
export function fitAttainableF1(
  taxonomy: Taxonomy,
  predictions: readonly Prediction<LabelledObject>[],
  ages: BestF1Ages
): AttainableF1ByAge {
  let from = Number.NEGATIVE_INFINITY
  return ages.flatMap(({ untilDays, value }) => {
    const latest = new Map<string, Prediction<LabelledObject>>()
    for (const prediction of predictions) {
      const { id } = prediction.object
      if (prediction.age <= from || prediction.age > untilDays) continue
      if (prediction.age >= (latest.get(id)?.age ?? 0)) latest.set(id, prediction)
    }
    from = untilDays
    if (latest.size < fewest) return []
    const some = [...latest.values()]
    const f1 = taxonomy.nodes.map(({ name }, node): [string, number] => {
      const attainable = attainableF1(Float64Array.from(some, ({ probability }) => probability[node] as number))
      return [name, Number(attainable.toFixed(4))]
    })
    return [{ untilDays, priorPower: value, f1: Object.fromEntries(f1) }]
  })
}
