import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundledModel, readModelFolder } from '../../../src/classifier/model-folder.ts'
import { Network } from '../../../src/classifier/network/network.ts'
import { createRuntime } from '../../../src/classifier/network/runtime.ts'

test('no call of a network on TensorFlow.js leaves a tensor, and dispose gives all back', async () => {
  const runtime = await createRuntime('wasm')
  const { weights } = await readModelFolder(bundledModel)
  const tensors = () => runtime.tf.memory().numTensors
  const before = tensors()
  const network = new Network(runtime, weights)
  const opened = tensors()
  assert.ok(opened > before)
  const { inputs, hidden, features } = network.sizes
  for (const [rows, steps] of [
    [1, 1],
    [3, 2]
  ] as const) {
    network.advance(rows, steps, new Float32Array(rows * steps * inputs), new Float32Array(rows * hidden))
    network.head(rows, new Float32Array(rows * features))
  }
  assert.equal(tensors(), opened)
  network.dispose()
  assert.equal(tensors(), before)
})
