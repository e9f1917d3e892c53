import { crc32 } from 'node:zlib'
import type { LightCurve } from '../../lightcurves/curve/light-curve.ts'
import { maxPoints } from '../../lightcurves/curve/merge.ts'
import type { InputSet } from '../inputs/input-sets.ts'
import type { NetworkSizes } from './network.ts'

/*
 * The cached state of a model for an object, little-endian: checkpoints of its network, from which a classification resumes.
 *
 *   header       magic and version u32 · number of checkpoints u32 · first 8 bytes of the model's SHA-256
 *   checkpoints  newest first:
 *                hash of the points covered u64 · their number u32 · CRC-32 of the checkpoint but for CRCs and logits u32 · CRC-32 of the
 *                logits u32 (0: none) · 0 u32 · state of the inputs f64 each (25 in version 1) · hidden vector, its running sum, its
 *                running maximum f32 × hidden each · logits of the answer f32 × outputs (zeros: none)
 *
 * Besides the newest checkpoint, a state has those after 8k − 1 detections for the two greatest k below the newest, after 64k − 1 for the
 * two greatest k, and after 512k − 1 for every k. An alert in the past, or a changed point, is thus at most 8, 64 or 512 detections after a
 * checkpoint, the farther back the more. Every checkpoint has a CRC of its own, so that a new detection reads no more than the newest.
 *
 * For the bundled network, a checkpoint has 1,856 bytes. A state has at most 3 of them up to 63 detections, 6 at 1,000, 24 (45 kB)
 * at 10,000, the most that an object has.
 */
const magic = 0x33535848
const headerBytes = 16
/** Spacings of the levels of which the last two checkpoints are kept, in detections. */
const nearSpacings = [8, 64]
/** Spacing of the checkpoints that are all kept; it is doubled for a network whose checkpoints exceed `maxFarBytes`. */
const farSpacing = 512
const maxFarBytes = 48 * 1024

/** Byte offsets in a checkpoint. */
const hashAt = 0
const lengthAt = 8
const crcAt = 12
const logitsCrcAt = 16
const inputsAt = 24

/** Sizes of a model's vectors, and byte offsets in a checkpoint. */
export interface StateLayout {
  readonly hidden: number
  readonly outputs: number
  readonly inputs: number
  /** Offset of the number of detections before the current sequence; −1 if there is none. */
  readonly earlier: number
  readonly vectors: number
  readonly logits: number
  readonly checkpointBytes: number
  /** Spacing of the checkpoints that are all kept, in detections. */
  readonly farSpacing: number
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
  const logits = vectors + 12 * hidden
  const checkpointBytes = logits + 4 * outputs
  let far = farSpacing
  while (Math.floor(maxPoints / far) * checkpointBytes > maxFarBytes) far *= 2
  return {
    hidden,
    outputs,
    inputs: inputsAt,
    earlier: earlierAt < 0 ? -1 : inputsAt + 8 * earlierAt,
    vectors,
    logits,
    checkpointBytes,
    farSpacing: far,
    model: Buffer.from(modelSha256.slice(0, 16), 'hex')
  }
}

/** Numbers of detections of the checkpoints to keep besides the newest, which is after `detections`; descending. */
export function olderCheckpoints(layout: StateLayout, detections: number): number[] {
  const counts = new Set<number>()
  const addLevel = (spacing: number, most: number): void => {
    const latest = spacing * Math.floor(detections / spacing) - 1
    for (let count = latest, added = 0; count > 0 && added < most; count -= spacing, added++) counts.add(count)
  }
  for (const spacing of nearSpacings) addLevel(spacing, 2)
  addLevel(layout.farSpacing, Number.POSITIVE_INFINITY)
  return [...counts].sort((a, b) => b - a)
}

/** A checkpoint of a state. */
export interface Checkpoint {
  /** It may be damaged: see `isIntact`. */
  readonly bytes: Uint8Array
  /** Number of points that it covers. */
  readonly length: number
  readonly detections: number
}

