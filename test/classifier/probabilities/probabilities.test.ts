import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTaxonomy } from '../../../src/classifier/model/taxonomy.ts'
import { ContextTerm, contextFeatureNames, contextVersion } from '../../../src/classifier/probabilities/context.ts'
import { Composer, nodeProbabilities } from '../../../src/classifier/probabilities/probabilities.ts'
import type { AlertView } from '../../../src/classifier/types.ts'
import { type AlertContext, contextFields } from '../../../src/lightcurves/points/observation.ts'

const taxonomy = parseTaxonomy(
  JSON.stringify({
    ...{ name: 'small', version: '1', root: 'Object' },
    nodes: [
      { name: 'T', parent: 'Object' },
      { name: 'A', parent: 'T' },
      { name: 'B', parent: 'T' },
      { name: 'P', parent: 'Object' },
      { name: 'S', parent: 'Object' }
    ]
  })
)
const priors = Float64Array.from([0.5, 0.3, 0.2, 0.3, 0.2])
const population = { name: 'stream', shares: { T: 0.04, P: 0.9, S: 0.06 } }
const count = contextFeatureNames.length
const context = new ContextTerm(
  {
    ...{ features: contextVersion, bound: 6, nodes: ['T', 'P', 'S'] },
    ...{ mean: new Array(count).fill(0), deviation: new Array(count).fill(1) },
    layers: [{ weights: [0.3, -0.2, 0.1].map(weight => new Array(count).fill(weight)), biases: [0.1, 0, -0.1] }]
  },
  taxonomy
)
const empty = Object.fromEntries(contextFields.map(field => [field, null])) as unknown as AlertContext
const alert: AlertView = { jd: 2459000.5, magnitude: 18.5, context: { ...empty, sgscore1: 0.98, distpsnr1: 0.3 } }
const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 5, maxLength: 5 })

test('without context and population the answer is that of the network, to the bit', () => {
  const plain = new Composer({ taxonomy, context: null, priors }, null)
  fc.assert(
    fc.property(logits, fc.double({ min: 0.5, max: 2, noNaN: true }), (values, temperature) => {
      const row = Float32Array.from(values)
      assert.deepEqual(plain.compose(row, temperature, alert).nodes, nodeProbabilities(taxonomy, row, temperature))
    })
  )
})

test('the softmax of the evidence of the children of the root is their conditional probability', () => {
  const composer = new Composer({ taxonomy, context, priors }, population)
  fc.assert(
    fc.property(logits, fc.boolean(), (values, withAlert) => {
      const { evidence, nodes } = composer.compose(Float32Array.from(values), 1.1, withAlert ? alert : null)
      assert.deepEqual(
        evidence.map(({ node }) => node),
        ['T', 'P', 'S']
      )
      const sums = evidence.map(each => Math.exp(each.lightCurve + each.context + each.prior))
      const total = sums.reduce((sum, each) => sum + each, 0)
      for (const [at, node] of [0, 3, 4].entries()) {
        assert.ok(Math.abs((sums[at] as number) / total - (nodes.conditional[node] as number)) < 1e-12)
      }
      if (!withAlert) assert.ok(evidence.every(each => each.context === 0))
    })
  )
})

test('a packet without any context field has a context term of 0', () => {
  const composer = new Composer({ taxonomy, context, priors }, population)
  const row = Float32Array.from([1, 2, 3, 4, 5])
  assert.deepEqual(composer.compose(row, 1, { ...alert, context: empty }), composer.compose(row, 1, null))
})

test('the population changes probabilities as Bayes says', () => {
  const row = Float32Array.from([0.4, 0, 0, -0.3, 1.2])
  const trained = new Composer({ taxonomy, context: null, priors }, null).compose(row, 1, null).nodes.conditional
  const shifted = new Composer({ taxonomy, context: null, priors }, population).compose(row, 1, null).nodes.conditional
  const ratio = (values: Float64Array): number => (values[0] as number) / (values[3] as number)
  assert.ok(Math.abs(ratio(shifted) / ratio(trained) - 0.04 / 0.5 / (0.9 / 0.3)) < 1e-12)
  assert.deepEqual([shifted[1], shifted[2]], [trained[1], trained[2]])
})
