import { clearFeatures, stepFeatures } from './curve-features.ts'
import { featureNames, featureStateLength } from './curve-layout.ts'
import {
  clearInputState,
  inputNames,
  inputStateLength,
  inputsVersion,
  type Point,
  type Points,
  stepInputs
} from './inputs.ts'

/** A way to turn detections into numbers. A model's card names the one that it was trained on. */
export interface InputSet {
  readonly version: string
  /** What the network sees of one detection, in order. All of it is causal. */
  readonly names: readonly string[]
  /** Numbers a detection. */
  readonly count: number
  /** Doubles of the state that is kept between detections. */
  readonly stateLength: number
  /** Sets a state to that before the first detection. */
  clear(state: Float64Array): void
  /**
   * Computes the numbers of the detection `point` at `index` into `out` at `offset` and moves the state on. Every earlier detection
   * must have been stepped through, in order.
   */
  step(state: Float64Array, points: Points, index: number, point: Point, out: Float32Array, offset: number): void
}

const reference: InputSet = {
  version: inputsVersion,
  names: inputNames,
  count: inputNames.length,
  stateLength: inputStateLength,
  clear: clearInputState,
  step: stepInputs
}

const features: InputSet = {
  version: 'ztf-70.v2',
  names: [...inputNames, ...featureNames],
  count: inputNames.length + featureNames.length,
  stateLength: featureStateLength,
  clear(state) {
    clearInputState(state)
    clearFeatures(state)
  },
  step(state, points, index, point, out, offset) {
    stepInputs(state, points, index, point, out, offset)
    stepFeatures(state, point, out, offset)
  }
}

/** All that this version of Hierax knows. */
export const inputSets: readonly InputSet[] = [reference, features]

/** The one that new models are trained on. */
export const latestInputs: InputSet = features

/** A set of inputs by its version; undefined where it is unknown. */
export function inputSetOf(version: string): InputSet | undefined {
  return inputSets.find(each => each.version === version)
}
