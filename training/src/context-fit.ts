import { contextFeatureNames, contextFeatures, contextVersion } from 'hierax/classifier/context-features.ts'
import type { ContextFile } from 'hierax/classifier/context-term.ts'
import type { Taxonomy } from 'hierax/classifier/taxonomy.ts'
import type { AlertView } from 'hierax/classifier/types.ts'
import { type ContextAugmentation, defaultContextAugmentation, variedContext } from './context-augment.ts'
import { ContextProblem, type ContextRows } from './context-problem.ts'
import { minimise } from './minimise.ts'
import { random, seedOf } from './random.ts'
import { countEvents, logitCorrection, nodeWeights, Whxe, type WhxeOptions } from './whxe.ts'

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
export interface ContextFitOptions {
  /** Parents (the root too) of the groups of siblings that get terms; null: all groups with enough objects. */
  readonly parents: readonly string[] | null
  /** A group has enough objects where two of its nodes have so many. */
  readonly minObjects: number
  /** Width of a hidden layer; 0: a logistic layer. */
  readonly hidden: number
  /** What context can change the log-odds of two siblings by, at most. */
  readonly bound: number
  /** Factor of the sum of squared weights. */
  readonly decay: number
  readonly whxe: Pick<WhxeOptions, 'alpha' | 'beta'>
  readonly augmentation: ContextAugmentation
  readonly seed: number
}

export const defaultContextFit: ContextFitOptions = {
  parents: null,
  minObjects: 10,
  hidden: 0,
  bound: 6,
  decay: 2e-3,
  whxe: { alpha: 0, beta: 0 },
  augmentation: defaultContextAugmentation,
  seed: 0
}

/** Deviations are not taken smaller than this: a mask that is nearly always 0 must not count by the hundred when it is 1. */
const smallestDeviation = 0.1

/**
 * Fits a context term by weighted hierarchical cross-entropy, with the network's logits as given.
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
    const features = featureRows(sample, index, options)
    return features.length > 0 ? [{ sample, features }] : []
  })
  const { mean, deviation } = standardisation(known)
  const weights = nodeWeights(taxonomy, objectNodes(samples), 'labels')
  const offset = offsetOf(taxonomy, samples, shares, groups, weights, options)
  const rows = rowsOf(taxonomy, known, { mean, deviation }, offset, new Set(nodes))
  const whxe = new Whxe(taxonomy, weights, options.whxe)
  const problem = new ContextProblem(rows, whxe, taxonomy, groups, options)
  const fitted = minimise((point, gradient) => problem.loss(point, gradient), problem.start(options.seed))
  return {
    features: contextVersion,
    mean: [...mean],
    deviation: [...deviation],
    nodes: nodes.map(node => taxonomy.nodes[node]?.name ?? ''),
    bound: options.bound,
    layers: problem.layers(fitted)
  }
}

/** Groups of siblings that get terms. */
function groupsOf(
  taxonomy: Taxonomy,
  samples: readonly ContextSample[],
  { parents, minObjects }: ContextFitOptions
): readonly (readonly number[])[] {
  const { counts } = countEvents(taxonomy, objectNodes(samples))
  const isEnough = (group: readonly number[]): boolean =>
    group.filter(node => (counts[node] as number) >= minObjects).length > 1
  return taxonomy.siblings.filter(
    group => group.length > 1 && (parents === null ? isEnough(group) : parents.includes(parentOf(taxonomy, group)))
  )
}

/** Name of the parent of a group of siblings. */
export function parentOf(taxonomy: Taxonomy, siblings: readonly number[]): string {
  const parent = taxonomy.parents[siblings[0] as number] as number
  return taxonomy.nodes[parent]?.name ?? taxonomy.root
}

/** The node of every object, once. */
function objectNodes(samples: readonly ContextSample[]): number[] {
  return [...new Map(samples.map(({ objectId, node }) => [objectId, node])).values()]
}

/** Features of an alert and of its varied copies; empty without any context field. */
function featureRows({ view, objectId }: ContextSample, index: number, options: ContextFitOptions): Float64Array[] {
  const { augmentation, seed } = options
  const rows: Float64Array[] = []
  const draw = random(seed, seedOf(objectId), index)
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
  const width = contextFeatureNames.length
  const mean = new Float64Array(width)
  const squares = new Float64Array(width)
  let total = 0
  for (const { sample, features } of known) {
    for (const row of features) {
      const weight = sample.weight / features.length
      total += weight
      for (let at = 0; at < width; at++) {
        const value = row[at] as number
        mean[at] = (mean[at] as number) + weight * value
        squares[at] = (squares[at] as number) + weight * value * value
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
 * What is added to the network's logits in the fit: log(share in the sample / share in training) within each group, and what
 * the weights of the loss would tilt. A node without any object is no choice (−∞).
 */
function offsetOf(
  taxonomy: Taxonomy,
  samples: readonly ContextSample[],
  shares: Float64Array,
  groups: readonly (readonly number[])[],
  weights: Float64Array,
  { whxe }: ContextFitOptions
): Float64Array {
  const offset = logitCorrection(taxonomy, weights, whxe.beta).map(correction => -correction)
  const { counts } = countEvents(taxonomy, objectNodes(samples))
  const sum = (group: readonly number[], of: Float64Array): number =>
    group.reduce((total, node) => total + (of[node] as number), 0)
  for (const group of groups) {
    const objects = sum(group, counts)
    const trained = sum(group, shares)
    for (const node of group) {
      const mix = (counts[node] as number) / objects
      offset[node] = (offset[node] as number) + Math.log(mix / ((shares[node] as number) / trained))
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
  const width = contextFeatureNames.length
  const size = taxonomy.nodes.length
  const count = known.reduce((sum, { features }) => sum + features.length, 0)
  const rows: ContextRows = {
    count,
    features: new Float64Array(count * width),
    offsets: new Float64Array(count * size),
    labels: new Int32Array(count),
    weights: new Float64Array(count)
  }
  let row = 0
  for (const { sample, features } of known) {
    // Groups without terms below the last one with a term only cost time: nothing there depends on what is fitted.
    let label = sample.node
    while (label >= 0 && !fitted.has(label)) label = taxonomy.parents[label] as number
    for (const each of features) {
      for (let at = 0; at < width; at++) {
        rows.features[row * width + at] = ((each[at] as number) - (mean[at] as number)) / (deviation[at] as number)
      }
      for (let node = 0; node < size; node++) {
        rows.offsets[row * size + node] = (sample.logits[node] as number) + (offset[node] as number)
      }
      rows.labels[row] = label
      rows.weights[row++] = sample.weight / features.length
    }
  }
  const total = rows.weights.reduce((sum, each) => sum + each, 0)
  return { ...rows, weights: rows.weights.map(weight => weight / total) }
}
