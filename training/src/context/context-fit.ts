import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import {
  type ContextFile,
  contextFeatureNames,
  contextFeatures,
  contextVersion,
  softClip
} from 'hierax/classifier/probabilities/context.ts'
import type { AlertView } from 'hierax/classifier/types.ts'
import type { AlertContext, ContextField } from 'hierax/lightcurves/points/observation.ts'
import { mean, sum } from '../collections.ts'
import { unweightedWhxe, type Whxe } from '../network/whxe.ts'
import { type Random, random, seedOf } from '../random.ts'
import { lineage, parentOf, sumsByNode } from '../tree.ts'
import { minimise } from './minimise.ts'

/** How training alerts are varied. */
export const defaultContextAugmentation = {
  /** Varied copies of every alert. */
  copies: 3,
  /** Chance that all fields of one origin are taken away; each origin on its own. */
  originDropped: 0.1,
  /** Chance that a single field is taken away. */
  fieldDropped: 0.03,
  /** Chance that an alert is moved to another age of the survey. */
  eraChanged: 0.3
}
type ContextAugmentation = Readonly<typeof defaultContextAugmentation>

/** A labelled alert as the fit sees it. */
export interface ContextSample {
  readonly objectId: string
  /** Index of the label's node in the taxonomy, a leaf or an inner node. */
  readonly node: number
  readonly view: AlertView
  /** The network's logits over temperature, by node; best of a network that has not seen the object. */
  readonly logits: Float64Array
  /** Its part of its object's weight; those of an object's alerts sum to 1. */
  readonly weight: number
}

/** Settings of a fit. */
export const defaultContextFit = {
  /** Parents (the root too) of the groups of siblings that get terms; null: all groups with enough objects. */
  parents: null as readonly string[] | null,
  /** A group has enough objects if two of its nodes have at least this many. */
  minObjects: 10,
  /** Most that context can change the log-odds of two siblings by. */
  bound: 6,
  /** Factor of the sum of squared weights. */
  decay: 2e-3,
  augmentation: defaultContextAugmentation
}
export type ContextFitOptions = Readonly<typeof defaultContextFit>

/** Deviations are not taken smaller than this: a mask that is nearly always 0 must not count by the hundred when it is 1. */
const smallestDeviation = 0.1

/**
 * Fits a context term, a logistic layer over the context features, by hierarchical cross-entropy, with the network's logits as
 * given.
 *
 * `shares` are those of every node in the network's training. In each group of siblings that gets a term, log(share in the
 * sample / share in training) is added to the logits, so that the term holds no class mix: it is a log-likelihood ratio of the
 * context fields, and its bias that ratio's constant. At the root the bias also takes up what the network's log-odds are off by
 * on alerts; below, it decays as the weights do.
 */
export function fitContext(
  taxonomy: Taxonomy,
  samples: readonly ContextSample[],
  shares: Float64Array,
  options: ContextFitOptions = defaultContextFit
): ContextFile {
  const groups = groupsOf(taxonomy, samples, options)
  const nodes = groups.flat()
  const known = samples.flatMap((sample, index) => {
    const features = featureRows(sample, index, options.augmentation)
    return features.length > 0 ? [{ sample, features }] : []
  })
  const { mean, deviation } = standardisation(known)
  const offset = offsetOf(taxonomy, samples, shares, groups)
  const rows = rowsOf(taxonomy, known, { mean, deviation }, offset, new Set(nodes))
  const problem = new ContextProblem(rows, unweightedWhxe(taxonomy), taxonomy, groups, options)
  const fitted = minimise((point, gradient) => problem.loss(point, gradient), new Float64Array(problem.length))
  return {
    features: contextVersion,
    mean: [...mean],
    deviation: [...deviation],
    nodes: nodes.map(node => taxonomy.nodes[node]?.name ?? ''),
    bound: options.bound,
    layers: [problem.layer(fitted)]
  }
}

/** Groups of siblings that get terms. */
export function groupsOf(
  taxonomy: Taxonomy,
  samples: readonly Pick<ContextSample, 'objectId' | 'node'>[],
  { parents, minObjects }: ContextFitOptions
): readonly (readonly number[])[] {
  const counts = sumsByNode(taxonomy, objectNodes(samples))
  const isEnough = (group: readonly number[]): boolean =>
    group.filter(node => (counts[node] as number) >= minObjects).length > 1
  return taxonomy.siblings.filter(
    group => group.length > 1 && (parents === null ? isEnough(group) : parents.includes(parentOf(taxonomy, group)))
  )
}

/** The node of every object, once. */
function objectNodes(samples: readonly Pick<ContextSample, 'objectId' | 'node'>[]): number[] {
  return [...new Map(samples.map(({ objectId, node }) => [objectId, node])).values()]
}

