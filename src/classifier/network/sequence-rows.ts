import type { LightCurve } from '../../lightcurves/curve/light-curve.ts'
import { lowerBound } from '../../lightcurves/points/ordering.ts'
import type { InputSet } from '../inputs/input-sets.ts'
import { detectionsSeen, inputStateLength, latestDetection, modified } from '../inputs/inputs.ts'
import type { Points } from '../points.ts'
import type { Question } from '../types.ts'
import {
  type Checkpoint,
  isAnswered,
  isIntact,
  olderCheckpoints,
  type StateLayout,
  seal,
  sealLogits,
  validCheckpoints,
  withoutLogits
} from './hidden-state.ts'
import { singles } from './vectors.ts'

/** The part of a light curve that the network reads. */
export type SteppedCurve = Points & Pick<LightCurve, 'hashOf'>

/** A question with this part of a light curve. */
export interface SteppedQuestion extends Pick<Question, 'jd' | 'state'>, Partial<Pick<Question, 'alert'>> {
  readonly curve: SteppedCurve
}

/** One question of a batch while the network steps through its detections. */
export class SequenceRow {
  readonly question: SteppedQuestion
  /** Position in the batch of questions. */
  readonly index: number
  /** Checkpoint to resume from; null at the start. */
  readonly resumed: Checkpoint | null
  /** Detections before the first pending one. */
  readonly before: number
  /** Indices in the light curve of the detections to step through, oldest first. */
  readonly pending: readonly number[]
  /** Number of pending detections that are done. */
  done = 0
  /** Checkpoints of the new state after the time of the question, newest first, as bytes. */
  readonly later: readonly Uint8Array[]
  /** Checkpoints of the new state before the last detection, newest first. Those at `captures` are added while stepping. */
  readonly older: Uint8Array[]
  /** Numbers of detections at which to capture a checkpoint, ascending. */
  readonly captures: number[]
  /** Numbers of detections after which a new sequence begins, ascending. */
  readonly restarts: number[]

  /** Finds the newest usable checkpoint and the detections after it. */
  constructor(layout: StateLayout, set: InputSet, question: SteppedQuestion, index: number) {
    const { curve } = question
    const length = lowerBound(curve.length, at => curve.jd(at) <= question.jd)
    const valid = validCheckpoints(layout, question.state, curve)
    // A checkpoint with no detection after it is usable only if it has logits.
    const isUsable = (checkpoint: Checkpoint): boolean =>
      checkpoint.length <= length &&
      isIntact(layout, checkpoint) &&
      (hasDetection(curve, checkpoint.length, length) || isAnswered(layout, checkpoint))
    this.question = question
    this.index = index
    this.resumed = valid.find(isUsable) ?? null
    this.before = this.resumed?.detections ?? 0
    this.pending = detectionsIn(curve, this.resumed?.length ?? 0, length)
    const end = this.before + this.pending.length
    const later = valid.filter(checkpoint => checkpoint.length > length && isIntact(layout, checkpoint))
    const kept = new Set(olderCheckpoints(layout, later[0]?.detections ?? end))
    // The newest one keeps its logits, for the question that comes after a late one.
    this.later = later.filter(({ detections }, at) => at === 0 || kept.has(detections)).map(({ bytes }) => bytes)
    this.older = valid
      .filter(({ detections }) => detections <= this.before && detections < end && kept.has(detections))
      .map(({ bytes }) => withoutLogits(layout, bytes))
    this.captures = [...kept].filter(detections => detections > this.before && detections < end).reverse()
    this.restarts = restartsIn(layout, set, this.resumed, curve, this.pending)
  }

  /** Detections stepped through, those before the first pending one included. */
  get detections(): number {
    return this.before + this.done
  }

  get isDone(): boolean {
    return this.done === this.pending.length
  }

  /** Number of detections until the row must stop: at a capture, at a new sequence, or at its end. */
  stepsToNextStop(): number {
    const end = this.before + this.pending.length
    const at = this.detections
    const restart = this.restarts.find(each => each > at) ?? end
    return Math.min(this.captures[0] ?? end, restart, end) - at
  }
}

/** Numbers of detections after which a new sequence begins, among the pending detections. */
function restartsIn(
  layout: StateLayout,
  set: InputSet,
  resumed: Checkpoint | null,
  curve: SteppedCurve,
  pending: readonly number[]
): number[] {
  if (set.earlierAt < 0) return []
  const restarts: number[] = []
  let { sequence, latest } = resumed === null ? { sequence: 0, latest: 0 } : sequenceOf(layout, resumed)
  const before = resumed?.detections ?? 0
  for (let step = 0; step < pending.length; step++) {
    const time = modified(curve.jd(pending[step] as number))
    if (set.startsAnew(sequence, time - latest)) {
      restarts.push(before + step)
      sequence = 0
    }
    sequence += 1
    latest = time
  }
  return restarts
}

