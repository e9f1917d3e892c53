import type { Tensor2D } from '@tensorflow/tfjs-core'
import { HieraxError } from '../../errors.ts'
import type { Runtime } from './runtime.ts'

/** One array of weights, single precision, row by row. */
export interface Weight {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Weights of a network by name, for example `gru/recurrent_kernel`. */
export type Weights = Readonly<Record<string, Weight>>

/** Widths of a network's layers, read from its weights. */
export interface NetworkSizes {
  readonly inputs: number
  readonly embedding: number
  readonly hidden: number
  /** Width of the input of the head: 3 × hidden + embedding. */
  readonly features: number
  readonly dense: number
  readonly outputs: number
}

/**
 * Sizes of a network from its weights. Kernels are [in, out]; those of the gated recurrent unit have 3 × hidden columns in
 * the order reset, update, candidate. Throws MODEL_INVALID naming the array that is missing or doesn't fit.
 */
export function networkSizes(weights: Weights): NetworkSizes {
  const width = (name: string, axis: number): number => weights[name]?.shape[axis] ?? 0
  const inputs = width('embedding/kernel', 0)
  const embedding = width('embedding/kernel', 1)
  const hidden = width('gru/recurrent_kernel', 0)
  const dense = width('hidden/kernel', 1)
  const outputs = width('output/kernel', 1)
  const features = 3 * hidden + embedding
  const wanted: Record<string, readonly number[]> = {
    'embedding/kernel': [inputs, embedding],
    'embedding/bias': [embedding],
    'gru/kernel': [embedding, 3 * hidden],
    'gru/recurrent_kernel': [hidden, 3 * hidden],
    'gru/bias': [3 * hidden],
    'gru/recurrent_bias': [3 * hidden],
    'hidden/kernel': [features, dense],
    'hidden/bias': [dense],
    'output/kernel': [dense, outputs],
    'output/bias': [outputs]
  }
  for (const [name, shape] of Object.entries(wanted)) {
    const weight = weights[name]
    if (weight === undefined) throw new HieraxError('MODEL_INVALID', `the weights lack ${name}`)
    if (weight.shape.join() !== shape.join() || shape.includes(0) || !weight.values.every(Number.isFinite)) {
      const got = `[${weight.shape.join(', ')}]${weight.values.every(Number.isFinite) ? '' : ' with values that are not finite'}`
      throw new HieraxError(
        'MODEL_INVALID',
        `weights ${name}: got ${got}, expected finite values of shape [${shape.join(', ')}]`
      )
    }
  }
  for (const name of Object.keys(weights)) {
    if (wanted[name] === undefined) throw new HieraxError('MODEL_INVALID', `the weights have an unknown array ${name}`)
  }
  return { inputs, embedding, hidden, features, dense, outputs }
}

/** The result of several steps of several objects. */
export interface Advance {
  /** Hidden vectors [rows, hidden] after each step, row by row. */
  readonly hidden: readonly Float32Array[]
  /** Embedding [rows, embedding] of the last step. */
  readonly embedding: Float32Array
}

/**
 * The network: dense embedding (relu) → gated recurrent unit, reset after → [hidden, embedding, mean of hidden, maximum of
 * hidden] → dense (relu) → one logit per node, on TensorFlow.js. Weights stay in the runtime as tensors; all other inputs and outputs are
 * arrays. Classifiers use it on the runtime `node` only; `KernelNetwork` is tested against it.
 */
export class Network {
  readonly sizes: NetworkSizes
  readonly #tf: Runtime['tf']
  readonly #weights: ReturnType<typeof upload>

  /** Takes weights as they are named in the model folder. Throws MODEL_INVALID where their shapes don't fit. */
  constructor(runtime: Runtime, weights: Weights) {
    this.sizes = networkSizes(weights)
    this.#tf = runtime.tf
    this.#weights = upload(runtime, weights, this.sizes)
  }

