import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { inputSets } from 'hierax/classifier/inputs/input-sets.ts'
import { createRuntime, type Runtime } from 'hierax/classifier/network/runtime.ts'
import { plainBatches } from '../../src/network/batches.ts'
import { readCheckpoint, writeCheckpoint } from '../../src/network/checkpoint.ts'
import { Ensemble, teacherLoss } from '../../src/network/distillation.ts'
import { type FitState, finalWeights, fit } from '../../src/network/fit.ts'
import { dropoutFactors } from '../../src/network/layers.ts'
import { TrainableNetwork } from '../../src/network/trainable.ts'
import { parseRecipe } from '../../src/recipe.ts'
import { madeObjects, smallTaxonomy } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-fit-'))
after(() => rmSync(folder, { recursive: true }))
let runtime: Runtime
before(async () => {
  runtime = await createRuntime('wasm')
})

const options = parseRecipe(
  {
    epochs: 4,
    seed: 1,
    network: { embedding: 8, hidden: 8, dense: 8 },
    schedule: { batch: 16, learningRate: 0.02 }
  },
  'made'
)
const patient = { ...options, schedule: { ...options.schedule, earlyStopping: 3 } }
const objects = madeObjects(80)
const training = objects.slice(0, 60)
const heldOut = objects.slice(60)

test('it learns, and one seed gives the same bits', async () => {
  const longer = { ...options, epochs: 15 }
  const one = await fit(runtime, smallTaxonomy, training, heldOut, longer)
  assert.equal(one.finished, true)
  assert.equal(one.history.length, 15)
  const [first, last] = [one.history[0]?.heldOutLoss ?? 0, one.history.at(-1)?.heldOutLoss ?? 0]
  assert.ok(last < 0.75 * first, `the loss on held-out objects went from ${first} to ${last}`)
  const again = await fit(runtime, smallTaxonomy, training, heldOut, longer)
  assert.deepEqual(again.weights, one.weights)
  const other = await fit(runtime, smallTaxonomy, training, heldOut, { ...longer, seed: 2 })
  assert.notDeepEqual(other.weights, one.weights)
})

for (const [where, batches] of [
  ['in the midst of an epoch', 6],
  ['between two epochs', 8]
] as const) {
  test(`interrupted ${where} and resumed from its file, it ends with the same bits`, async () => {
    const unbroken = await fit(runtime, smallTaxonomy, training, heldOut, patient)
    const file = path.join(folder, `${batches}`, 'checkpoint.json')
    const breaking = new AbortController()
    let done = 0
    const broken = await fit(runtime, smallTaxonomy, training, heldOut, patient, {
      signal: breaking.signal,
      onBatch: () => {
        if (++done === batches) breaking.abort()
      },
      save: state => writeCheckpoint(file, { seed: 1 }, state)
    })
    assert.equal(broken.finished, false)
    const resumed = await readCheckpoint(file, { seed: 1 })
    assert.deepEqual([resumed?.epoch, resumed?.batch], batches === 6 ? [1, 2] : [2, 0])
    let further = 0
    const ended = await fit(runtime, smallTaxonomy, training, heldOut, patient, { resumed, onBatch: () => further++ })
    assert.equal(further, 16 - batches)
    assert.deepEqual(ended.weights, unbroken.weights)
    assert.deepEqual(ended.moments, unbroken.moments)
    assert.deepEqual(finalWeights(ended), finalWeights(unbroken))
    const losses = ({ history }: FitState) => history.map(each => [each.trainingLoss, each.heldOutLoss])
    assert.deepEqual(losses(ended), losses(unbroken))
  })
}

test('it stops early and takes the best weights', async () => {
  // A rate at which the loss on held-out objects soon grows.
  const schedule = { ...options.schedule, learningRate: 0.5, earlyStopping: 2 }
  const wild = { ...options, epochs: 30, schedule }
  const state = await fit(runtime, smallTaxonomy, training, heldOut, wild)
  const losses = state.history.map(each => each.heldOutLoss as number)
  const best = losses.indexOf(Math.min(...losses))
  assert.equal(state.best?.epoch, best)
  assert.equal(state.history.length, best + 3)
  assert.ok(state.history.length < 30)
  assert.notDeepEqual(finalWeights(state), state.weights)
})

test('it leaves no tensor behind', async () => {
  const before = runtime.tf.memory().numTensors
  await fit(runtime, smallTaxonomy, training, heldOut, { ...options, epochs: 1 })
  assert.equal(runtime.tf.memory().numTensors, before)
})

