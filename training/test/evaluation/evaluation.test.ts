import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import type { KnownObject } from '../../src/data/labelled.ts'
import { parseCandidates } from '../../src/evaluation/class-assignment.ts'
import { crossValidate } from '../../src/evaluation/cross-validation.ts'
import { evaluateCut } from '../../src/evaluation/evaluation.ts'
import type { Prediction } from '../../src/evaluation/predict.ts'
import { madeObject, smallTaxonomy as tree } from '../support.ts'

const rule = { priorPower: 0, priors: null }
const plain = { priorPower: 0, bestF1: [] }

/** A prediction that puts so much on each leaf: A1, A2, B, C1. */
function prediction(
  id: number,
  node: number,
  leaves: readonly [number, number, number, number],
  detections = 6
): Prediction<KnownObject> {
  const [a1, a2, b, c1] = leaves
  const object = { ...madeObject(id, Math.max(node, 0), detections), node }
  const probability = Float64Array.of(a1 + a2, a1, a2, b, c1, c1)
  const conditional = Float64Array.of(a1 + a2, a1 / (a1 + a2), a2 / (a1 + a2), b, c1, 1)
  return { object, cut: 'full', age: 20, conditional, probability, novelty: null }
}

const some = [
  prediction(1, 1, [0.6, 0.2, 0.1, 0.1]),
  prediction(2, 2, [0.5, 0.3, 0.1, 0.1]),
  prediction(3, 3, [0.5, 0.1, 0.3, 0.1], 2),
  prediction(4, 0, [0.3, 0.3, 0.3, 0.1])
]

test('every depth and every set is judged, each on the objects whose labels tell', () => {
  const among = [parseCandidates(tree, 'A,B')]
  const { sets } = evaluateCut(tree, rule, some, { among, minDetections: 5, bootstrap: 0 })
  assert.deepEqual(
    sets.map(({ title, objects }) => [title, objects]),
    [
      ['depth 1', 4],
      ['depth 2', 3],
      ['A,B', 3]
    ]
  )
  assert.deepEqual(
    sets.map(({ scores }) => scores?.accuracy),
    [3 / 4, 1 / 3, 1]
  )
  // Named A for B: two edges. Named A1 for A2: two; named A1 for B: three.
  assert.deepEqual(
    sets.map(({ mistakeDistance }) => mistakeDistance),
    [2, 2.5, null]
  )
})

test('calibration of a node counts its members, and leaves out what is labelled above it', () => {
  const { nodes } = evaluateCut(tree, rule, some, { among: [], minDetections: 1, bootstrap: 0 })
  const [a, a1] = nodes
  assert.deepEqual([a?.node, a?.objects, a?.members], ['A', 4, 3])
  assert.deepEqual([a1?.node, a1?.objects, a1?.members], ['A1', 3, 1])
  assert.ok(Math.abs((a1?.meanProbability ?? 0) - 1.6 / 3) < 1e-12)
  assert.ok(Math.abs((a1?.brier ?? 0) - (0.16 + 0.25 + 0.25) / 3) < 1e-12)
})

test('each fold is judged at the temperature of the others', () => {
  const fold = (number: number, scale: number): Prediction<KnownObject>[] =>
    Array.from({ length: 200 }, (_, at) => {
      const node = [1, 2, 3, 5][at % 4] as number
      const right = at % 5 > 0
      const said = tree.path(right ? node : node === 3 ? 5 : 3)
      const logits = Float64Array.from(tree.nodes, ({ name }) => (said.includes(name) ? scale : 0))
      return {
        object: { ...madeObject(1000 * number + at, node, 1), node },
        cut: 'full' as const,
        age: 3,
        novelty: null,
        ...nodeProbabilities(tree, logits)
      }
    })
  const folds = new Map([
    [0, fold(0, 2)],
    [1, fold(1, 6)]
  ])
  const objects = [...folds.values()].flat().map(({ object }) => object)
  const options = { among: [], minDetections: 1, bootstrap: 0 }
  const found = crossValidate(tree, plain, objects, folds, options)
  const confidence = (of: typeof found, fold: number): number =>
    of.folds.find(each => each.fold === fold)?.sets[0]?.scores?.brier ?? Number.NaN
  const alone = (fold: number) => crossValidate(tree, plain, objects, new Map([[fold, folds.get(fold) ?? []]]), options)
  // Fold 1 is too sure of itself, so fold 0, which is about right, is cooled too much; fold 1 is hardly changed.
  const temperature = found.temperature[0]?.value ?? 0
  assert.ok(temperature > 1.1, `temperature ${temperature}`)
  assert.ok(confidence(found, 0) > 1.02 * confidence(alone(0), 0))
  assert.ok(Math.abs(confidence(found, 1) / confidence(alone(1), 1) - 1) < 0.1)
  assert.equal(found.folds.length, 2)
  assert.ok(found.tables.some(({ title }) => title.startsWith('Mean and standard deviation over 2 folds')))
})
