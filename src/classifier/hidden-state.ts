import { crc32 } from 'node:zlib'
import type { LightCurve } from '../lightcurves/light-curve.ts'
import type { InputSet } from './input-sets.ts'
import type { NetworkSizes } from './network.ts'

/*
 * The cached state of a model for an object, little-endian:
 *
 *   header    magic and version u32 · CRC-32 of all bytes after it u32 · first 8 bytes of the model's SHA-256 ·
 *             number of older checkpoints u32 · 0 u32
 *   newest    a checkpoint, then the logits of its answer f32 × outputs
 *   older     checkpoints, newest first
 *
 *   checkpoint: hash of the points covered u64 · their number u32 · 0 u32 · state of the inputs f64 each (25 in version 1) ·
 *               hidden vector, its running sum, its running maximum f32 × hidden each
 *
 * The older checkpoints are the states after 8k − 1 detections, for the two greatest k below the newest. If an alert or a changed point
 * is among the last 9 to 16 detections, classification resumes there instead of at the start. For the reference network, a state has
 * 24 + 1,092 + 2 × 984 = 3,084 bytes, which fit on one page of LMDB; with inputs of version 2 it needs two pages.
 */
const magic = 0x31535848
const headerBytes = 24
const spacing = 8
/** Maximum size of a state, unless its newest checkpoint alone is larger. */
const maxBytes = 8168

/** Byte offsets of hash, length and input state in a checkpoint. */
export const hashAt = 0
export const lengthAt = 8
const inputsAt = 16

/** Sizes of a model's vectors, and byte offsets in a checkpoint. */
export interface StateLayout {
  readonly hidden: number
  readonly outputs: number
  readonly inputs: number
  /** Offset of the number of detections before the current sequence; −1 if there is none. */
  readonly earlier: number
  readonly vectors: number
  readonly logits: number
  /** Bytes of a checkpoint without and with logits. */
  readonly checkpointBytes: number
  readonly newestBytes: number
  /** Maximum number of older checkpoints. */
  readonly maxOlder: number
  /** First 8 bytes of the model's SHA-256. */
  readonly model: Uint8Array
}

/** The layout of the states of a model. */
export function stateLayout(
  { hidden, outputs }: NetworkSizes,
  { stateLength, earlierAt }: Pick<InputSet, 'stateLength' | 'earlierAt'>,
  modelSha256: string
): StateLayout {
  const vectors = inputsAt + 8 * stateLength
  const checkpointBytes = vectors + 12 * hidden
  const newestBytes = checkpointBytes + 4 * outputs
  return {
    hidden,
    outputs,
    inputs: inputsAt,
    earlier: earlierAt < 0 ? -1 : inputsAt + 8 * earlierAt,
    vectors,
    logits: checkpointBytes,
    checkpointBytes,
    newestBytes,
    maxOlder: Math.max(0, Math.min(2, Math.floor((maxBytes - headerBytes - newestBytes) / checkpointBytes))),
    model: Buffer.from(modelSha256.slice(0, 16), 'hex')
  }
}

/** Numbers of detections of the older checkpoints to keep, for a newest checkpoint after `detections`; newest first. */
export function olderCheckpoints(layout: StateLayout, detections: number): number[] {
  const counts: number[] = []
  const latest = spacing * Math.floor(detections / spacing) - 1
  for (let count = latest; count > 0 && counts.length < layout.maxOlder; count -= spacing) counts.push(count)
  return counts
}

/** A checkpoint in the bytes of a state. */
export interface Checkpoint {
  readonly bytes: Uint8Array
  /** Number of points that it covers. */
  readonly length: number
  readonly detections: number
  /** Whether logits follow it; they follow only the newest checkpoint of a state. */
  readonly answered: boolean
}

/** Encodes a state: the newest checkpoint (with logits) and older ones. */
export function encodeState(layout: StateLayout, newest: Uint8Array, older: readonly Checkpoint[]): Uint8Array {
  const kept = older.slice(0, layout.maxOlder)
  const state = new Uint8Array(headerBytes + layout.newestBytes + kept.length * layout.checkpointBytes)
  const view = new DataView(state.buffer)
  view.setUint32(0, magic, true)
  state.set(layout.model, 8)
  view.setUint32(16, kept.length, true)
  state.set(newest, headerBytes)
  let offset = headerBytes + layout.newestBytes
  for (const { bytes } of kept) {
    state.set(bytes.subarray(0, layout.checkpointBytes), offset)
    offset += layout.checkpointBytes
  }
  view.setUint32(4, crc32(state.subarray(8)), true)
  return state
}

/**
 * The checkpoints of a state that are valid for the first `length` points of a light curve, newest first. Empty if the state is null,
 * damaged, of another version or of another model, or if the points have changed.
 */
export function usableCheckpoints(
  layout: StateLayout,
  state: Uint8Array | null,
  curve: Pick<LightCurve, 'hashOf'>,
  length: number
): Checkpoint[] {
  if (state === null || state.length < headerBytes + layout.newestBytes) return []
  const view = new DataView(state.buffer, state.byteOffset, state.length)
  const older = view.getUint32(16, true)
  if (view.getUint32(0, true) !== magic) return []
  if (state.length !== headerBytes + layout.newestBytes + older * layout.checkpointBytes) return []
  if (Buffer.compare(layout.model, state.subarray(8, 16)) !== 0) return []
  if (crc32(state.subarray(8)) !== view.getUint32(4, true)) return []
  const usable: Checkpoint[] = []
  for (let index = 0; index <= older; index++) {
    const offset = headerBytes + index * layout.checkpointBytes + (index > 0 ? 4 * layout.outputs : 0)
    const covered = view.getUint32(offset + lengthAt, true)
    if (covered > length) continue
    // All checkpoints of a state cover prefixes of the same points: if one is valid, the older ones are too.
    if (usable.length === 0 && curve.hashOf(covered) !== view.getBigUint64(offset + hashAt, true)) continue
    usable.push({
      bytes: state.subarray(offset, offset + (index === 0 ? layout.newestBytes : layout.checkpointBytes)),
      length: covered,
      detections:
        view.getFloat64(offset + layout.inputs, true) +
        (layout.earlier < 0 ? 0 : view.getFloat64(offset + layout.earlier, true)),
      answered: index === 0
    })
  }
  return usable
}
