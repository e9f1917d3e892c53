import { type InputSet, latestInputs } from 'hierax/classifier/input-sets.ts'
import type { Point } from 'hierax/classifier/inputs.ts'
import type { KnownObject } from '../data/labelled.ts'
import { type Random, random } from '../random.ts'
import { type Augmentation, drawPoints, pointsOf } from './augment.ts'

/** Sequences side by side, padded to the longest; time first. */
export interface Batch {
  readonly rows: number
  readonly steps: number
  /** [steps, rows, inputs]. */
  readonly inputs: Float32Array
  /** Weight of the loss [steps, rows]; 0 in the padding. A whole batch sums to 1. */
  readonly weights: Float32Array
  /** Node of each row's label. */
  readonly targets: Int32Array
}

/** How objects are drawn for an epoch: each once, or as many in all with every label's node equally often, or in between. */
export type Sampling = 'natural' | 'balanced' | 'square-root'

/** Children of the root, and which of them each object belongs to. */
export interface RootBalance {
  /** Least share of the draws of an epoch that each child of the root gets; 0: as many as it has objects. */
  readonly share: number
  /** For every node, the child of the root above it (itself where it is one). */
  readonly rootOf: (node: number) => number
  /** Whether a child of the root stands for persistent sources. */
  readonly isPersistent: (root: number) => boolean
}

/** How far sequences are displaced when they are sorted by length, in the logarithm: batches of one epoch differ from another's. */
const lengthJitter = 0.15

/** Settings of an epoch's batches. */
export interface BatchOptions {
  readonly batch: number
  readonly seed: number
  readonly sampling: Sampling
  readonly augmentation: Augmentation
  readonly lastWeight: number
  readonly inputs: InputSet
  readonly balance?: RootBalance
}

/** Number of batches of an epoch of so many draws. */
export function batchesPerEpoch(draws: number, batch: number): number {
  return Math.ceil(draws / batch)
}

/**
 * How often each object is drawn in an epoch, on average, with draws from the children of the root balanced: those of a child that has
 * too few objects are drawn repeatedly.
 */
export function drawsOf(nodes: readonly number[], balance: RootBalance | undefined): Float64Array {
  const draws = new Float64Array(nodes.length).fill(1)
  if (balance === undefined || balance.share === 0) return draws
  const counts = new Map<number, number>()
  for (const node of nodes) counts.set(balance.rootOf(node), (counts.get(balance.rootOf(node)) ?? 0) + 1)
  const largest = Math.max(...counts.values())
  const least = (balance.share / (1 - balance.share)) * largest
  return draws.map((_, at) => {
    const count = counts.get(balance.rootOf(nodes[at] as number)) as number
    return Math.max(1, least / count)
  })
}

/**
 * The batches of an epoch: objects drawn, varied, sorted by length into batches, and those shuffled. A function of its
 * arguments alone, so that a resumed training finds the same ones.
 */
export function epochBatches(objects: readonly KnownObject[], epoch: number, options: BatchOptions): (() => Batch)[] {
  const { seed, sampling, augmentation, lastWeight, batch, inputs, balance } = options
  const draw = random(seed, epoch, 101)
  const sequences = drawObjects(objects, sampling, balance, draw).map(object => {
    const kind = balance?.isPersistent(balance.rootOf(object.node)) === true ? 'persistent' : 'transient'
    const sequence = sequenceOf(drawPoints(object, augmentation, seed, draw, kind), object.node, lastWeight, inputs)
    return { sequence, key: Math.log(sequence.steps) + draw.uniform(-lengthJitter, lengthJitter) }
  })
  sequences.sort((a, b) => a.key - b.key)
  const groups: Sequence[][] = []
  for (let from = 0; from < sequences.length; from += batch) {
    groups.push(sequences.slice(from, from + batch).map(({ sequence }) => sequence))
  }
  return shuffled(groups, draw).map(group => () => joined(group))
}

/** Objects in batches by length, as they are: for the loss on held-out ones. */
export function plainBatches(objects: readonly KnownObject[], batch: number, cap: number, inputs?: InputSet): Batch[] {
  const original: Augmentation = { share: 0, copies: 1, cap }
  const sequences = objects
    .map((object, at) => sequenceOf(drawPoints(object, original, 0, random(at)), object.node, 0, inputs))
    .sort((a, b) => a.steps - b.steps)
  const batches: Batch[] = []
  for (let from = 0; from < sequences.length; from += batch) batches.push(joined(sequences.slice(from, from + batch)))
  return batches
}

/** Pads sequences to one length and lays them side by side. */
export function joined(sequences: readonly Sequence[]): Batch {
  const rows = sequences.length
  const steps = Math.max(...sequences.map(sequence => sequence.steps))
  const width = sequences[0] === undefined ? 0 : sequences[0].inputs.length / sequences[0].steps
  const inputs = new Float32Array(steps * rows * width)
  const weights = new Float32Array(steps * rows)
  for (const [row, sequence] of sequences.entries()) {
    for (let step = 0; step < sequence.steps; step++) {
      const at = step * rows + row
      inputs.set(sequence.inputs.subarray(step * width, (step + 1) * width), at * width)
      weights[at] = (sequence.weights[step] as number) / rows
    }
  }
  return { rows, steps, inputs, weights, targets: Int32Array.from(sequences, sequence => sequence.target) }
}

