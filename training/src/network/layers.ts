import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core'
import type { NetworkSizes } from 'hierax/classifier/network/network.ts'
import type { Runtime } from 'hierax/classifier/network/runtime.ts'

/*
 * The gated recurrent unit, reset after, over whole sequences. With h the hidden vector before a step and x its input:
 *
 *   r, z = sigmoid(x W_rz + b_rz + h U_rz + c_rz)      reset and update gate
 *   m    = h U_n + c_n                                 memory
 *   n    = tanh(x W_n + b_n + r m)                     candidate
 *   h'   = n + z (h − n)
 *
 * Both passes do all that they can for all steps at once; the loops hold 12 operations a step forward and 6 back.
 */

/** Weights of the unit; the columns of its kernels are reset, update, candidate. */
export interface GatedUnit {
  /** [embedding, 3 × hidden]. */
  readonly kernel: Tensor2D
  readonly bias: Tensor1D
  /** [hidden, 3 × hidden]. */
  readonly recurrentKernel: Tensor2D
  readonly recurrentBias: Tensor1D
}

/** What a pass through the unit gave: all [steps, rows, hidden]. */
export interface Recurrence {
  /** Hidden vectors before and after each step. */
  readonly before: Tensor3D
  readonly hidden: Tensor3D
  readonly reset: Tensor3D
  readonly update: Tensor3D
  readonly memory: Tensor3D
  readonly candidate: Tensor3D
}

/** Derivatives with respect to the unit's weights and to its input [steps × rows, embedding]. */
export interface GatedUnitGradient extends GatedUnit {
  readonly input: Tensor2D
}

/** Runs the unit from hidden vectors of zeros over `input` [steps × rows, embedding]. */
export function forward(tf: Runtime['tf'], unit: GatedUnit, input: Tensor2D, rows: number, steps: number): Recurrence {
  const width = unit.recurrentKernel.shape[0]
  const fromInput = tf.add(tf.matMul(input, unit.kernel), unit.bias)
  const [ofGates, ofCandidate] = tf.split(fromInput, [2 * width, width], 1) as [Tensor2D, Tensor2D]
  const [gateBias, memoryBias] = tf.split(unit.recurrentBias, [2 * width, width]) as [Tensor1D, Tensor1D]
  const gateInputs = stepwise(tf, tf.add(ofGates, gateBias), rows, 2 * width)
  const candidateInputs = stepwise(tf, ofCandidate, rows, width)
  const passed: Record<keyof Recurrence, Tensor2D>[] = []
  let before: Tensor2D = tf.zeros([rows, width])
  for (let step = 0; step < steps; step++) {
    const recurrent = tf.matMul(before, unit.recurrentKernel)
    const [toGates, toMemory] = tf.split(recurrent, [2 * width, width], 1) as [Tensor2D, Tensor2D]
    const gates = tf.sigmoid(tf.add(gateInputs[step] as Tensor2D, toGates))
    const [reset, update] = tf.split(gates, 2, 1) as [Tensor2D, Tensor2D]
    const memory = tf.add(toMemory, memoryBias) as Tensor2D
    const candidate: Tensor2D = tf.tanh(tf.add(candidateInputs[step] as Tensor2D, tf.mul(reset, memory)))
    const hidden: Tensor2D = tf.add(candidate, tf.mul(update, tf.sub(before, candidate)))
    passed.push({ before, hidden, reset, update, memory, candidate })
    before = hidden
  }
  const stack = (name: keyof Recurrence): Tensor3D => tf.stack(passed.map(each => each[name])) as Tensor3D
  return {
    before: stack('before'),
    hidden: stack('hidden'),
    reset: stack('reset'),
    update: stack('update'),
    memory: stack('memory'),
    candidate: stack('candidate')
  }
}

/** The backward pass: from the derivative with respect to the hidden vectors after each step, [steps × rows, hidden]. */
export function backward(
  tf: Runtime['tf'],
  unit: GatedUnit,
  { before, reset, update, memory, candidate }: Recurrence,
  input: Tensor2D,
  dHidden: Tensor2D,
  rows: number,
  steps: number
): GatedUnitGradient {
  const width = unit.recurrentKernel.shape[0]
  const one = tf.scalar(1)
  const less = (t: Tensor3D): Tensor3D => tf.sub(one, t)
  // By how much a change of h' is a change of what goes into candidate, reset gate, update gate and memory.
  const intoCandidate = tf.mul(less(update), less(tf.square(candidate)))
  const intoReset = tf.mul(tf.mul(intoCandidate, memory), tf.mul(reset, less(reset)))
  const intoUpdate = tf.mul(tf.sub(before, candidate), tf.mul(update, less(update)))
  const intoMemory = tf.mul(intoCandidate, reset)
  const factors = stepwise(tf, tf.concat([intoReset, intoUpdate, intoMemory], 2), rows, 3 * width)
  const updates = stepwise(tf, update, rows, width)
  const given = stepwise(tf, dHidden, rows, width)
  // Transposed explicitly: WebAssembly multiplies matrices that are flagged as transposed many times more slowly.
  const transposed = tf.transpose(unit.recurrentKernel)
  const totals: Tensor2D[] = []
  const parts: Tensor2D[] = []
  let carried: Tensor2D = tf.zeros([rows, width])
  for (let step = steps - 1; step >= 0; step--) {
    const total = tf.add(given[step] as Tensor2D, carried) as Tensor2D
    const part = tf.mul(tf.concat([total, total, total], 1), factors[step] as Tensor2D) as Tensor2D
    carried = tf.add(tf.mul(total, updates[step] as Tensor2D), tf.matMul(part, transposed)) as Tensor2D
    totals.push(total)
    parts.push(part)
  }
  const all = rows * steps
  const flat = <T extends Tensor2D>(tensors: T[], columns: number) =>
    tf.reshape(tf.stack(tensors.reverse()), [all, columns]) as Tensor2D
  const dRecurrent = flat(parts, 3 * width)
  const dCandidate = tf.mul(flat(totals, width), tf.reshape(intoCandidate, [all, width])) as Tensor2D
  const dGates = tf.slice2d(dRecurrent, [0, 0], [all, 2 * width])
  const dInput = tf.concat([dGates, dCandidate], 1)
  return {
    kernel: tf.matMul(tf.transpose(input), dInput),
    bias: tf.sum(dInput, 0),
    recurrentKernel: tf.matMul(tf.transpose(tf.reshape(before, [all, width]) as Tensor2D), dRecurrent),
    recurrentBias: tf.sum(dRecurrent, 0),
    input: tf.matMul(dInput, tf.transpose(unit.kernel))
  }
}

