import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { temperatureAt } from '../../../src/classifier/model/card.ts'
import { decide } from '../../../src/classifier/model/decision.ts'
import { parseTaxonomy } from '../../../src/classifier/model/taxonomy.ts'
import { ignorance, nodeProbabilities } from '../../../src/classifier/probabilities/probabilities.ts'

const tree = parseTaxonomy(
  JSON.stringify({
    name: 'tree',
    version: '1',
    root: 'Object',
    nodes: [
      { name: 'A', parent: 'Object' },
      { name: 'A1', parent: 'A' },
      { name: 'A2', parent: 'A' },
      { name: 'B', parent: 'Object' },
      { name: 'B1', parent: 'B' }
    ]
  })
)
const plain = { priorPower: 0, priors: null }

/** Logits that give conditionals: A, A1, A2, B, B1. */
function probabilitiesOf(a: number, a1: number) {
  return nodeProbabilities(tree, [Math.log(a), Math.log(a1), Math.log(1 - a1), Math.log(1 - a), 5])
}

test('conditionals are softmaxes of siblings, an only child is certain', () => {
  const { conditional, probability } = probabilitiesOf(0.8, 0.75)
  const wanted = [0.8, 0.75, 0.25, 0.2, 1]
  conditional.forEach((value, node) => {
    assert.ok(Math.abs(value - (wanted[node] ?? 0)) < 1e-12)
  })
  assert.ok(Math.abs((probability[1] ?? 0) - 0.6) < 1e-12)
  assert.equal(probability[4], probability[3])
})

test('large logits do not overflow, and siblings sum to 1', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e30, max: 1e30, noNaN: true }), { minLength: 5, maxLength: 5 }), logits => {
      const { conditional } = nodeProbabilities(tree, logits)
      for (const group of tree.siblings) {
        const sum = group.reduce((total, node) => total + (conditional[node] ?? Number.NaN), 0)
        assert.ok(Math.abs(sum - 1) < 1e-12)
      }
    })
  )
})

test('a temperature above 1 softens', () => {
  const hot = nodeProbabilities(tree, [1, 0, 0, 0, 0], 2)
  assert.ok(Math.abs((hot.conditional[0] ?? 0) - 1 / (1 + Math.exp(-0.5))) < 1e-12)
  const temperature = [
    { untilDays: 15, value: 1.12 },
    { untilDays: null, value: 1.05 }
  ]
  assert.equal(temperatureAt({ temperature }, 0), 1.12)
  assert.equal(temperatureAt({ temperature }, 15), 1.12)
  assert.equal(temperatureAt({ temperature }, 15.1), 1.05)
  assert.equal(temperatureAt({ temperature: null }, 3), 1)
})

test('the walk goes down while the marginal probability is at least 0.5', () => {
  const prediction = decide(tree, plain, probabilitiesOf(0.8, 0.75), 0)
  assert.deepEqual(prediction?.path, ['A', 'A1'])
  assert.equal(prediction?.node, 'A1')
  assert.ok(Math.abs((prediction?.probability ?? 0) - 0.6) < 1e-12)
  assert.equal(decide(tree, plain, probabilitiesOf(0.8, 0.6), 0)?.node, 'A')
  assert.equal(decide(tree, plain, probabilitiesOf(0.3, 0.6), 0)?.node, 'B1')
})

test('it stands for nothing where even the first step falls below 0.5', () => {
  const three = parseTaxonomy(
    JSON.stringify({
      name: 'three',
      version: '1',
      root: 'R',
      nodes: ['X', 'Y', 'Z'].map(name => ({ name, parent: 'R' }))
    })
  )
  assert.equal(decide(three, plain, ignorance(three), 0), null)
  assert.equal(decide(three, plain, nodeProbabilities(three, [0.1, 0, 0]), 0), null)
  assert.equal(decide(three, plain, nodeProbabilities(three, [3, 0, 0]), 0)?.node, 'X')
})

test('with a power of the prior, a rare sibling can win', () => {
  const nodes = probabilitiesOf(0.999, 0.505)
  const priors = Float64Array.of(0.9, 0.85, 0.05, 0.1, 0.1)
  assert.equal(decide(tree, plain, nodes, 0)?.node, 'A1')
  // A2 wins among its siblings, but its marginal probability is below 0.5: the walk ends above it.
  assert.equal(decide(tree, { priorPower: 0.4, priors }, nodes, 0)?.node, 'A')
})

test('the power of the prior may depend on how many days a light curve spans', () => {
  const nodes = probabilitiesOf(0.999, 0.505)
  const priors = Float64Array.of(0.9, 0.85, 0.05, 0.1, 0.1)
  const rule = {
    priorPower: [
      { untilDays: 20, value: 0.4 },
      { untilDays: null, value: 0 }
    ],
    priors
  }
  assert.equal(decide(tree, rule, nodes, 20)?.node, 'A')
  assert.equal(decide(tree, rule, nodes, 21)?.node, 'A1')
})