/** Features of an alert and of its varied copies; empty without any context field. */
function featureRows(
  { view, objectId }: ContextSample,
  index: number,
  augmentation: ContextAugmentation
): Float64Array[] {
  const rows: Float64Array[] = []
  const draw = random(0, seedOf(objectId), index)
  for (let copy = 0; copy <= augmentation.copies; copy++) {
    const features = new Float64Array(contextFeatureNames.length)
    const varied = copy === 0 ? view : variedContext(view, augmentation, draw)
    if (contextFeatures(varied, features)) rows.push(features)
    else if (copy === 0) return []
  }
  return rows
}

type Known = readonly { readonly sample: ContextSample; readonly features: readonly Float64Array[] }[]

function standardisation(known: Known): { mean: Float64Array; deviation: Float64Array } {
  const mean = new Float64Array(contextFeatureNames.length)
  const squares = new Float64Array(contextFeatureNames.length)
  let total = 0
  for (const { sample, features } of known) {
    const weight = sample.weight / features.length
    for (const row of features) {
      total += weight
      for (const [at, value] of row.entries()) {
        mean[at]! += weight * value
        squares[at]! += weight * value * value
      }
    }
  }
  const deviation = squares.map((sum, at) => {
    const middle = (mean[at] as number) / total
    mean[at] = middle
    return Math.max(smallestDeviation, Math.sqrt(Math.max(0, sum / total - middle * middle)))
  })
  return { mean, deviation }
}

/**
 * What is added to the network's logits in the fit: log(share in the sample / share in training) within each group. A node
 * without any object is no choice (−∞).
 */
function offsetOf(
  taxonomy: Taxonomy,
  samples: readonly ContextSample[],
  shares: Float64Array,
  groups: readonly (readonly number[])[]
): Float64Array {
  const offset = new Float64Array(taxonomy.nodes.length)
  const counts = sumsByNode(taxonomy, objectNodes(samples))
  for (const group of groups) {
    const objects = sum(group.map(node => counts[node] as number))
    const trained = sum(group.map(node => shares[node] as number))
    for (const node of group) {
      const mix = (counts[node] as number) / objects
      offset[node] = Math.log(mix / ((shares[node] as number) / trained))
    }
  }
  return offset
}

function rowsOf(
  taxonomy: Taxonomy,
  known: Known,
  { mean, deviation }: { mean: Float64Array; deviation: Float64Array },
  offset: Float64Array,
  fitted: ReadonlySet<number>
): ContextRows {
  const rows = known.flatMap(({ sample, features }) => {
    // Groups without terms below the last one with a term only cost time: nothing there depends on what is fitted.
    const label = lineage(taxonomy, sample.node).find(node => fitted.has(node)) ?? -1
    return features.map(values => ({ sample, values, label, weight: sample.weight / features.length }))
  })
  const total = sum(rows.map(({ weight }) => weight))
  return {
    count: rows.length,
    features: joined(rows.map(({ values }) => values.map((each, at) => (each - mean[at]!) / deviation[at]!))),
    offsets: joined(rows.map(({ sample }) => sample.logits.map((logit, node) => logit + offset[node]!))),
    labels: Int32Array.from(rows, ({ label }) => label),
    weights: Float64Array.from(rows, ({ weight }) => weight / total)
  }
}

/** Arrays of equal length one after another. */
function joined(arrays: readonly Float64Array[]): Float64Array {
  const width = arrays[0]?.length ?? 0
  const all = new Float64Array(arrays.length * width)
  arrays.forEach((each, at) => {
    all.set(each, at * width)
  })
  return all
}

/** What a context term is fitted to, side by side, row by row. */
export interface ContextRows {
  readonly count: number
  /** Standardised. */
  readonly features: Float64Array
  /** Logits before the context term, one a node. */
  readonly offsets: Float64Array
  /** Node of each row's label. */
  readonly labels: Int32Array
  /** They sum to 1. */
  readonly weights: Float64Array
}

/** The loss of a context term as a function of its numbers: rows of weights, one a node, then biases. */
export class ContextProblem {
  /** How many numbers are fitted. */
  readonly length: number
  readonly #rows: ContextRows
  readonly #whxe: Whxe
  /** Nodes of each group that gets terms, and the index of the group's first output. */
  readonly #groups: readonly { readonly nodes: readonly number[]; readonly from: number }[]
  readonly #halfBound: number
  /** Factor of the square of every number; 0 for the biases at the root. */
  readonly #decays: Float64Array
  readonly #inputs: number
  readonly #outputs: number

  constructor(
    rows: ContextRows,
    whxe: Whxe,
    taxonomy: Taxonomy,
    groups: readonly (readonly number[])[],
    { bound, decay }: Pick<ContextFitOptions, 'bound' | 'decay'>
  ) {
    const fitted = groups.flat()
    this.#rows = rows
    this.#whxe = whxe
    this.#groups = groups.map((nodes, at) => ({ nodes, from: groups.slice(0, at).flat().length }))
    this.#halfBound = bound / 2
    this.#inputs = rows.features.length / rows.count
    this.#outputs = fitted.length
    this.length = this.#outputs * (this.#inputs + 1)
    this.#decays = new Float64Array(this.length).fill(decay)
    for (const [row, node] of fitted.entries()) {
      if (taxonomy.parents[node] === -1) this.#decays[this.#biasAt(row)] = 0
    }
  }

