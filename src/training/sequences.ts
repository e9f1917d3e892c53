import { type InputSet, latestInputs } from '../classifier/input-sets.ts'
import type { Point } from '../classifier/inputs.ts'
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

/** The sequence of a light curve, which must hold a detection. `lastWeight` is the share of the loss that the last step gets more. */
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
  const inputs = new Float32Array(found.length * set.count)
  const state = new Float64Array(set.stateLength)
  const accessor = pointsOf(points)
  set.clear(state)
  for (const [step, index] of found.entries()) {
    set.step(state, accessor, index, points[index] as Point, inputs, step * set.count)
  }
  return { steps: found.length, inputs, weights: stepWeights(times, lastWeight), target }
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
