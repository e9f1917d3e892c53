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
  ofMean: Float32Array,
  ofMaximum: Float32Array,
  { reached }: Pick<Pooled, 'reached'>,
  steps: number,
  width: number
): Float32Array {
  const gradient = new Float32Array(ofMean.length)
  const sum = new Float32Array(width)
  for (let step = steps - 1; step >= 0; step--) {
    const scale = 1 / (step + 1)
    for (let unit = 0; unit < width; unit++) {
      const at = step * width + unit
      sum[unit] = (sum[unit] as number) + (ofMean[at] as number) * scale
      gradient[at] = (gradient[at] as number) + (sum[unit] as number)
      const to = (reached[at] as number) * width + unit
      gradient[to] = (gradient[to] as number) + (ofMaximum[at] as number)
    }
  }
  return gradient
}
