import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nodeProbabilities } from 'hierax/classifier/probabilities/probabilities.ts'
import { logitCorrection } from '../../src/network/whxe.ts'
import { withWeights } from '../../src/study/runs.ts'
import { smallTaxonomy } from '../support.ts'

const { nodes } = smallTaxonomy
const byName = (values: ArrayLike<number>) =>
  Object.fromEntries(nodes.map(({ name }, node) => [name, values[node] as number]))

test('what dividing the weights out does is undone', () => {
  const perNode = (of: fc.Arbitrary<number>) => fc.array(of, { minLength: nodes.length, maxLength: nodes.length })
  fc.assert(
    fc.property(
      perNode(fc.double({ min: -4, max: 4, noNaN: true })),
      perNode(fc.oneof(fc.constant(0), fc.double({ min: 0.05, max: 20, noNaN: true }))),
      fc.constantFrom(0.5, 1),
      (logits, weights, beta) => {
        const correction = logitCorrection(smallTaxonomy, Float64Array.from(weights), beta)
        const corrected = logits.map((logit, node) => logit + (correction[node] as number))
        const probability = byName(nodeProbabilities(smallTaxonomy, corrected).probability)
        const weighted = withWeights(smallTaxonomy, probability, byName(correction))
        for (const [node, { name }] of nodes.entries()) {
          const expected = nodeProbabilities(smallTaxonomy, logits).probability[node] as number
          assert.ok(Math.abs((weighted[name] as number) - expected) < 1e-9, `${name}: ${weighted[name]} ${expected}`)
        }
      }
    )
  )
})