/** The checkpoint in the bytes of one. */
export function checkpointOf(layout: StateLayout, bytes: Uint8Array): Checkpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const earlier = layout.earlier < 0 ? 0 : view.getFloat64(layout.earlier, true)
  return {
    bytes,
    length: view.getUint32(lengthAt, true),
    detections: view.getFloat64(layout.inputs, true) + earlier
  }
}

/** Completes the bytes of a checkpoint without logits: number and hash of the points that it covers, and its CRC. */
export function seal(layout: StateLayout, bytes: Uint8Array, length: number, hash: bigint): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  view.setBigUint64(hashAt, hash, true)
  view.setUint32(lengthAt, length, true)
  view.setUint32(crcAt, crcOf(layout, bytes), true)
}

/** Marks the logits of a checkpoint as those of its answer. */
export function sealLogits({ logits }: StateLayout, bytes: Uint8Array): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(logitsCrcAt, crc32(bytes.subarray(logits)), true)
}

/** The bytes of a checkpoint without logits: themselves, or a copy. */
export function withoutLogits({ logits }: StateLayout, bytes: Uint8Array): Uint8Array {
  const isWithout = bytes.subarray(logitsCrcAt, inputsAt).every(byte => byte === 0)
  return isWithout ? bytes : new Uint8Array(bytes).fill(0, logitsCrcAt, inputsAt).fill(0, logits)
}

/** Whether a checkpoint is as it was written, its logits aside. */
export function isIntact(layout: StateLayout, { bytes }: Checkpoint): boolean {
  return crcOf(layout, bytes) === new DataView(bytes.buffer, bytes.byteOffset).getUint32(crcAt, true)
}

/** Whether a checkpoint has the logits of its answer. */
export function isAnswered({ logits }: StateLayout, { bytes }: Checkpoint): boolean {
  return crc32(bytes.subarray(logits)) === new DataView(bytes.buffer, bytes.byteOffset).getUint32(logitsCrcAt, true)
}

function crcOf({ inputs, logits }: StateLayout, bytes: Uint8Array): number {
  return crc32(bytes.subarray(inputs, logits), crc32(bytes.subarray(hashAt, crcAt)))
}

/** Encodes a state from the bytes of its checkpoints, newest first; empty without any. */
export function encodeState(layout: StateLayout, checkpoints: readonly Uint8Array[]): Uint8Array {
  if (checkpoints.length === 0) return new Uint8Array(0)
  const state = Buffer.allocUnsafe(headerBytes + checkpoints.length * layout.checkpointBytes)
  state.writeUInt32LE(magic, 0)
  state.writeUInt32LE(checkpoints.length, 4)
  state.set(layout.model, 8)
  for (let at = 0; at < checkpoints.length; at++)
    state.set(checkpoints[at] as Uint8Array, headerBytes + at * layout.checkpointBytes)
  return state
}

/**
 * The checkpoints of a state that are valid for the points of a light curve, newest first. Empty if the state is null, of another version
 * or of another model, or if all points have changed.
 */
export function validCheckpoints(
  layout: StateLayout,
  state: Uint8Array | null,
  curve: Pick<LightCurve, 'hashOf' | 'length'>
): Checkpoint[] {
  if (state === null || state.length < headerBytes) return []
  const view = new DataView(state.buffer, state.byteOffset, state.length)
  const count = view.getUint32(4, true)
  if (view.getUint32(0, true) !== magic || state.length !== headerBytes + count * layout.checkpointBytes) return []
  if (Buffer.compare(layout.model, state.subarray(8, 16)) !== 0) return []
  const valid: Checkpoint[] = []
  for (let offset = headerBytes; offset < state.length; offset += layout.checkpointBytes) {
    const checkpoint = checkpointOf(layout, state.subarray(offset, offset + layout.checkpointBytes))
    // All checkpoints of a state cover prefixes of the same points: if one is valid, the older ones are too.
    const isValid =
      valid.length > 0 ||
      (checkpoint.length <= curve.length &&
        curve.hashOf(checkpoint.length) === view.getBigUint64(offset + hashAt, true))
    if (isValid) valid.push(checkpoint)
  }
  return valid
}
