import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inputSets, latestInputs } from 'hierax/classifier/inputs/input-sets.ts'
import { needsShared } from '../../../test/support/shared.ts'
import { referenceCases } from '../../../test/support/stepped-curve.ts'
import { epochBatches, joined, plainBatches, sequenceOf, stepWeights } from '../../src/network/batches.ts'
import { parseRecipe } from '../../src/recipe.ts'
import { madeObject, madeObjects, smallTaxonomy as tree } from '../support.ts'

const options = parseRecipe({ seed: 1, schedule: { batch: 8 } }, 'made')
const inputCount = latestInputs.count

test('steps count by the logarithm of the time for which they are the latest', () => {
  const raw = [Math.log(3) + 0.02, Math.log(11 / 3) + 0.02, Math.log(101 / 11) + 0.02]
  const total = raw.reduce((sum, each) => sum + each, 0)
  const weights = stepWeights([2459000, 2459002, 2459010])
  for (const [step, each] of raw.entries()) assert.ok(Math.abs((weights[step] as number) - each / total) < 1e-6)
  // The last of a long curve counts until 1.5 times its age.
  const long = stepWeights([0, 200])
  const last = Math.log(301 / 201) + 0.02
  assert.ok(Math.abs((long[1] as number) - last / (last + Math.log(201) + 0.02)) < 1e-6)
  const more = stepWeights([0, 200], 0.5)
  assert.ok(Math.abs((more[1] as number) - (0.5 + 0.5 * (long[1] as number))) < 1e-6)
})

test('a batch is padded, time first, and its weights sum to 1', () => {
  const short = sequenceOf(madeObject(1, 1, 2).points, 1)
  const long = sequenceOf(madeObject(2, 2, 5).points, 2)
  const batch = joined([short, long])
  assert.deepEqual([batch.rows, batch.steps, [...batch.targets]], [2, 5, [1, 2]])
  assert.deepEqual(
    [...batch.inputs.subarray(3 * inputCount, 4 * inputCount)],
    [...long.inputs.subarray(inputCount, 2 * inputCount)]
  )
  assert.ok(batch.inputs.subarray(4 * inputCount, 5 * inputCount).every(value => value === 0))
  assert.deepEqual(
    [...batch.weights].map(weight => weight === 0),
    [0, 0, 0, 0, 1, 0, 1, 0, 1, 0].map(Boolean)
  )
  assert.ok(Math.abs(batch.weights.reduce((sum, each) => sum + each, 0) - 1) < 1e-6)
})

test('an epoch is a function of its seed and number', () => {
  const objects = madeObjects(30)
  const epoch = (number: number, seed = 1) =>
    epochBatches(objects, tree, number, { ...options, seed }).map(make => make())
  assert.deepEqual(epoch(3), epoch(3))
  assert.notDeepEqual(epoch(3), epoch(4))
  assert.notDeepEqual(epoch(3), epoch(3, 2))
  assert.equal(epoch(3).length, 4)
})

test('natural sampling takes each object once, balanced sampling each node equally often', () => {
  const objects = [...madeObjects(4), ...Array.from({ length: 396 }, (_, at) => madeObject(10 + at, 1, 6))]
  const nodes = (draws: (typeof options)['sampling']['draws']): Map<number, number> => {
    const sampling = { ...options.sampling, draws }
    const counts = new Map<number, number>()
    for (const make of epochBatches(objects, tree, 1, { ...options, sampling })) {
      for (const node of make().targets) counts.set(node, (counts.get(node) ?? 0) + 1)
    }
    return counts
  }
  assert.equal(nodes('natural').get(1), 397)
  const balanced = nodes('balanced')
  for (const node of [1, 2, 3, 5])
    assert.ok(Math.abs((balanced.get(node) ?? 0) - 100) < 40, `${balanced.get(node)} of 400`)
  const between = nodes('square-root').get(1) ?? 0
  assert.ok(between > 330 && between < 370, `${between} of 400, want about 348`)
})

test('sequences of one batch are of similar length', () => {
  const objects = Array.from({ length: 256 }, (_, at) => madeObject(at, 1, 2 + (at % 60)))
  let padded = 0
  let steps = 0
  for (const make of epochBatches(objects, tree, 1, { ...options, schedule: { ...options.schedule, batch: 32 } })) {
    const batch = make()
    padded += batch.rows * batch.steps
    steps += batch.weights.filter(weight => weight > 0).length
  }
  assert.ok(padded < 1.6 * steps, `${padded} for ${steps} steps`)
})

test('plain batches hold every object as it is', () => {
  const objects = madeObjects(10)
  const batches = plainBatches(objects, 4, 160)
  const targets = batches.flatMap(batch => [...batch.targets]).sort()
  assert.deepEqual(targets, objects.map(object => object.node).sort())
})

test('sequences have the inputs of the reference study', needsShared(), () => {
  for (const { points, inputs } of referenceCases().slice(0, 8)) {
    const set = inputSets[0]
    const sequence = sequenceOf(points, 0, 0, set)
    assert.equal(sequence.steps, inputs.length)
    for (const [step, wanted] of inputs.entries()) {
      for (const [at, value] of wanted.entries()) {
        assert.ok(Math.abs((sequence.inputs[step * wanted.length + at] as number) - value) < 1e-4)
      }
    }
  }
})