  /**
   * Advances `rows` objects by `steps` detections each. `inputs` is [steps × rows, inputs], step by step; `hidden` is
   * [rows, hidden] before the first step.
   */
  advance(rows: number, steps: number, inputs: Float32Array, hidden: Float32Array): Advance {
    const tf = this.#tf
    const w = this.#weights
    const { hidden: width, embedding } = this.sizes
    const after: Float32Array[] = []
    let ofLast = inputs
    // Nothing is returned through `tidy`, which would search every element of an array for tensors.
    tf.tidy(() => {
      const x = tf.tensor2d(inputs, [rows * steps, this.sizes.inputs])
      const embedded = tf.fused.matMul({ a: x, b: w.embedding, bias: w.embeddingBias, activation: 'relu' })
      const allGates = tf.fused.matMul({ a: embedded, b: w.gates, bias: w.gatesBias }) as Tensor2D
      const allCandidates = tf.fused.matMul({ a: embedded, b: w.candidate, bias: w.candidateBias }) as Tensor2D
      let h = tf.tensor2d(hidden, [rows, width])
      for (let step = 0; step < steps; step++) {
        const ofStep = (all: Tensor2D, columns: number): Tensor2D =>
          steps === 1 ? all : tf.slice2d(all, [step * rows, 0], [rows, columns])
        const recurrent = tf.fused.matMul({ a: h, b: w.recurrentGates, bias: w.recurrentGatesBias })
        const gates = tf.sigmoid(tf.add(ofStep(allGates, 2 * width), recurrent)) as Tensor2D
        const reset = tf.slice2d(gates, [0, 0], [rows, width])
        const update = tf.slice2d(gates, [0, width], [rows, width])
        const memory = tf.fused.matMul({ a: h, b: w.recurrentCandidate, bias: w.recurrentCandidateBias })
        const candidate = tf.tanh(tf.add(ofStep(allCandidates, width), tf.mul(reset, memory)))
        h = tf.add(candidate, tf.mul(update, tf.sub(h, candidate)))
        after.push(h.dataSync<'float32'>())
      }
      const last = steps === 1 ? embedded : tf.slice2d(embedded as Tensor2D, [(steps - 1) * rows, 0], [rows, embedding])
      ofLast = last.dataSync<'float32'>()
    })
    return { hidden: after, embedding: ofLast }
  }

  /** Logits [rows, outputs] from features [rows, 3 × hidden + embedding]. */
  head(rows: number, features: Float32Array): Float32Array {
    const tf = this.#tf
    const w = this.#weights
    let logits = features
    tf.tidy(() => {
      const x = tf.tensor2d(features, [rows, this.sizes.features])
      const dense = tf.fused.matMul({ a: x, b: w.dense, bias: w.denseBias, activation: 'relu' })
      logits = tf.fused.matMul({ a: dense, b: w.output, bias: w.outputBias }).dataSync<'float32'>()
    })
    return logits
  }

  dispose(): void {
    for (const tensor of Object.values(this.#weights)) tensor.dispose()
  }
}

/** Weights as tensors. Those of the recurrent unit are split into its two gates and its candidate. */
function upload({ tf }: Runtime, weights: Weights, { hidden }: NetworkSizes) {
  const dense = (name: string): Tensor2D => {
    const { shape, values } = weights[name]!
    return tf.tensor2d(values, shape as [number, number])
  }
  const bias = (name: string) => tf.tensor1d(weights[name]!.values)
  const columns = (name: string, from: number, width: number): Tensor2D =>
    tf.tidy(() => tf.slice2d(dense(name), [0, from], [weights[name]!.shape[0]!, width]))
  const part = (name: string, from: number, to: number) => tf.tensor1d(weights[name]!.values.slice(from, to))
  return {
    embedding: dense('embedding/kernel'),
    embeddingBias: bias('embedding/bias'),
    gates: columns('gru/kernel', 0, 2 * hidden),
    gatesBias: part('gru/bias', 0, 2 * hidden),
    candidate: columns('gru/kernel', 2 * hidden, hidden),
    candidateBias: part('gru/bias', 2 * hidden, 3 * hidden),
    recurrentGates: columns('gru/recurrent_kernel', 0, 2 * hidden),
    recurrentGatesBias: part('gru/recurrent_bias', 0, 2 * hidden),
    recurrentCandidate: columns('gru/recurrent_kernel', 2 * hidden, hidden),
    recurrentCandidateBias: part('gru/recurrent_bias', 2 * hidden, 3 * hidden),
    dense: dense('hidden/kernel'),
    denseBias: bias('hidden/bias'),
    output: dense('output/kernel'),
    outputBias: bias('output/bias')
  }
}
