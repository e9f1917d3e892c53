import { type InputSet, latestInputs } from 'hierax/classifier/input-sets.ts'
import type { Point } from 'hierax/classifier/inputs.ts'
import { pointsOf } from './augment.ts'

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
