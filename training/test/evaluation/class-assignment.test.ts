import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  attainableF1,
  candidatesAtDepth,
  classAssignment,
  classOf,
  classProbabilities,
  depthOf,
  fitAttainableF1,
  parseCandidates,
  ranked
} from '../../src/evaluation/class-assignment.ts'
import type { Prediction } from '../../src/evaluation/predict.ts'
import { treeDistance } from '../../src/tree.ts'
import { madeObject, smallTaxonomy as tree } from '../support.ts'

const [A, A1, A2, B, C, C1] = [0, 1, 2, 3, 4, 5] as const

test('each depth has the nodes there and the leaves above', () => {
  const names = (depth: number): string[] => candidatesAtDepth(tree, depth).classes.map(({ name }) => name)
  assert.deepEqual(names(1), ['A', 'B', 'C'])
  assert.deepEqual(names(2), ['A1', 'A2', 'B', 'C1'])
  assert.equal(depthOf(tree), 2)
})

test('classes by names; joined ones count as one, others are left out', () => {
  const set = parseCandidates(tree, 'A1, B+C,-A2')
  assert.deepEqual(set.classes, [
    { name: 'A1', nodes: [A1] },
    { name: 'B', nodes: [B, C] }
  ])
  const classes = [A, A1, A2, B, C, C1, -1].map(node => classOf(tree, set, node))
  assert.deepEqual(classes, [-1, 0, -1, 1, 1, 1, -1])
  const sub = parseCandidates(tree, 'A,B,-A2')
  assert.deepEqual(
    [A, A1, A2].map(node => classOf(tree, sub, node)),
    [0, 0, -1]
  )
})

for (const [text, wanted] of [
  ['A1', /at least two/],
  ['A1,X', /"X" is not a node/],
  ['A1,Root', /"Root" is not a node/],
  ['A,A1', /"A1" is given twice, or below/],
  ['B,C+B', /"B" is given twice/],
  ['A1,,B', /separated by commas/]
] as const) {
  test(`refused: --among ${text}`, () => {
    assert.throws(() => parseCandidates(tree, text), { code: 'USAGE', message: wanted })
  })
}

test('probabilities are normalised among the classes; the rule divides by the prior', () => {
  const set = parseCandidates(tree, 'A1,B+C')
  const probabilities = classProbabilities(set, Float64Array.of(0.5, 0.3, 0.2, 0.1, 0.1, 0.1))
  assert.deepEqual(
    [...probabilities].map(p => Math.round(1e6 * p)),
    [600000, 400000]
  )
  assert.deepEqual(ranked(set, probabilities, { priorPower: 0, priors: null }, 0), [0, 1])
  const priors = Float64Array.of(0.9, 0.8, 0.1, 0.05, 0.05, 0.05)
  assert.deepEqual(ranked(set, probabilities, { priorPower: 0.4, priors }, 0), [1, 0])
  const byDays = [
    { untilDays: 10, value: 0.4 },
    { untilDays: null, value: 0 }
  ]
  assert.deepEqual(ranked(set, probabilities, { priorPower: byDays, priors }, 10), [1, 0])
  assert.deepEqual(ranked(set, probabilities, { priorPower: byDays, priors }, 10.1), [0, 1])
  assert.deepEqual([...classProbabilities(set, new Float64Array(6))], [0.5, 0.5])
})

test('distances in the tree; below the label there is none', () => {
  assert.equal(treeDistance(tree, A1, A1), 0)
  assert.equal(treeDistance(tree, A1, A), 0)
  assert.equal(treeDistance(tree, A, A1), 1)
  assert.equal(treeDistance(tree, A2, A1), 2)
  assert.equal(treeDistance(tree, B, A1), 3)
  assert.equal(treeDistance(tree, C1, A1), 4)
  assert.equal(treeDistance(tree, B, A), 2)
})

test('objects may be judged as a class whose probability they do not add to', () => {
  const set = parseCandidates(tree, 'A1~A2,B')
  assert.deepEqual(
    set.classes.map(({ name, nodes, countedWith }) => [name, nodes, countedWith]),
    [
      ['A1', [1], [2]],
      ['B', [3], undefined]
    ]
  )
  assert.equal(classOf(tree, set, 2), 0)
  const probabilities = classProbabilities(set, Float64Array.of(0.9, 0.3, 0.6, 0.1, 0, 0))
  assert.ok(Math.abs((probabilities[0] as number) - 0.75) < 1e-12)
  assert.throws(() => parseCandidates(tree, 'A1~B,B'), { code: 'USAGE', message: /"B" is given twice/ })
})

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
  const rule = classAssignment({ priorPower: 0, naming: [{ untilDays: 10, priorPower: 1, f1 }] }, priors, tree)
  const named = (ofB: number, days: number): number | undefined =>
    ranked(set, Float64Array.of(1 - ofB, ofB), rule, days)[0]
  // (0.85 − 0.45) / 0.9 = 0.44 against (0.15 − 0.1) / 0.1 = 0.5
  assert.equal(named(0.15, 10), 1)
  assert.equal(named(0.12, 10), 0)
  assert.equal(named(0.15, 10.1), 0)
})

test('a card whose rule lacks a node is refused', () => {
  const naming = [{ untilDays: 10, priorPower: 1, f1: { A: 0.5 } }]
  assert.throws(() => classAssignment({ priorPower: 0, naming }, null, tree), {
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
  const found = fitAttainableF1(tree, predictions, [
    { untilDays: 10, value: 1 },
    { untilDays: 30, value: 0.5 }
  ])
  assert.deepEqual(
    found.map(({ untilDays, priorPower, f1 }) => [untilDays, priorPower, Object.entries(f1)[B]]),
    [[10, 1, ['B', 1]]]
  )
})