/** A tensor with steps first as one tensor a step. On WebAssembly by way of an array: there every slice copies the whole tensor. */
function stepwise(tf: Runtime['tf'], tensor: Tensor, rows: number, width: number): Tensor2D[] {
  const size = rows * width
  const steps = tensor.size / size
  if (tf.getBackend() !== 'wasm') return tf.unstack(tf.reshape(tensor, [steps, rows, width])) as Tensor2D[]
  const values = tensor.dataSync<'float32'>()
  return Array.from({ length: steps }, (_, step) =>
    tf.tensor2d(values.subarray(step * size, (step + 1) * size), [rows, width])
  )
}

/**
 * Running mean and running maximum along the first axis, with their derivatives. In plain loops: TensorFlow.js lacks a
 * running maximum, and its derivative of a running sum is wrong on any axis but the last. Arrays are [steps, width].
 */
export interface Pooled {
  readonly mean: Float32Array
  readonly maximum: Float32Array
  /** The step at which each maximum was reached, the first of equals. */
  readonly reached: Int32Array
}

/** Running mean and maximum of `values` [steps, width]. */
export function pool(values: Float32Array, steps: number, width: number): Pooled {
  const mean = new Float32Array(values.length)
  const maximum = new Float32Array(values.length)
  const reached = new Int32Array(values.length)
  const sum = new Float32Array(width)
  const highest = new Float32Array(width).fill(Number.NEGATIVE_INFINITY)
  const highestAt = new Int32Array(width)
  for (let step = 0; step < steps; step++) {
    const scale = 1 / (step + 1)
    for (let unit = 0; unit < width; unit++) {
      const at = step * width + unit
      const value = values[at] as number
      sum[unit] = (sum[unit] as number) + value
      mean[at] = (sum[unit] as number) * scale
      if (value > (highest[unit] as number)) {
        highest[unit] = value
        highestAt[unit] = step
      }
      maximum[at] = highest[unit] as number
      reached[at] = highestAt[unit] as number
    }
  }
  return { mean, maximum, reached }
}

/** Derivative with respect to the values, from those with respect to mean and maximum. */
export function poolGradient(
  dMean: Float32Array,
  dMaximum: Float32Array,
  { reached }: Pick<Pooled, 'reached'>,
  steps: number,
  width: number
): Float32Array {
  const gradient = new Float32Array(dMean.length)
  const sum = new Float32Array(width)
  for (let step = steps - 1; step >= 0; step--) {
    const scale = 1 / (step + 1)
    for (let unit = 0; unit < width; unit++) {
      const at = step * width + unit
      sum[unit] = (sum[unit] as number) + (dMean[at] as number) * scale
      gradient[at] = (gradient[at] as number) + (sum[unit] as number)
      const to = (reached[at] as number) * width + unit
      gradient[to] = (gradient[to] as number) + (dMaximum[at] as number)
    }
  }
  return gradient
}

/** Factors by which units are multiplied while training: 0 or 1 / (1 − rate). */
export interface Dropout {
  /** [steps × rows, features]: what the head sees. */
  readonly features: Float32Array
  /** [steps × rows, dense]. */
  readonly dense: Float32Array
}

/** Dropout factors for this many steps × rows; null if the rate is 0. A function of the seed. */
export function dropoutFactors(
  sizes: Pick<NetworkSizes, 'features' | 'dense'>,
  stepRows: number,
  rate: number,
  seed: number
): Dropout | null {
  if (rate === 0) return null
  return {
    features: factors(stepRows * sizes.features, rate, seed),
    dense: factors(stepRows * sizes.dense, rate, seed ^ 0x5bd1e995)
  }
}

/** 0 with the probability `rate`, otherwise 1 / (1 − rate). A batch needs millions, so each word of Mulberry32 gives two. */
function factors(size: number, rate: number, seed: number): Float32Array {
  const out = new Float32Array(size)
  const kept = 1 / (1 - rate)
  const threshold = Math.round(rate * 65_536)
  let state = seed | 0
  for (let at = 0; at < size; at += 2) {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    word ^= word >>> 14
    if ((word & 0xffff) >= threshold) out[at] = kept
    if (word >>> 16 >= threshold && at + 1 < size) out[at + 1] = kept
  }
  return out
}
