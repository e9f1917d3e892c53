import { type InputSet, inputSetOf, latestInputs } from 'hierax/classifier/inputs/input-sets.ts'
import type { Taxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { type Point, pointsOf } from 'hierax/classifier/points.ts'
import { HieraxError } from 'hierax/errors.ts'
import { lowerBound } from 'hierax/lightcurves/points/ordering.ts'
import { chunks, sum, tally } from '../collections.ts'
import type { KnownObject } from '../data/labelled.ts'
import { type Random, random } from '../random.ts'
import type { Recipe } from '../recipe.ts'
import { topOf } from '../tree.ts'
import { capped, drawPoints } from './augment.ts'

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

/** How far sequences are displaced when they are sorted by length, in the logarithm: batches of one epoch differ from another's. */
const lengthJitter = 0.15

/**
 * How often each object is drawn in an epoch, on average. Each child of the root gets at least the share `balance` of the
 * draws: the objects of one that has too few are drawn repeatedly. With a balance of 0 every object is drawn once.
 */
export function drawsOf(taxonomy: Taxonomy, nodes: readonly number[], balance: number): Float64Array {
  const tops = nodes.map(node => topOf(taxonomy, node))
  const counts = tally(tops)
  const least = (balance / (1 - balance)) * Math.max(...counts.values())
  return Float64Array.from(tops, top => Math.max(1, least / (counts.get(top) as number)))
}

/**
 * The batches of an epoch: objects drawn, varied, sorted by length into batches, and those shuffled. A function of its
 * arguments alone, so that a resumed training finds the same ones.
 */
export function epochBatches(
  objects: readonly KnownObject[],
  taxonomy: Taxonomy,
  epoch: number,
  { seed, sampling, augmentation, loss, schedule, network }: Recipe
): (() => Batch)[] {
  const draw = random(seed, epoch, 101)
  const inputs = inputsOf(network.inputs)
  const persistent = new Set(sampling.persistent.map(taxonomy.indexOf).filter(node => node >= 0))
  const isPersistent = (node: number): boolean => persistent.has(topOf(taxonomy, node))
  const sequences = drawObjects(objects, taxonomy, sampling, draw).map(object => {
    const kind = isPersistent(object.node) ? 'persistent' : 'transient'
    const points = drawPoints(object, augmentation, seed, draw, kind)
    const sequence = sequenceOf(points, object.node, loss.lastWeight, inputs)
    return { sequence, key: Math.log(sequence.steps) + draw.uniform(-lengthJitter, lengthJitter) }
  })
  sequences.sort((a, b) => a.key - b.key)
  return shuffled(chunks(sequences, schedule.batch), draw).map(
    group => () => joined(group.map(({ sequence }) => sequence))
  )
}

/** Objects in batches by length, without augmentation: for the loss on held-out objects. */
export function plainBatches(objects: readonly KnownObject[], batch: number, cap: number, inputs?: InputSet): Batch[] {
  const sequences = objects
    .map(({ points, node }) => sequenceOf(capped(points, cap), node, 0, inputs))
    .sort((a, b) => a.steps - b.steps)
  return chunks(sequences, batch).map(joined)
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
export function samplingPower(draws: Recipe['sampling']['draws']): number {
  return { natural: 0, 'square-root': 0.5, balanced: 1 }[draws]
}

/** Objects as an epoch draws them: each as often as `drawsOf` has it, or as many in all, by the number of each label. */
function drawObjects(
  objects: readonly KnownObject[],
  taxonomy: Taxonomy,
  sampling: Recipe['sampling'],
  draw: Random
): KnownObject[] {
  const nodes = objects.map(({ node }) => node)
  if (sampling.draws === 'natural') {
    const draws = drawsOf(taxonomy, nodes, sampling.balance)
    const drawn = objects.flatMap((object, at) => {
      // The whole part always, the rest by chance.
      const times = Math.floor(draws[at] as number)
      const rest = (draws[at] as number) - times
      return new Array<KnownObject>(times + (rest > 0 && draw.uniform() < rest ? 1 : 0)).fill(object)
    })
    return shuffled(drawn, draw)
  }
  const counts = tally(nodes)
  const power = samplingPower(sampling.draws)
  let total = 0
  const cumulative = nodes.map(node => {
    total += (counts.get(node) as number) ** -power
    return total
  })
  return objects.map(() => {
    const value = draw.uniform(0, total)
    return objects[lowerBound(objects.length - 1, at => (cumulative[at] as number) <= value)] as KnownObject
  })
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

/** The last step counts until 1.5 times the curve's age, but at least for this many days. */
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
  const found = [...points.keys()].filter(index => points[index]?.detection)
  const times = found.map(index => (points[index] as Point).jd)
  const begin = lastSequence(times, set)
  const steps = found.length - begin
  const inputs = new Float32Array(Math.max(steps, 1) * set.count)
  const state = new Float64Array(set.stateLength)
  const curve = pointsOf(points)
  set.clear(state)
  let sequence = 0
  for (const [at, index] of found.entries()) {
    if (set.startsAnew(sequence, (times[at] as number) - (times[at - 1] ?? 0))) {
      set.restart(state, index)
      sequence = 0
    }
    sequence += 1
    const row = Math.max(at - begin, 0)
    set.step(state, curve, index, inputs, row * set.count)
  }
  return { steps, inputs, weights: stepWeights(times.slice(begin), lastWeight), target }
}

/** The set of inputs of a version. Throws USAGE where it is unknown. */
export function inputsOf(version: string): InputSet {
  const set = inputSetOf(version)
  if (set === undefined) throw new HieraxError('USAGE', `inputs ${version} are unknown`)
  return set
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
 * Weight of the prediction after each detection: by the logarithm of the time for which it is the latest,
 * ln(1 + t_next) − ln(1 + t) + 0.02, t in days since the first detection, the last one until max(1.5 t, 100 d); normalised.
 */
export function stepWeights(times: readonly number[], lastWeight = 0): Float32Array {
  const first = times[0] ?? 0
  const age = (step: number): number => (times[step] as number) - first
  const last = times.length - 1
  const weights = times.map((_, step) => {
    const next = step < last ? age(step + 1) : Math.max(1.5 * age(last), shortestEnd)
    return Math.log(1 + next) - Math.log(1 + age(step)) + leastWeight
  })
  const total = sum(weights)
  return Float32Array.from(
    weights,
    (weight, step) => (1 - lastWeight) * (weight / total) + (step === last ? lastWeight : 0)
  )
}
