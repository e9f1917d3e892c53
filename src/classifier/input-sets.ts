import { clearFeatures, featureNames, featureStateLength, stepFeatures } from './curve-features.ts'
import {
  clearInputState,
  detectionsSeen,
  inputNames,
  inputStateLength,
  inputsVersion,
  type Point,
  type Points,
  passPointsBefore,
  stepInputs
} from './inputs.ts'

/** A way to turn detections into numbers. A model's card names the one that it was trained on. */
export interface InputSet {
  readonly version: string
  /** What the network sees of one detection, in order. All of it is causal. */
  readonly names: readonly string[]
  /** Numbers per detection. */
  readonly count: number
  /** Doubles of the state that is kept between detections. */
  readonly stateLength: number
  /** Where the state keeps the number of detections before the present sequence; −1 where sequences never restart. */
  readonly earlierAt: number
  /** Where the state records that a detection lay outside the range of the training set; −1 where it does not record this. */
  readonly outsideAt: number
  /** Resets a state to that before the first detection. */
  clear(state: Float64Array): void
  /**
   * Whether a detection begins a new sequence: it comes `gap` days after a sequence of `detections`. Ages and the
   * network's memory are then reset.
   */
  startsAnew(detections: number, gap: number): boolean
  /** Ends the present sequence: the detection at `index` will be the first of the next one. */
  restart(state: Float64Array, index: number): void
  /**
   * Computes the numbers of the detection `point` at `index` into `out` at `offset` and updates the state. Every earlier detection must
   * have been stepped through, in order.
   */
  step(state: Float64Array, points: Points, index: number, point: Point, out: Float32Array, offset: number): void
}

const reference: InputSet = {
  version: inputsVersion,
  names: inputNames,
  count: inputNames.length,
  stateLength: inputStateLength,
  earlierAt: -1,
  outsideAt: -1,
  clear: clearInputState,
  startsAnew: () => false,
  restart: () => {},
  step: stepInputs
}

const features: InputSet = {
  ...reference,
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

/** A sequence of at most `detections` is isolated if the next detection comes more than `days` later. */
const isolated = { detections: 2, days: 60 }
const earlier = featureStateLength
const outside = featureStateLength + 1

/**
 * Version 3: the numbers of version 2, the logarithm of the number of detections before the present sequence, and whether there
 * are any. Ages are not counted from one or two old detections, which are often spurious: the sequence restarts after them.
 */
const sequences: InputSet = {
  version: 'ztf-72.v3',
  names: [...features.names, 'logEarlierDetections', 'hasEarlierDetections'],
  count: features.count + 2,
  stateLength: featureStateLength + 2,
  earlierAt: earlier,
  outsideAt: outside,
  clear(state) {
    features.clear(state)
    state[earlier] = 0
    state[outside] = 0
  },
  startsAnew: (detections, gap) => detections > 0 && detections <= isolated.detections && gap > isolated.days,
  restart(state, index) {
    const before = (state[earlier] as number) + detectionsSeen(state)
    features.clear(state)
    state[earlier] = before
    state[outside] = 0
    passPointsBefore(state, index)
  },
  step(state, points, index, point, out, offset) {
    features.step(state, points, index, point, out, offset)
    const before = state[earlier] as number
    out[offset + features.count] = Math.log(1 + before) / 4
    out[offset + features.count + 1] = before > 0 ? 1 : 0
  }
}

/** All input sets of this version of Hierax. */
export const inputSets: readonly InputSet[] = [reference, features, sequences]

/** The one that new models are trained on. */
export const latestInputs: InputSet = sequences

/** A set of inputs by its version; undefined where it is unknown. */
export function inputSetOf(version: string): InputSet | undefined {
  return inputSets.find(each => each.version === version)
}
