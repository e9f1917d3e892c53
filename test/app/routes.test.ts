import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KnownModel, readModels } from '../../src/app/models.ts'
import { describeModels, resolveRoutes } from '../../src/app/routes.ts'
import type { Card } from '../../src/classifier/model/card.ts'
import { referenceModel } from '../support/models.ts'

const [read] = await readModels({ model: [referenceModel] })
const reference = read as KnownModel

const row = (thresholds: [number, number, number][], more: object = {}): NonNullable<Card['purity']>[number] => ({
  population: 'stream',
  node: 'SN Ia',
  fromDetections: 4,
  untilDetections: 9,
  objects: 50,
  thresholds: thresholds.map(([threshold, purity, completeness]) => ({ threshold, purity, completeness })),
  ...more
})

/** The reference model, as if its card had populations and purities. */
function withPurity(sha256: string, purity: Card['purity']): KnownModel {
  const population = { name: 'stream', shares: { Transient: 0.02, Persistent: 0.98 } }
  return { ...reference, sha256, population, card: { ...reference.card, purity } }
}

test('a purity becomes the probability of each model’s own card', () => {
  const some = withPurity('a', [
    row([
      [0.5, 0.5, 1],
      [0.8, 0.93, 0.6]
    ])
  ])
  const other = withPurity('b', [
    row([[0.3, 0.91, 0.8]]),
    row([[0.9, 0.6, 0.1]], { fromDetections: 1, untilDetections: 3 })
  ])
  const { routes, byPurity } = resolveRoutes(
    [
      { topic: 'pure', node: 'SN Ia', minPurity: 0.9 },
      { topic: 'plain', node: 'TDE', minProbability: 0.4 }
    ],
    [some, other]
  )
  assert.deepEqual(routes[1], { topic: 'plain', node: 'TDE', minProbability: 0.4 })
  const thresholds = routes[0]?.minProbability
  assert.ok(thresholds instanceof Map)
  assert.deepEqual(thresholds.get('a'), [{ from: 4, until: 9, minProbability: 0.8, purity: 0.93, completeness: 0.6 }])
  assert.deepEqual(
    thresholds.get('b')?.map(({ minProbability }: { minProbability: number | null }) => minProbability),
    [null, 0.3]
  )
  assert.deepEqual(
    byPurity.map(({ model, minPurity }) => [model.sha256, minPurity]),
    [
      ['a', 0.9],
      ['b', 0.9]
    ]
  )
  assert.deepEqual(describeModels([some], resolveRoutes([{ topic: 'pure', node: 'SN Ia', minPurity: 0.9 }], [some])), [
    'ztf-reference 1.0.0 answers for stream (Transient 0.02, Persistent 0.98)',
    'pure gets SN Ia with an expected purity of at least 0.9, by ztf-reference 1.0.0 for stream:',
    '  4–9 detections: probability >= 0.8, expected purity 0.93, expected completeness 0.6'
  ])
})

test('a purity without a table and a node that no model has are refused', () => {
  const routes = [{ topic: 'pure', node: 'SN Ia', minPurity: 0.9 }]
  assert.throws(() => resolveRoutes(routes, [reference]), {
    code: 'CONFIG_INVALID',
    message: /^output\.routes: pure=SN Ia@purity>=0\.9: the card of ztf-reference 1\.0\.0 has no table/
  })
  assert.throws(() => resolveRoutes([{ topic: 'pure', node: 'SN Iq', minPurity: 0.9 }], [reference]), {
    code: 'CONFIG_INVALID',
    message: /"SN Iq".*no such node/
  })
})
