import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { RecurrentClassifier } from 'hierax/classifier/classifier.ts'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import { createRuntime, type Runtime } from 'hierax/classifier/network/runtime.ts'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import type { KnownObject } from '../../src/data/labelled.ts'
import { type Cut, type Prediction, predictAll } from '../../src/evaluation/predict.ts'
import { atTemperature, fitTemperature } from '../../src/evaluation/temperature.ts'
import { priorsOf } from '../../src/export.ts'
import { joined, sequenceOf } from '../../src/network/batches.ts'
import { TrainableNetwork } from '../../src/network/trainable.ts'
import { logitCorrection, nodeWeights } from '../../src/network/whxe.ts'
import { random } from '../../src/random.ts'
import { madeModel, madeObject, madeObjects, madeState, smallTaxonomy as tree } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-predict-'))
after(() => rmSync(folder, { recursive: true }))

const objects = madeObjects(12)
const labels = objects.map(({ node }) => node)
const { weights } = madeState
let runtime: Runtime

async function predictions(
  classifier: RecurrentClassifier,
  of: KnownObject[],
  cuts: Cut[]
): Promise<Prediction<KnownObject>[]> {
  const found: Prediction<KnownObject>[] = []
  for await (const each of predictAll(classifier, of, cuts)) found.push(each)
  return found
}

before(async () => {
  runtime = await createRuntime('wasm')
})

test('an exported model says after every detection what the trained network said', async () => {
  const network = new TrainableNetwork(runtime, weights)
  for (const beta of [0, 0.7]) {
    const classifier = await madeModel(path.join(folder, `beta${beta}`), runtime, objects, { beta })
    const correction = logitCorrection(tree, nodeWeights(tree, labels, 'labels'), beta)
    const object = madeObject(9, 2, 9)
    const logits = network.logits(weights, joined([sequenceOf(object.points, 2)]))
    const times = object.points.filter(point => point.detection).map(({ jd }) => jd)
    const found = await predictions(
      classifier,
      [object],
      times.map(jd => jd - (times[0] as number))
    )
    for (const [step, { probability, age }] of found.entries()) {
      const row = Float64Array.from(
        { length: 6 },
        (_, node) => (logits[step * 6 + node] as number) + (correction[node] as number)
      )
      const wanted = nodeProbabilities(tree, row).probability
      assert.ok(probability.every((p, node) => Math.abs(p - (wanted[node] as number)) < 1e-5))
      assert.equal(age, (times[step] as number) - (times[0] as number))
    }
    classifier.dispose()
  }
})

test('a model folder has sources, priors and a probe', async () => {
  const classifier = await madeModel(path.join(folder, 'card'), runtime, objects)
  classifier.dispose()
  const { card, priors } = await readModelFolder(path.join(folder, 'card'))
  assert.deepEqual(card.training.sources, [{ source: 'made', objects: 12 }])
  assert.deepEqual(priors, priorsOf(tree, labels))
  assert.deepEqual([...priorsOf(tree, [1, 1, 0, 3])], [0.75, 0.5, 0.125, 0.25, 0.125, 0.125])
  assert.equal(Object.keys(card.probe.probabilities).length, 6)
})

test('cuts do not depend on each other, and later points do not matter', async () => {
  const classifier = await madeModel(path.join(folder, 'cuts'), runtime, objects)
  const all = await predictions(classifier, objects, [7, 'full', 3])
  assert.deepEqual(
    all.slice(0, 3).map(({ object, cut }) => [object.id, cut]),
    [
      ['made0', 3],
      ['made0', 7],
      ['made0', 'full']
    ]
  )
  const alone = await predictions(classifier, objects, [7])
  assert.deepEqual(
    all.filter(({ cut }) => cut === 7).map(each => each.probability),
    alone.map(each => each.probability)
  )
  const short = objects.map(object => {
    const first = object.points.find(point => point.detection)?.jd ?? 0
    return { ...object, points: object.points.filter(({ jd }) => jd <= first + 7) }
  })
  const ended = await predictions(classifier, short, ['full'])
  assert.deepEqual(
    ended.map(each => each.probability),
    alone.map(each => each.probability)
  )
  const never = await predictions(classifier, [{ ...madeObject(1, 1), points: [], detections: 0 }], [3, 'full'])
  assert.deepEqual([...(never[1]?.conditional ?? [])], [1 / 3, 0.5, 0.5, 1 / 3, 1 / 3, 1])
  classifier.dispose()
})

test('the temperature under which predictions were made too sharp is found, by age', () => {
  const draw = random(8)
  const made: Prediction<KnownObject>[] = []
  for (let at = 0; at < 6000; at++) {
    const logits = Float64Array.from({ length: 6 }, () => 1.5 * draw.normal())
    const true_ = nodeProbabilities(tree, logits)
    const leaves = [1, 2, 3, 5]
    const drawn = draw.uniform()
    let sum = 0
    const sums = leaves.map(leaf => {
      sum += true_.probability[leaf] as number
      return sum
    })
    const node = leaves[sums.findIndex(each => drawn < each)] ?? 5
    const age = at % 2 === 0 ? 5 : 50
    const sharper = nodeProbabilities(tree, logits, age === 5 ? 1 / 1.6 : 1)
    made.push({ object: { ...madeObject(1, node, 1), node }, cut: 'full', age, novelty: null, ...sharper })
  }
  const temperature = fitTemperature(tree, made)
  assert.deepEqual(
    temperature.map(({ untilDays }) => untilDays),
    [15, null]
  )
  assert.ok(Math.abs((temperature[0]?.value ?? 0) - 1.6) < 0.1, `${temperature[0]?.value}`)
  assert.ok(Math.abs((temperature[1]?.value ?? 0) - 1) < 0.06, `${temperature[1]?.value}`)
  const again = fitTemperature(tree, atTemperature(tree, made, temperature))
  assert.ok(again.every(({ value }) => Math.abs(value - 1) < 0.02))
  assert.deepEqual(
    fitTemperature(tree, made.slice(0, 10)).map(({ value }) => value),
    [1, 1]
  )
})
