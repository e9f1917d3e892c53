import type { LightCurve } from '../lightcurves/light-curve.ts'
import { type Checkpoint, olderCheckpoints, type StateLayout, usableCheckpoints } from './hidden-state.ts'
import type { InputSet } from './input-sets.ts'
import { detectionsSeen, latestDetection, modified, type Point } from './inputs.ts'
import type { Question } from './types.ts'

/** What the network reads of a light curve. */
export type SteppedCurve = Pick<LightCurve, 'length' | 'at' | 'jd' | 'hashOf'>

/** A question that needs no more of its light curve than that. */
export interface SteppedQuestion extends Pick<Question, 'jd' | 'state'>, Partial<Pick<Question, 'alert'>> {
  readonly curve: SteppedCurve
}

/** One question on its way through the network: what is still to be stepped, and where its checkpoint is worked on. */
export interface Lane {
  readonly question: SteppedQuestion
  /** Position in the batch of questions. */
  readonly index: number
  /** Points with `jd` at most the question's. */
  readonly length: number
  /** Detections to step through, oldest first: their indices in the light curve, and the points. */
  readonly pending: readonly { readonly at: number; readonly point: Point }[]
  /** How many of them are done. */
  done: number
  /** Detections before the first pending one. */
  readonly before: number
  /** Checkpoint to begin with; null for the start. */
  readonly resumed: Checkpoint | null
  /** Checkpoints to keep as the state's older ones, newest first; those still to come are captured on the way. */
  readonly older: Checkpoint[]
  /** Numbers of detections at which to capture one, ascending. */
  readonly captures: number[]
  /** Numbers of detections behind which a new sequence begins, ascending. */
  readonly restarts: number[]
}

/** Makes a question ready: finds the newest checkpoint that serves it and the detections after it. */
export function openLane(layout: StateLayout, set: InputSet, question: SteppedQuestion, index: number): Lane {
  const { curve, jd } = question
  const length = pointsUpTo(curve, jd)
  const usable = usableCheckpoints(layout, question.state, curve, length)
  for (const [which, checkpoint] of usable.entries()) {
    const pending = detectionsIn(curve, checkpoint.length, length)
    if (pending.length === 0 && !checkpoint.answered) continue
    return laneFrom(layout, set, question, index, length, pending, usable.slice(which))
  }
  return laneFrom(layout, set, question, index, length, detectionsIn(curve, 0, length), [])
}

function laneFrom(
  layout: StateLayout,
  set: InputSet,
  question: SteppedQuestion,
  index: number,
  length: number,
  pending: Lane['pending'],
  checkpoints: readonly Checkpoint[]
): Lane {
  const resumed = checkpoints[0] ?? null
  const before = resumed?.detections ?? 0
  const wanted = olderCheckpoints(layout, before + pending.length)
  const older = checkpoints.filter(({ detections }) => wanted.includes(detections))
  const captures = wanted.filter(detections => detections > before).reverse()
  const restarts = restartsIn(layout, set, resumed, pending)
  return { question, index, length, pending, done: 0, before, resumed, older, captures, restarts }
}

/** Numbers of detections of the object behind which one of the pending ones begins a new sequence. */
function restartsIn(
  layout: StateLayout,
  set: InputSet,
  resumed: Checkpoint | null,
  pending: Lane['pending']
): number[] {
  if (set.earlierAt < 0) return []
  const restarts: number[] = []
  let { sequence, latest } = resumed === null ? { sequence: 0, latest: 0 } : sequenceOf(layout, resumed)
  const before = resumed?.detections ?? 0
  for (const [step, { point }] of pending.entries()) {
    const time = modified(point.jd)
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
  // A copy: the bytes of a store lie anywhere in a larger memory, and `slice` of a Buffer copies nothing.
  const copy = new Uint8Array(bytes.subarray(layout.inputs, layout.vectors))
  const state = new Float64Array(copy.buffer)
  return { sequence: detectionsSeen(state), latest: latestDetection(state) }
}

/** Detections that are left to step through before the lane must stop: for a capture, a new sequence, or at its end. */
export function stepsToNextStop(lane: Lane): number {
  const end = lane.before + lane.pending.length
  const at = lane.before + lane.done
  const restart = lane.restarts.find(each => each > at) ?? end
  return Math.min(lane.captures[0] ?? end, restart, end) - at
}

function detectionsIn(curve: SteppedCurve, from: number, to: number): { at: number; point: Point }[] {
  const found: { at: number; point: Point }[] = []
  for (let at = from; at < to; at++) {
    const point = curve.at(at)
    if (point.detection) found.push({ at, point })
  }
  return found
}

/** Number of points with `jd` at most the given one, by bisection. */
function pointsUpTo(curve: SteppedCurve, jd: number): number {
  let low = 0
  let high = curve.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (curve.jd(middle) <= jd) low = middle + 1
    else high = middle
  }
  return low
}

