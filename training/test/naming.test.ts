import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { namingRule, parseCandidates, ranked } from '../src/candidates.ts'
import { attainableF1, fitNaming } from '../src/naming.ts'
import type { Prediction } from '../src/predict.ts'
import { madeObject, smallTaxonomy as tree } from './support.ts'

const [A1, B] = [1, 3] as const

test('the attainable F1 of a few probabilities, by hand', () => {
  // Of 0.8 alone: 1.6 / (1 + 1.3) = 0.696; with 0.4: 2.4 / (2 + 1.3) = 0.727; with all: 2.6 / 4.3 = 0.605.
  assert.ok(Math.abs(attainableF1(Float64Array.of(0.1, 0.8, 0.4)) - 2.4 / 3.3) < 1e-12)
  assert.equal(attainableF1(Float64Array.of(1, 0, 1)), 1)
  assert.equal(attainableF1(new Float64Array(3)), 0)
})

test('half the attainable F1 is the threshold that reaches it', () => {
  const probability = fc.double({ min: 0.001, max: 1, noNaN: true })
  fc.assert(
    fc.property(fc.array(probability, { minLength: 1, maxLength: 40 }), all => {
      const best = attainableF1(Float64Array.from(all))
      const said = all.filter(p => p >= best / 2 - 1e-9)
      const sum = (some: readonly number[]): number => some.reduce((total, p) => total + p, 0)
      assert.ok(Math.abs((2 * sum(said)) / (said.length + sum(all)) - best) < 1e-6)
    })
  )
})

test('early a rare class is named where it exceeds half of what is attainable, later by P / prior^x', () => {
  const set = parseCandidates(tree, 'A1,B')
  const priors = new Float64Array(tree.nodes.length).fill(0.1)
  priors[A1] = 0.9
  const f1 = Object.fromEntries(tree.nodes.map(({ name }) => [name, name === 'A1' ? 0.9 : 0.2]))
  const rule = namingRule({ priorPower: 0, naming: [{ untilDays: 10, priorPower: 1, f1 }] }, priors, tree)
  const named = (ofB: number, days: number): number | undefined =>
    ranked(set, Float64Array.of(1 - ofB, ofB), rule, days)[0]
  // (0.85 − 0.45) / 0.9 = 0.44 against (0.15 − 0.1) / 0.1 = 0.5
  assert.equal(named(0.15, 10), 1)
  assert.equal(named(0.12, 10), 0)
  assert.equal(named(0.15, 10.1), 0)
})

test('a card whose rule lacks a node is refused', () => {
  const naming = [{ untilDays: 10, priorPower: 1, f1: { A: 0.5 } }]
  assert.throws(() => namingRule({ priorPower: 0, naming }, null, tree), {
    code: 'MODEL_INVALID',
    message: /node "A1"/
  })
})

test('what is attainable is found by age, from the latest answer within it; too few objects tell nothing', () => {
  const prediction = (at: number, age: number, ofB: number): Prediction => ({
    object: madeObject(at, B, 1),
    cut: age,
    age,
    novelty: null,
    conditional: new Float64Array(6),
    probability: Float64Array.from(tree.nodes, (_, node) => (node === B ? ofB : 0.1))
  })
  const objects = Array.from({ length: 60 }, (_, at) => at)
  const predictions = [
    ...objects.flatMap(at => [prediction(at, 3, 0.1), prediction(at, 7, 1)]),
    ...objects.slice(20).map(at => prediction(at, 20, 0.3))
  ]
  const found = fitNaming(tree, predictions, [
    { untilDays: 10, value: 1 },
    { untilDays: 30, value: 0.5 }
  ])
  assert.deepEqual(
    found.map(({ untilDays, priorPower, f1 }) => [untilDays, priorPower, Object.entries(f1)[B]]),
    [[10, 1, ['B', 1]]]
  )
})
