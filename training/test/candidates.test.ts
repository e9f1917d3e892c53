import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  candidatesAtDepth,
  classOf,
  classProbabilities,
  depthOf,
  parseCandidates,
  ranked,
  treeDistance
} from '../src/candidates.ts'
import { smallTaxonomy as tree } from './support.ts'

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
