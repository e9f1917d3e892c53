import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { Weights } from 'hierax/classifier/network/network.ts'
import { createRuntime, type Runtime } from 'hierax/classifier/network/runtime.ts'
import { requireAll } from '../../../test/support/shared.ts'
import { type Batch, joined, sequenceOf } from '../../src/network/batches.ts'
import type { Dropout } from '../../src/network/layers.ts'
import { type BatchLoss, initialWeights, stepLoss, TrainableNetwork } from '../../src/network/trainable.ts'
import { unweightedWhxe } from '../../src/network/whxe.ts'
import { random } from '../../src/random.ts'
import { madeObject, smallTaxonomy } from '../support.ts'

const outputs = smallTaxonomy.nodes.length
const widths = { embedding: 5, hidden: 4, dense: 6 }
const targets = [1, 2, 0, 3, 5]
let runtime: Runtime
before(async () => {
  runtime = await createRuntime('wasm')
})

function batch(): Batch {
  return joined(targets.map((node, id) => sequenceOf(madeObject(id, node, 3 + 2 * id).points, node)))
}

function lossOf(batch: Batch): BatchLoss {
  const whxe = unweightedWhxe(smallTaxonomy)
  return stepLoss(batch, (logits, at, gradient, weight) =>
    whxe.loss(logits, batch.targets[at % batch.rows] as number, gradient, weight)
  )
}

function dropoutOf({ rows, steps }: Batch): Dropout {
  const draw = random(3)
  const mask = (size: number): Float32Array =>
    Float32Array.from({ length: size }, () => (draw.uniform() < 0.3 ? 0 : 1 / 0.7))
  return {
    features: mask(rows * steps * (3 * widths.hidden + widths.embedding)),
    dense: mask(rows * steps * widths.dense)
  }
}

/** The network once more in double precision and plain loops, as its definition reads. */
function plainLoss(weights: Weights, batch: Batch, dropout: Dropout | null): number {
  const { rows, steps, inputs } = batch
  const dense = (name: string, x: readonly number[], bias = `${name}/bias`, kernel = `${name}/kernel`): number[] => {
    const w = weights[kernel]!
    const columns = w.shape[1] as number
    return Array.from({ length: columns }, (_, to) =>
      x.reduce(
        (sum, value, from) => sum + value * (w.values[from * columns + to] as number),
        weights[bias]!.values[to] as number
      )
    )
  }
  const relu = (x: readonly number[]): number[] => x.map(value => Math.max(0, value))
  const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))
  const logits = new Float64Array(rows * steps * outputs)
  const count = inputs.length / rows / steps
  for (let row = 0; row < rows; row++) {
    let h = Array<number>(widths.hidden).fill(0)
    const seen: number[][] = []
    for (let step = 0; step < steps; step++) {
      const at = step * rows + row
      const e = relu(dense('embedding', [...inputs.subarray(at * count, (at + 1) * count)]))
      const x = dense('gru', e)
      const u = dense('gru', h, 'gru/recurrent_bias', 'gru/recurrent_kernel')
      const H = widths.hidden
      h = h.map((old, unit) => {
        const reset = sigmoid((x[unit] as number) + (u[unit] as number))
        const update = sigmoid((x[H + unit] as number) + (u[H + unit] as number))
        const candidate = Math.tanh((x[2 * H + unit] as number) + reset * (u[2 * H + unit] as number))
        return update * old + (1 - update) * candidate
      })
      seen.push(h)
      const mean = h.map((_, unit) => seen.reduce((sum, each) => sum + (each[unit] as number), 0) / seen.length)
      const maximum = h.map((_, unit) => Math.max(...seen.map(each => each[unit] as number)))
      const dropped = (values: readonly number[], mask: Float32Array | undefined): number[] =>
        values.map((value, unit) => value * (mask?.[at * values.length + unit] ?? 1))
      const features = dropped([...h, ...e, ...mean, ...maximum], dropout?.features)
      const hidden = dropped(relu(dense('hidden', features)), dropout?.dense)
      logits.set(dense('output', hidden), at * outputs)
    }
  }
  return lossOf(batch)(logits as unknown as Float32Array, new Float32Array(logits.length))
}

for (const withDropout of [false, true]) {
  test(`loss and gradients are those of the definition, ${withDropout ? 'with' : 'without'} dropout`, () => {
    const weights = initialWeights(widths, outputs, 1)
    const sample = batch()
    const dropout = withDropout ? dropoutOf(sample) : null
    const network = new TrainableNetwork(runtime, weights)
    const { loss, gradients } = network.gradients(weights, sample, dropout, lossOf(sample))
    assert.ok(Math.abs(loss - plainLoss(weights, sample, dropout)) < 1e-5)
    const step = 1e-6
    for (const [name, { shape, values }] of Object.entries(weights)) {
      assert.equal(gradients[name]?.length, values.length)
      for (let at = 0; at < values.length; at += 1 + Math.floor(values.length / 25)) {
        const moved = (by: number): number => {
          const changed = Float64Array.from(values) as unknown as Float32Array
          changed[at] = (changed[at] as number) + by
          return plainLoss({ ...weights, [name]: { shape, values: changed } }, sample, dropout)
        }
        const difference = (moved(step) - moved(-step)) / (2 * step)
        const got = gradients[name]?.[at] as number
        assert.ok(Math.abs(got - difference) < 2e-6, `${name}[${at}]: ${got}, by differences ${difference}`)
      }
    }
  })
}

test('padding does not matter', () => {
  const weights = initialWeights(widths, outputs, 1)
  const network = new TrainableNetwork(runtime, weights)
  const short = sequenceOf(madeObject(1, 1, 3).points, 1)
  const long = sequenceOf(madeObject(2, 2, 9).points, 2)
  const alone = network.logits(weights, joined([short]))
  const beside = network.logits(weights, joined([short, long]))
  for (let step = 0; step < short.steps; step++) {
    for (let node = 0; node < outputs; node++) {
      const got = beside[step * 2 * outputs + node] as number
      assert.ok(Math.abs(got - (alone[step * outputs + node] as number)) < 1e-6)
    }
  }
})

test('no tensor is left behind', () => {
  const weights = initialWeights(widths, outputs, 1)
  const network = new TrainableNetwork(runtime, weights)
  const sample = batch()
  const before = runtime.tf.memory().numTensors
  network.gradients(weights, sample, dropoutOf(sample), lossOf(sample))
  network.logits(weights, sample)
  assert.equal(runtime.tf.memory().numTensors, before)
})

test('tfjs-node gives the same loss and gradients', async t => {
  const node = await createRuntime('node').catch(() => null)
  if (node === null) {
    if (requireAll) assert.fail('HIERAX_REQUIRE_ALL=1, but tfjs-node does not load (npm run setup:tensorflow)')
    return t.skip('needs tfjs-node (npm run setup:tensorflow), which does not load here')
  }
  const weights = initialWeights(widths, outputs, 1)
  const sample = batch()
  const dropout = dropoutOf(sample)
  const onNode = new TrainableNetwork(node, weights).gradients(weights, sample, dropout, lossOf(sample))
  await createRuntime('wasm')
  const onWasm = new TrainableNetwork(runtime, weights).gradients(weights, sample, dropout, lossOf(sample))
  assert.ok(Math.abs(onNode.loss - onWasm.loss) < 1e-5)
  for (const [name, values] of Object.entries(onWasm.gradients)) {
    for (const [at, value] of values.entries()) {
      assert.ok(Math.abs((onNode.gradients[name]?.[at] as number) - value) < 1e-5, `${name}[${at}]`)
    }
  }
})