/** Detections of a checkpoint's present sequence, and the time of the latest (modified Julian day). */
function sequenceOf(layout: StateLayout, { bytes }: Checkpoint): { sequence: number; latest: number } {
  // A copy: the bytes of a store lie anywhere in a larger memory.
  firstBytes.set(bytes.subarray(layout.inputs, layout.inputs + firstBytes.length))
  return { sequence: detectionsSeen(firstInputs), latest: latestDetection(firstInputs) }
}

const firstInputs = new Float64Array(inputStateLength)
const firstBytes = new Uint8Array(firstInputs.buffer)

function hasDetection(curve: SteppedCurve, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (curve.isDetection(at)) return true
  return false
}

function detectionsIn(curve: SteppedCurve, from: number, to: number): number[] {
  const found: number[] = []
  for (let at = from; at < to; at++) if (curve.isDetection(at)) found.push(at)
  return found
}

/** Below all values of a hidden vector. */
const lowest = -2

/**
 * Memory of a row: one block of bytes with its current checkpoint and logits, and views of the numbers in it, which are updated in
 * place.
 */
export class RowMemory {
  /** The checkpoint with its logits. */
  readonly bytes: Uint8Array
  /** State of the inputs. */
  readonly inputs: Float64Array
  readonly hidden: Float32Array
  /** Sum and maximum of the hidden vectors of the sequence so far. */
  readonly sum: Float32Array
  readonly maximum: Float32Array
  /** Logits of the answer, by output unit. */
  readonly logits: Float32Array
  readonly #set: InputSet
  readonly #layout: StateLayout

  constructor(layout: StateLayout, set: InputSet) {
    const memory = new ArrayBuffer(Math.ceil(layout.checkpointBytes / 8) * 8)
    const vector = (which: number) =>
      new Float32Array(memory, layout.vectors + 4 * layout.hidden * which, layout.hidden)
    this.bytes = new Uint8Array(memory, 0, layout.checkpointBytes)
    this.inputs = new Float64Array(memory, layout.inputs, (layout.vectors - layout.inputs) / 8)
    this.hidden = vector(0)
    this.sum = vector(1)
    this.maximum = vector(2)
    this.logits = new Float32Array(memory, layout.logits, layout.outputs)
    this.#set = set
    this.#layout = layout
  }

  /** Loads a checkpoint, or the initial state. */
  load(checkpoint: Checkpoint | null): void {
    this.bytes.fill(0)
    if (checkpoint !== null) this.bytes.set(checkpoint.bytes)
    else {
      this.#set.clear(this.inputs)
      this.maximum.fill(lowest)
    }
  }

  /** Ends the sequence: the detection at `index` is the first of the next one. */
  restart(index: number): void {
    this.#set.restart(this.inputs, index)
    this.hidden.fill(0)
    this.sum.fill(0)
    this.maximum.fill(lowest)
  }

  /** Adds the next hidden vector, which is at an offset of an array. */
  accumulate(vectors: Float32Array, offset: number): void {
    const { hidden, sum, maximum } = this
    for (let unit = 0; unit < hidden.length; unit++) {
      const value = vectors[offset + unit] as number
      hidden[unit] = value
      sum[unit] = (sum[unit] as number) + value
      if (value > (maximum[unit] as number)) maximum[unit] = value
    }
  }

  /** Writes the input of the head: hidden vector, embedding (`size` numbers), mean and maximum of the hidden vectors. */
  features(embedding: Float32Array, offset: number, size: number, out: Float32Array, to: number): void {
    const { hidden, sum, maximum } = this
    const width = hidden.length
    const detections = detectionsSeen(this.inputs)
    for (let unit = 0; unit < width; unit++) {
      out[to + unit] = hidden[unit] as number
      out[to + width + size + unit] = (sum[unit] as number) / detections
      out[to + 2 * width + size + unit] = maximum[unit] as number
    }
    for (let unit = 0; unit < size; unit++) out[to + width + unit] = embedding[offset + unit] as number
  }

  /** Mean of the hidden vectors of the sequence; a copy. */
  mean(): Float32Array {
    const detections = detectionsSeen(this.inputs)
    const { sum } = this
    const mean = singles(sum.length)
    for (let unit = 0; unit < sum.length; unit++) mean[unit] = (sum[unit] as number) / detections
    return mean
  }

  /** Completes the checkpoint: it covers the first `length` points, which have this hash. */
  seal(length: number, hash: bigint): void {
    seal(this.#layout, this.bytes, length, hash)
  }

  /** A copy of the checkpoint, without logits. */
  capture(): Uint8Array {
    return withoutLogits(this.#layout, this.bytes.slice())
  }

  /** The checkpoint with the logits; valid until the row goes on. */
  answered(): Uint8Array {
    sealLogits(this.#layout, this.bytes)
    return this.bytes
  }
}