test('a checkpoint of other settings, or no checkpoint, is refused by name', async () => {
  const file = path.join(folder, 'other.json')
  const state = await fit(runtime, smallTaxonomy, training, [], { ...options, epochs: 1 })
  await writeCheckpoint(file, { seed: 1, epochs: 1 }, state)
  await assert.rejects(readCheckpoint(file, { seed: 1, epochs: 2 }), { code: 'USAGE', message: /epochs 1.* has 2/ })
  assert.deepEqual(await readCheckpoint(file, { seed: 1, epochs: 1 }), state)
  assert.equal(await readCheckpoint(path.join(folder, 'none.json'), {}), null)
  writeFileSync(file, readFileSync(file).subarray(0, 100))
  await assert.rejects(readCheckpoint(file, { seed: 1, epochs: 1 }), { code: 'USAGE', message: /not a checkpoint/ })
})

test('dropout drops at its rate, keeps the mean, and repeats for a seed', () => {
  const sizes = { features: 40, dense: 7 }
  const one = dropoutFactors(sizes, 1001, 0.15, 5)
  assert.deepEqual(dropoutFactors(sizes, 1001, 0.15, 5), one)
  assert.equal(dropoutFactors(sizes, 1001, 0, 5), null)
  const values = [...(one?.features ?? []), ...(one?.dense ?? [])]
  const dropped = values.filter(value => value === 0).length / values.length
  assert.ok(Math.abs(dropped - 0.15) < 0.01, `${dropped} were dropped`)
  assert.ok(values.every(value => value === 0 || Math.abs(value - 1 / 0.85) < 1e-6))
})

test('a student of teachers comes nearer to what they say than one of the labels alone', async () => {
  const network = { ...options.network, dropout: 0 }
  const long = { ...options, epochs: 25, network, augmentation: { ...options.augmentation, share: 0 } }
  const teacher = await fit(runtime, smallTaxonomy, training, [], { ...long, seed: 9 })
  const teachers = [{ sha256: 'made', weights: finalWeights(teacher) }]
  const [batch] = plainBatches(heldOut, 32, 160)
  assert.ok(batch !== undefined)
  const said = new Ensemble(runtime, smallTaxonomy, teachers).conditionals(batch)
  const distance = async (distillation: number): Promise<number> => {
    const loss = { ...long.loss, distillation }
    const state = await fit(runtime, smallTaxonomy, training, [], { ...long, loss }, { teachers })
    const logits = new TrainableNetwork(runtime, state.weights).logits(state.weights, batch)
    const nothing = new Float32Array(6)
    const row = (of: Float32Array, at: number): Float32Array => of.subarray(6 * at, 6 * at + 6)
    const distances = [...batch.weights].map((weight, at) =>
      weight === 0 ? 0 : weight * teacherLoss(smallTaxonomy, row(logits, at), row(said, at), nothing, 0)
    )
    return distances.reduce((sum, each) => sum + each, 0)
  }
  const [alone, taught] = [await distance(0), await distance(0.9)]
  assert.ok(taught < 0.7 * alone, `${taught} against ${alone}`)
})

test('a teacher that sees the first numbers only says the same as on those alone', async () => {
  const [reference] = inputSets
  assert.ok(reference !== undefined)
  const fewer = { ...options, epochs: 1, network: { ...options.network, inputs: reference.version } }
  const { weights } = await fit(runtime, smallTaxonomy, training, [], fewer)
  const ensemble = new Ensemble(runtime, smallTaxonomy, [{ sha256: 'made', weights }])
  const [all] = plainBatches(heldOut, 32, 160)
  const [first] = plainBatches(heldOut, 32, 160, reference)
  assert.ok(all !== undefined && first !== undefined && all.inputs.length > first.inputs.length)
  assert.deepEqual(ensemble.conditionals(all), ensemble.conditionals(first))
})

test('a training begins with the weights that it is given, and leaves them as they are; other shapes are refused', async () => {
  const { weights } = await fit(runtime, smallTaxonomy, training, [], { ...options, epochs: 1, seed: 5 })
  const kept = structuredClone(weights)
  const still = { ...options, epochs: 1, schedule: { ...options.schedule, learningRate: 1e-12, weightDecay: 0 } }
  const state = await fit(runtime, smallTaxonomy, training, [], still, { start: weights })
  for (const [name, { values }] of Object.entries(state.weights)) {
    values.forEach((value, at) => {
      assert.ok(Math.abs(value - (kept[name]?.values[at] ?? Number.NaN)) < 1e-6)
    })
  }
  await fit(runtime, smallTaxonomy, training, [], { ...options, epochs: 1 }, { start: weights })
  assert.deepEqual(weights, kept)
  const wider = { ...options, network: { ...options.network, hidden: 9 } }
  await assert.rejects(fit(runtime, smallTaxonomy, training, [], wider, { start: weights }), {
    code: 'USAGE',
    message: /--start: gru.* has the shape/
  })
})