  /** Mean loss and decay; the gradient is written to `gradient`. */
  loss(point: Float64Array, gradient: Float64Array): number {
    const { count, features, offsets, labels, weights } = this.#rows
    const nodes = offsets.length / count
    let total = 0
    for (let at = 0; at < point.length; at++) {
      const decay = this.#decays[at] as number
      total += decay * (point[at] as number) ** 2
      gradient[at] = 2 * decay * (point[at] as number)
    }
    for (let which = 0; which < count; which++) {
      const input = features.subarray(which * this.#inputs, (which + 1) * this.#inputs)
      const outputs = this.#forward(point, input)
      const logits = offsets.slice(which * nodes, (which + 1) * nodes)
      for (const { nodes, from } of this.#groups) {
        for (const [at, node] of nodes.entries()) logits[node]! += softClip(outputs[from + at]!, this.#halfBound)
      }
      const dLogits = new Float64Array(nodes)
      const weight = weights[which] as number
      total += weight * this.#whxe.loss(logits, labels[which] as number, dLogits, weight)
      this.#backward(input, outputs, dLogits, gradient)
    }
    return total
  }

  /** The layer as a context file has it. */
  layer(point: Float64Array): ContextFile['layers'][number] {
    return {
      weights: Array.from({ length: this.#outputs }, (_, row) => [
        ...point.subarray(row * this.#inputs, (row + 1) * this.#inputs)
      ]),
      biases: [...point.subarray(this.#biasAt(0))]
    }
  }

  #biasAt(row: number): number {
    return this.#inputs * this.#outputs + row
  }

  /** Outputs of the layer, each less the mean of its group. */
  #forward(point: Float64Array, input: Float64Array): Float64Array {
    const outputs = new Float64Array(this.#outputs)
    for (let row = 0; row < this.#outputs; row++) {
      let output = point[this.#biasAt(row)] as number
      const base = row * this.#inputs
      for (let at = 0; at < input.length; at++) output += (point[base + at] as number) * (input[at] as number)
      outputs[row] = output
    }
    for (const { nodes, from } of this.#groups) subtractMean(outputs.subarray(from, from + nodes.length))
    return outputs
  }

  /** Adds the derivative with respect to the numbers of the layer to `gradient`. */
  #backward(input: Float64Array, outputs: Float64Array, dLogits: Float64Array, gradient: Float64Array): void {
    for (const { nodes, from } of this.#groups) {
      const changes = Float64Array.from(nodes, (node, at) => {
        const ratio = (outputs[from + at] as number) / this.#halfBound
        return (1 + ratio ** 4) ** -1.25 * (dLogits[node] as number)
      })
      subtractMean(changes)
      for (const [at, change] of changes.entries()) {
        if (change === 0) continue
        const base = (from + at) * this.#inputs
        gradient[this.#biasAt(from + at)]! += change
        for (let each = 0; each < input.length; each++) gradient[base + each]! += change * (input[each] as number)
      }
    }
  }
}

function subtractMean(values: Float64Array): void {
  const middle = mean(values)
  for (let at = 0; at < values.length; at++) values[at]! -= middle
}

/** Fields that come, and so are missing, together. */
const origins: readonly (readonly ContextField[])[] = [
  ['sgscore1', 'distpsnr1', 'sgmag1', 'srmag1', 'simag1', 'szmag1', 'sgscore2', 'distpsnr2'],
  ['distnr', 'magnr', 'chinr', 'sharpnr'],
  ['neargaia', 'maggaia'],
  ['classtar'],
  ['ndethist', 'ncovhist', 'jdstarthist']
]

/** Ages that a survey may have, days: a month to that of ZTF in 2026. */
const surveyAges = { from: 30, to: 3000 }

/** The alert as another packet might have it: without some fields, and of a younger survey. */
export function variedContext(view: AlertView, options: ContextAugmentation, draw: Random): AlertView {
  const context: Record<ContextField, number | null> = { ...view.context }
  if (draw.uniform() < options.eraChanged) {
    Object.assign(context, youngerSurvey(view, draw.uniform(surveyAges.from, surveyAges.to)))
  }
  for (const fields of origins) {
    const dropsAll = draw.uniform() < options.originDropped
    for (const field of fields) if (dropsAll || draw.uniform() < options.fieldDropped) context[field] = null
  }
  return { ...view, context }
}

/** The history, for a survey that began this many days before the alert. */
function youngerSurvey({ jd, context }: AlertView, surveyAge: number): Partial<AlertContext> {
  const { jdstarthist, ndethist, ncovhist } = context
  if (jdstarthist === null) return {}
  const age = jd - jdstarthist
  if (age <= surveyAge) return {}
  const part = surveyAge / age
  const fewer = (count: number | null): number | null => (count === null ? null : Math.max(1, Math.round(part * count)))
  return { jdstarthist: jd - surveyAge, ndethist: fewer(ndethist), ncovhist: fewer(ncovhist) }
}
