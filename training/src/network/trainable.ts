import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'
import { latestInputs } from 'hierax/classifier/inputs/input-sets.ts'
import { type NetworkSizes, networkSizes, type Weight, type Weights } from 'hierax/classifier/network/network.ts'
import type { Runtime } from 'hierax/classifier/network/runtime.ts'
import { random } from '../random.ts'
import type { Recipe } from '../recipe.ts'
import type { Batch } from './batches.ts'
import { backward, type Dropout, forward, type GatedUnit, pool, poolGradient, type Recurrence } from './layers.ts'

/**
 * Loss of a batch from its logits [steps × rows, outputs]; its derivative is written into `gradient`, which is as long and holds
 * zeros.
 */
export type BatchLoss = (logits: Float32Array, gradient: Float32Array) => number

/**
 * Adds the loss of every step of a batch, times its weight and a share, to `total`. `lossAt` gives the loss of the step at an
 * index from its logits, and writes the derivative times the weight into its part of the gradient.
 */
export function stepLoss(
  { weights }: Batch,
  lossAt: (logits: Float32Array, at: number, gradient: Float32Array, weight: number) => number,
  share = 1
): (logits: Float32Array, gradient: Float32Array, total?: number) => number {
  return (logits, gradient, total = 0) => {
    const size = logits.length / weights.length
    for (let at = 0; at < weights.length; at++) {
      const weight = share * (weights[at] as number)
      if (weight === 0) continue
      const [from, to] = [at * size, (at + 1) * size]
      total += weight * lossAt(logits.subarray(from, to), at, gradient.subarray(from, to), weight)
    }
    return total
  }
}

/** What the forward pass leaves for the backward pass. */
interface Pass {
  readonly x: Tensor2D
  readonly embedded: Tensor2D
  readonly recurrence: Recurrence
  readonly reached: Int32Array
  /** What the head sees, after dropout. */
  readonly features: Tensor2D
  /** Before and after dropout. */
  readonly dense: Tensor2D
  readonly dropped: Tensor2D
  readonly logits: Float32Array
}

/**
 * The network of `Network` in the form that is trained: whole sequences at once, with a backward pass. The derivative is
 * written by hand, as the automatic one of TensorFlow.js costs three times the operations and lacks what the running mean and
 * maximum need. Weights go in and gradients come out as arrays.
 */
export class TrainableNetwork {
  readonly sizes: NetworkSizes
  readonly #tf: Runtime['tf']

  /** `weights` give the sizes only. */
  constructor(runtime: Runtime, weights: Weights) {
    this.#tf = runtime.tf
    this.sizes = networkSizes(weights)
  }

  /** Logits [steps × rows, outputs] of a batch. */
  logits(weights: Weights, batch: Batch): Float32Array {
    const tf = this.#tf
    let logits = new Float32Array(0)
    // Nothing is returned through tidy: it would look for tensors in every element of an array.
    tf.tidy(() => {
      logits = this.#pass(upload(tf, weights), batch, null).logits as Float32Array<ArrayBuffer>
    })
    return logits
  }

  /** Loss of a batch and its derivative with respect to every weight. */
  gradients(
    weights: Weights,
    batch: Batch,
    dropout: Dropout | null,
    lossOf: BatchLoss
  ): { loss: number; gradients: Record<string, Float32Array> } {
    const tf = this.#tf
    const gradients: Record<string, Float32Array> = {}
    let loss = 0
    tf.tidy(() => {
      const w = upload(tf, weights)
      const pass = this.#pass(w, batch, dropout)
      const dLogits = new Float32Array(pass.logits.length)
      loss = lossOf(pass.logits, dLogits)
      for (const [name, tensor] of Object.entries(this.#back(w, batch, dropout, pass, dLogits))) {
        gradients[name] = tensor.dataSync<'float32'>()
      }
    })
    return { loss, gradients }
  }

  #pass(w: Uploaded, batch: Batch, dropout: Dropout | null): Pass {
    const tf = this.#tf
    const { inputs, hidden, features: width } = this.sizes
    const { rows, steps } = batch
    const all = rows * steps
    const x = tf.tensor2d(batch.inputs, [all, inputs])
    const embedded = tf.relu(tf.add(tf.matMul(x, w['embedding/kernel']), w['embedding/bias'])) as Tensor2D
    const recurrence = forward(tf, gatedUnit(w), embedded, rows, steps)
    const flat = tf.reshape(recurrence.hidden, [all, hidden])
    const { mean, maximum, reached } = pool(flat.dataSync<'float32'>(), steps, rows * hidden)
    const pooled = [tf.tensor2d(mean, [all, hidden]), tf.tensor2d(maximum, [all, hidden])]
    let features = tf.concat([flat, embedded, ...pooled], 1) as Tensor2D
    if (dropout !== null) features = tf.mul(features, tf.tensor2d(dropout.features, [all, width]))
    const dense = tf.relu(tf.add(tf.matMul(features, w['hidden/kernel']), w['hidden/bias'])) as Tensor2D
    const dropped =
      dropout === null ? dense : (tf.mul(dense, tf.tensor2d(dropout.dense, [all, this.sizes.dense])) as Tensor2D)
    const logits = tf.add(tf.matMul(dropped, w['output/kernel']), w['output/bias']).dataSync<'float32'>()
    return { x, embedded, recurrence, reached, features, dense, dropped, logits }
  }

