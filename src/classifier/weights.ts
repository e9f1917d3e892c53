import { HieraxError } from '../errors.ts'

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
  /** Numbers that the head sees: 3 × hidden + embedding. */
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
