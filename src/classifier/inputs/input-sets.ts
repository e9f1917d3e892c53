import type { Points } from '../points.ts'
import { featureNames, stepFeatures } from './curve-features.ts'
import { clearSums, sumsStateLength } from './curve-sums.ts'
import {
  clearInputState,
  detectionsSeen,
  inputNames,
  inputStateLength,
  inputsVersion,
  passPointsBefore,
  stepInputs
} from './inputs.ts'

/** The inputs of a network, computed for each detection. A model's card names the set that it was trained on. */
export interface InputSet {
  readonly version: string
  /** Names of the inputs of one detection, in order. All are causal. */
  readonly names: readonly string[]
  /** Numbers per detection. */
  readonly count: number
  /** Length of the state that is kept between detections, in doubles. */
  readonly stateLength: number
  /** Index in the state of the number of detections before the current sequence; −1 if sequences never restart. */
  readonly earlierAt: number
  /** Index in the state of a flag for detections outside the range of the training set; −1 if there is none. */
  readonly outsideAt: number
  /** Resets a state to that before the first detection. */
  clear(state: Float64Array): void
  /**
   * Whether a detection `gap` days after a sequence of `detections` begins a new sequence. Ages and the hidden state of the
   * network are then reset.
   */
  startsAnew(detections: number, gap: number): boolean
  /** Ends the current sequence: the detection at `index` will be the first of the next one. */
  restart(state: Float64Array, index: number): void
  /**
   * Computes the numbers of the detection at `index` into `out` at `offset` and updates the state. Every earlier detection must
   * have been stepped through, in order.
   */
  step(state: Float64Array, points: Points, index: number, out: Float32Array, offset: number): void
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
  stateLength: sumsStateLength,
  clear(state) {
    clearInputState(state)
    clearSums(state)
  },
  step(state, points, index, out, offset) {
    stepInputs(state, points, index, out, offset)
    stepFeatures(state, points, index, out, offset)
  }
}

/** A sequence of at most `detections` is isolated if the next detection is more than `days` later. */
const isolated = { detections: 2, days: 60 }
const earlier = sumsStateLength
const outside = sumsStateLength + 1

/**
 * Version 3: the inputs of version 2, the logarithm of the number of detections before the current sequence, and whether there
 * are any. One or two isolated old detections are often spurious. The sequence restarts after them, so that ages are not counted from them.
 */
const sequences: InputSet = {
  version: 'ztf-72.v3',
  names: [...features.names, 'logEarlierDetections', 'hasEarlierDetections'],
  count: features.count + 2,
  stateLength: sumsStateLength + 2,
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
  step(state, points, index, out, offset) {
    features.step(state, points, index, out, offset)
    const before = state[earlier] as number
    out[offset + features.count] = Math.log(1 + before) / 4
    out[offset + features.count + 1] = before > 0 ? 1 : 0
  }
}

/** All input sets that this version of Hierax supports. */
export const inputSets: readonly InputSet[] = [reference, features, sequences]

/** The input set of new models. */
export const latestInputs: InputSet = sequences

/** The input set of a version; undefined if the version is unknown. */
export function inputSetOf(version: string): InputSet | undefined {
  return inputSets.find(each => each.version === version)
}
