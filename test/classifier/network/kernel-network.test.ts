import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bundledModel, readModelFolder } from '../../../src/classifier/model-folder.ts'
import { KernelNetwork } from '../../../src/classifier/network/kernel-network.ts'
import { Network, type NetworkSizes, type Weights } from '../../../src/classifier/network/network.ts'
import { createRuntime } from '../../../src/classifier/network/runtime.ts'

/** Numbers between −scale and scale that depend on the seed alone. */
function numbers(count: number, seed: number, scale = 1): Float32Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state / 2 ** 31 - 1) * scale
  })
}

function weightsOf(sizes: Omit<NetworkSizes, 'features'>, seed: number): Weights {
  const { inputs, embedding, hidden, dense, outputs } = sizes
  const shapes: Record<string, [number, number?]> = {
    'embedding/kernel': [inputs, embedding],
    'embedding/bias': [embedding],
    'gru/kernel': [embedding, 3 * hidden],
    'gru/recurrent_kernel': [hidden, 3 * hidden],
    'gru/bias': [3 * hidden],
    'gru/recurrent_bias': [3 * hidden],
    'hidden/kernel': [3 * hidden + embedding, dense],
    'hidden/bias': [dense],
    'output/kernel': [dense, outputs],
    'output/bias': [outputs]
  }
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], at) => {
      const known = shape.filter(length => length !== undefined)
      const count = known.reduce((product, length) => product * length, 1)
      return [name, { shape: known, values: numbers(count, seed + at, 2 / Math.sqrt(known[0] ?? 1)) }]
    })
  )
}

const width = fc.integer({ min: 1, max: 70 })
const anySizes = fc.record({ inputs: width, embedding: width, hidden: width, dense: width, outputs: width })
const anyBatch = fc.record({
  rows: fc.integer({ min: 1, max: 11 }),
  steps: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(999)
})

/** The greatest difference of two arrays of one length. */
function difference(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length)
  return a.reduce((worst, value, at) => Math.max(worst, Math.abs(value - (b[at] as number))), 0)
}

/** Copies: results are valid until the next call only. */
function copied({ hidden, embedding }: ReturnType<KernelNetwork['advance']>) {
  return { hidden: hidden.map(each => each.slice()), embedding: embedding.slice() }
}

test('the kernel agrees with TensorFlow.js to rounding, for any widths, rows and steps', async () => {
  const runtime = await createRuntime('wasm')
  fc.assert(
    fc.property(anySizes, anyBatch, (sizes, { rows, steps, seed }) => {
      const weights = weightsOf(sizes, seed)
      const kernel = new KernelNetwork(weights)
      const reference = new Network(runtime, weights)
      try {
        assert.deepEqual(kernel.sizes, reference.sizes)
        const inputs = numbers(rows * steps * sizes.inputs, seed, 3)
        const hidden = numbers(rows * sizes.hidden, seed + 1)
        const actual = copied(kernel.advance(rows, steps, inputs, hidden))
        const expected = reference.advance(rows, steps, inputs, hidden)
        assert.equal(actual.hidden.length, steps)
        actual.hidden.forEach((each, step) => {
          assert.ok(difference(each, expected.hidden[step] as Float32Array) < 5e-6)
        })
        assert.ok(difference(actual.embedding, expected.embedding) < 5e-6)
        const features = numbers(rows * kernel.sizes.features, seed + 2)
        assert.ok(difference(kernel.head(rows, features), reference.head(rows, features)) < 2e-5)
      } finally {
        reference.dispose()
      }
    }),
    { numRuns: 60 }
  )
})

test('the result of a row is bit-identical alone and in any batch, at once and step by step', async () => {
  const { weights } = await readModelFolder(bundledModel)
  const kernel = new KernelNetwork(weights)
  const { inputs: width, hidden: state, features: input, outputs } = kernel.sizes
  for (const [rows, steps] of [
    [2, 3],
    [3, 1],
    [4, 2],
    [5, 4],
    [9, 1],
    [130, 2],
    [256, 1]
  ] as const) {
    const inputs = numbers(rows * steps * width, rows, 3)
    const hidden = numbers(rows * state, steps)
    const together = copied(kernel.advance(rows, steps, inputs, hidden))
    const features = numbers(rows * input, rows + 1)
    const logits = kernel.head(rows, features).slice()
    for (let row = 0; row < rows; row++) {
      let before = hidden.slice(row * state, (row + 1) * state)
      for (let step = 0; step < steps; step++) {
        const at = step * rows + row
        const alone = kernel.advance(1, 1, inputs.subarray(at * width, (at + 1) * width), before)
        before = (alone.hidden[0] as Float32Array).slice()
        assert.deepEqual(before, together.hidden[step]?.slice(row * state, (row + 1) * state))
      }
      const own = kernel.head(1, features.subarray(row * input, (row + 1) * input))
      assert.deepEqual(own.slice(), logits.slice(row * outputs, (row + 1) * outputs))
    }
  }
})

test('saturated gates and candidates stay within their range, and what is not a number is not hidden', () => {
  const sizes = { inputs: 1, embedding: 2, hidden: 3, dense: 2, outputs: 1 }
  const weights = weightsOf(sizes, 4)
  const kernel = new KernelNetwork(weights)
  for (const extreme of [1e4, -1e4, 1e30, -1e30]) {
    const { hidden } = kernel.advance(1, 2, Float32Array.of(extreme, -extreme), new Float32Array(3))
    assert.ok(hidden.every(each => each.every(value => Math.abs(value) <= 1)))
  }
  const { hidden } = kernel.advance(1, 1, Float32Array.of(Number.NaN), new Float32Array(3))
  assert.ok(hidden[0]?.some(Number.isNaN))
})