  #back(
    w: Uploaded,
    batch: Batch,
    dropout: Dropout | null,
    pass: Pass,
    gradient: Float32Array
  ): Record<string, Tensor> {
    const tf = this.#tf
    const { hidden, embedding, dense: denseWidth, outputs, features: width } = this.sizes
    const { rows, steps } = batch
    const all = rows * steps
    const dLogits = tf.tensor2d(gradient, [all, outputs])
    let dDense: Tensor = tf.matMul(dLogits, tf.transpose(w['output/kernel']))
    if (dropout !== null) dDense = tf.mul(dDense, tf.tensor2d(dropout.dense, [all, denseWidth]))
    dDense = tf.mul(dDense, tf.step(pass.dense))
    let dFeatures: Tensor = tf.matMul(dDense as Tensor2D, tf.transpose(w['hidden/kernel']))
    if (dropout !== null) dFeatures = tf.mul(dFeatures, tf.tensor2d(dropout.features, [all, width]))
    const parts = tf.split(dFeatures as Tensor2D, [hidden, embedding, hidden, hidden], 1)
    const [dFlat, dEmbedded, dMean, dMaximum] = parts as [Tensor2D, Tensor2D, Tensor2D, Tensor2D]
    const arrays = [dMean.dataSync<'float32'>(), dMaximum.dataSync<'float32'>()] as const
    const dPooled = poolGradient(...arrays, pass, steps, rows * hidden)
    const dHidden = tf.add(dFlat, tf.tensor2d(dPooled, [all, hidden])) as Tensor2D
    const unit = backward(tf, gatedUnit(w), pass.recurrence, pass.embedded, dHidden, rows, steps)
    const dEmbedding = tf.mul(tf.add(dEmbedded, unit.input), tf.step(pass.embedded)) as Tensor2D
    return {
      'embedding/kernel': tf.matMul(tf.transpose(pass.x), dEmbedding),
      'embedding/bias': tf.sum(dEmbedding, 0),
      'gru/kernel': unit.kernel,
      'gru/recurrent_kernel': unit.recurrentKernel,
      'gru/bias': unit.bias,
      'gru/recurrent_bias': unit.recurrentBias,
      'hidden/kernel': tf.matMul(tf.transpose(pass.features), dDense as Tensor2D),
      'hidden/bias': tf.sum(dDense, 0),
      'output/kernel': tf.matMul(tf.transpose(pass.dropped), dLogits),
      'output/bias': tf.sum(dLogits, 0)
    }
  }
}

type Layer = 'embedding' | 'gru' | 'hidden' | 'output'
type Uploaded = Readonly<
  Record<`${Layer}/kernel` | 'gru/recurrent_kernel', Tensor2D> &
    Record<`${Layer}/bias` | 'gru/recurrent_bias', Tensor1D>
>

function upload(tf: Runtime['tf'], weights: Weights): Uploaded {
  const tensors = Object.entries(weights).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])])
  return Object.fromEntries(tensors)
}

function gatedUnit(w: Uploaded): GatedUnit {
  return {
    kernel: w['gru/kernel'],
    bias: w['gru/bias'],
    recurrentKernel: w['gru/recurrent_kernel'],
    recurrentBias: w['gru/recurrent_bias']
  }
}

/**
 * Weights to begin with, uniform within ±1/√(numbers that go into a unit; for the recurrent unit: its hidden width). Arrays are
 * named and ordered as in a model folder.
 */
export function initialWeights(
  { embedding, hidden, dense }: Pick<Recipe['network'], 'embedding' | 'hidden' | 'dense'>,
  outputs: number,
  seed: number,
  inputs: number = latestInputs.count
): Weights {
  const features = 3 * hidden + embedding
  const draw = random(seed, 202)
  const uniform = (size: number, bound: number, ...shape: number[]): Weight => ({
    shape,
    values: Float32Array.from({ length: size }, () => draw.uniform(-bound, bound))
  })
  const kernel = (from: number, to: number, fan: number): Weight => uniform(from * to, 1 / Math.sqrt(fan), from, to)
  const bias = (size: number, fan: number): Weight => uniform(size, 1 / Math.sqrt(fan), size)
  return {
    'embedding/kernel': kernel(inputs, embedding, inputs),
    'embedding/bias': bias(embedding, inputs),
    'gru/kernel': kernel(embedding, 3 * hidden, hidden),
    'gru/recurrent_kernel': kernel(hidden, 3 * hidden, hidden),
    'gru/bias': bias(3 * hidden, hidden),
    'gru/recurrent_bias': bias(3 * hidden, hidden),
    'hidden/kernel': kernel(features, dense, features),
    'hidden/bias': bias(dense, features),
    'output/kernel': kernel(dense, outputs, dense),
    'output/bias': bias(outputs, dense)
  }
}