/** Below anything that a hidden vector can hold. */
const lowest = -2

/**
 * Checkpoints of many lanes side by side in one memory, so that a state is read and written by one copy of bytes each, and the
 * numbers in it are worked on in place.
 */
export class Workspace {
  readonly #layout: StateLayout
  readonly #bytes: Uint8Array
  readonly #floats: Float32Array
  readonly #doubles: Float64Array
  readonly #words: Uint32Array
  readonly #hashes: BigUint64Array

  readonly #set: InputSet

  constructor(layout: StateLayout, set: InputSet, lanes: number) {
    const memory = new ArrayBuffer(layout.stride * lanes)
    this.#layout = layout
    this.#set = set
    this.#bytes = new Uint8Array(memory)
    this.#floats = new Float32Array(memory)
    this.#doubles = new Float64Array(memory)
    this.#words = new Uint32Array(memory)
    this.#hashes = new BigUint64Array(memory)
  }

  /** Sets a lane to a checkpoint, or to the start. */
  load(row: number, checkpoint: Checkpoint | null): void {
    const start = row * this.#layout.stride
    this.#bytes.fill(0, start, start + this.#layout.stride)
    if (checkpoint !== null) this.#bytes.set(checkpoint.bytes, start)
    else {
      this.#set.clear(this.inputs(row))
      this.vector(row, 2).fill(lowest)
    }
  }

  /** Ends a lane's sequence: the detection at `index` is the first of the next one. */
  restart(row: number, index: number): void {
    this.#set.restart(this.inputs(row), index)
    this.vector(row, 0).fill(0)
    this.vector(row, 1).fill(0)
    this.vector(row, 2).fill(lowest)
  }

  /** The state of a lane's inputs. */
  inputs(row: number): Float64Array {
    const start = (row * this.#layout.stride + this.#layout.inputs) / 8
    return this.#doubles.subarray(start, start + (this.#layout.vectors - this.#layout.inputs) / 8)
  }

  /** A lane's hidden vector (0), its running sum (1) or its running maximum (2). */
  vector(row: number, which: 0 | 1 | 2): Float32Array {
    const start = (row * this.#layout.stride + this.#layout.vectors) / 4 + which * this.#layout.hidden
    return this.#floats.subarray(start, start + this.#layout.hidden)
  }

  /** Takes a lane's new hidden vector, at an offset of an array, into its checkpoint. */
  accumulate(row: number, hidden: Float32Array, offset: number): void {
    const width = this.#layout.hidden
    const floats = this.#floats
    const at = (row * this.#layout.stride + this.#layout.vectors) / 4
    for (let unit = 0; unit < width; unit++) {
      const value = hidden[offset + unit] as number
      floats[at + unit] = value
      floats[at + width + unit] = (floats[at + width + unit] as number) + value
      if (value > (floats[at + 2 * width + unit] as number)) floats[at + 2 * width + unit] = value
    }
  }

  /** Writes what the head sees of a lane: hidden vector, embedding, mean and maximum of the hidden vector. */
  features(row: number, embedding: Float32Array, offset: number, size: number, out: Float32Array, to: number): void {
    const width = this.#layout.hidden
    const at = (row * this.#layout.stride + this.#layout.vectors) / 4
    const detections = this.inputs(row)[0] as number
    for (let unit = 0; unit < width; unit++) {
      out[to + unit] = this.#floats[at + unit] as number
      out[to + width + size + unit] = (this.#floats[at + width + unit] as number) / detections
      out[to + 2 * width + size + unit] = this.#floats[at + 2 * width + unit] as number
    }
    for (let unit = 0; unit < size; unit++) out[to + width + unit] = embedding[offset + unit] as number
  }

  /** A copy of the mean of a lane's hidden vector over its detections. */
  mean(row: number): Float32Array {
    const detections = this.inputs(row)[0] as number
    return this.vector(row, 1).map(sum => sum / detections)
  }

  /** The logits of a lane's answer. */
  logits(row: number): Float32Array {
    const start = (row * this.#layout.stride + this.#layout.logits) / 4
    return this.#floats.subarray(start, start + this.#layout.outputs)
  }

  /** Notes which points a lane's checkpoint covers. */
  seal(row: number, length: number, hash: bigint): void {
    const start = row * this.#layout.stride
    this.#hashes[start / 8] = hash
    this.#words[start / 4 + 2] = length
  }

  /** Bytes of a lane's checkpoint, with its logits; a view. */
  bytes(row: number): Uint8Array {
    const start = row * this.#layout.stride
    return this.#bytes.subarray(start, start + this.#layout.newestBytes)
  }

  /** A copy of a lane's checkpoint as it stands, without logits. */
  capture(row: number, length: number, detections: number): Checkpoint {
    const bytes = this.bytes(row).slice(0, this.#layout.checkpointBytes)
    return { bytes, length, detections, answered: false }
  }
}
