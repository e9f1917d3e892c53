import { latestInputs } from 'hierax/classifier/input-sets.ts'
import type { Weight, Weights } from 'hierax/classifier/weights.ts'
import { random } from './random.ts'

/** Widths of a network that is to be trained. */
export interface Widths {
  readonly embedding: number
  readonly hidden: number
  readonly dense: number
}

/**
 * Weights to begin with, uniform within ±1/√(numbers that go into a unit; for the recurrent unit: its hidden width). Arrays are
 * named and ordered as in a model folder.
 */
export function initialWeights(
  { embedding, hidden, dense }: Widths,
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