/** An object counts by the number of those with its label to this power, inverted. */
export function samplingPower(sampling: Sampling): number {
  return { natural: 0, 'square-root': 0.5, balanced: 1 }[sampling]
}

function drawObjects(
  objects: readonly KnownObject[],
  sampling: Sampling,
  balance: RootBalance | undefined,
  draw: Random
): readonly KnownObject[] {
  if (sampling === 'natural') return shuffled(repeatedly(objects, balance, draw), draw)
  const counts = new Map<number, number>()
  for (const { node } of objects) counts.set(node, (counts.get(node) ?? 0) + 1)
  const power = samplingPower(sampling)
  const cumulative: number[] = []
  let total = 0
  for (const { node } of objects) {
    total += (counts.get(node) as number) ** -power
    cumulative.push(total)
  }
  return objects.map(() => objects[firstAbove(cumulative, draw.uniform(0, total))] as KnownObject)
}

/** Every object as often as it is drawn: the whole part always, the rest by chance. */
function repeatedly(
  objects: readonly KnownObject[],
  balance: RootBalance | undefined,
  draw: Random
): readonly KnownObject[] {
  const draws = drawsOf(
    objects.map(({ node }) => node),
    balance
  )
  return objects.flatMap((object, at) => {
    const times = Math.floor(draws[at] as number)
    const more = (draws[at] as number) > times && draw.uniform() < (draws[at] as number) - times ? 1 : 0
    return new Array<KnownObject>(times + more).fill(object)
  })
}

/** Index of the first of ascending numbers that is above a value; the last where none is. */
function firstAbove(ascending: readonly number[], value: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}

/** Fisher–Yates. */
function shuffled<T>(items: readonly T[], draw: Random): T[] {
  const copy = [...items]
  for (let last = copy.length - 1; last > 0; last--) {
    const other = draw.integer(0, last)
    ;[copy[last], copy[other]] = [copy[other] as T, copy[last] as T]
  }
  return copy
}

/** What the network is trained on: the inputs of an object's detections, step by step, and what each step counts. */
export interface Sequence {
  readonly steps: number
  /** [steps, inputs], row by row. */
  readonly inputs: Float32Array
  /** Weight of the loss after each step; they sum to 1. */
  readonly weights: Float32Array
  /** Node of the object's label; −1: the root. */
  readonly target: number
}

/** The last step counts until 1.5 times the curve's age, at least for so many days. */
const shortestEnd = 100
/** Every step counts a little, even of several in one night. */
const leastWeight = 0.02

/**
 * The last sequence of a light curve, which must hold a detection: those before it, which ended in a long gap, are counted only
 * (`InputSet.startsAnew`). `lastWeight` is the share of the loss that the last step gets more.
 */
export function sequenceOf(
  points: readonly Point[],
  target: number,
  lastWeight = 0,
  set: InputSet = latestInputs
): Sequence {
  const times: number[] = []
  const found: number[] = []
  for (const [index, point] of points.entries()) {
    if (!point.detection) continue
    found.push(index)
    times.push(point.jd)
  }
  const begin = lastSequence(times, set)
  const steps = found.length - begin
  const inputs = new Float32Array(Math.max(steps, 1) * set.count)
  const state = new Float64Array(set.stateLength)
  const accessor = pointsOf(points)
  set.clear(state)
  let sequence = 0
  for (const [at, index] of found.entries()) {
    if (set.startsAnew(sequence, (times[at] as number) - (times[at - 1] ?? 0))) {
      set.restart(state, index)
      sequence = 0
    }
    sequence += 1
    const row = Math.max(at - begin, 0)
    set.step(state, accessor, index, points[index] as Point, inputs, row * set.count)
  }
  return { steps, inputs, weights: stepWeights(times.slice(begin), lastWeight), target }
}

/** Number of detections before the last sequence. */
function lastSequence(times: readonly number[], set: InputSet): number {
  let begin = 0
  for (let at = 1; at < times.length; at++) {
    if (set.startsAnew(at - begin, (times[at] as number) - (times[at - 1] as number))) begin = at
  }
  return begin
}

/**
 * How much the answer after each detection counts: by the logarithm of the time for which it is the latest,
 * ln(1 + t_next) − ln(1 + t) + 0.02, t in days since the first detection, the last one until max(1.5 t, 100 d); normalised.
 */
export function stepWeights(times: readonly number[], lastWeight = 0): Float32Array {
  const first = times[0] ?? 0
  const age = (step: number): number => (times[step] as number) - first
  const last = times.length - 1
  const weights = new Float64Array(times.length)
  let total = 0
  for (let step = 0; step <= last; step++) {
    const next = step < last ? age(step + 1) : Math.max(1.5 * age(last), shortestEnd)
    const weight = Math.log(1 + next) - Math.log(1 + age(step)) + leastWeight
    weights[step] = weight
    total += weight
  }
  return Float32Array.from(
    weights,
    (weight, step) => (1 - lastWeight) * (weight / total) + (step === last ? lastWeight : 0)
  )
}
