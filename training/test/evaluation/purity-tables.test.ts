import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { purityThresholds } from 'hierax/classifier/probabilities/purity.ts'
import type { Population } from 'hierax/classifier/types.ts'
import {
  type PuritySample,
  purityTable,
  purityTablesFor,
  purityThresholdGrid
} from '../../src/evaluation/purity-tables.ts'
import { random } from '../../src/random.ts'
import { smallTaxonomy } from '../support.ts'

const [A, A1, A2, B, C1] = [0, 1, 2, 3, 5]
const stream: Population = { name: 'stream', shares: { A: 0.1, B: 0.8, C: 0.1 } }

/** So many objects of a node, each with one alert and one probability for every node. */
function objects(count: number, node: number, p: number, more: Partial<PuritySample> = {}): PuritySample[] {
  return Array.from({ length: count }, (_, at) => ({
    objectId: `${node}-${p}-${at}`,
    node,
    detections: 12,
    probability: new Float64Array(6).fill(p),
    ...more
  }))
}

const at = (
  samples: readonly PuritySample[],
  node: string,
  threshold: number,
  population: Population | null = stream
) =>
  purityTable(samples, smallTaxonomy, population)
    .find(row => row.node === node)
    ?.thresholds.find(each => each.threshold === threshold)

describe('expected purity', () => {
  test('weighs objects by the shares of the population', () => {
    // Of A 80 of 100 are above, of B 1 of 10, of C none: 0.1 × 0.8 against 0.8 × 0.1.
    const samples = [
      ...objects(80, A1, 0.9),
      ...objects(20, A2, 0.1),
      ...objects(1, B, 0.9),
      ...objects(9, B, 0.1),
      ...objects(10, C1, 0.1)
    ]
    assert.deepEqual(at(samples, 'A', 0.5), { threshold: 0.5, purity: 0.5, completeness: 0.8 })
    const own = at(samples, 'A', 0.5, null)
    assert.equal(own?.purity, 0.9, 'the mean probability where it is less than 80 / 81')
    assert.equal(at(samples, 'A', 0.95), undefined, 'no row without objects')
  })

  test('weighs groups below the root too', () => {
    const samples = [...objects(30, A1, 0.9), ...objects(10, A2, 0.9), ...objects(20, B, 0.1), ...objects(20, C1, 0.1)]
    const shares = { ...stream.shares, A1: 0.2, A2: 0.8 }
    assert.equal(at(samples, 'A1', 0.5, { name: 'x', shares })?.purity, 0.2)
    assert.equal(at(samples, 'A1', 0.5)?.purity, 0.75)
  })

  test('is never above the mean probability, so that few objects promise nothing', () => {
    const samples = [...objects(10, A1, 0.7), ...objects(10, B, 0.1), ...objects(10, C1, 0.1)]
    assert.equal(at(samples, 'A', 0.5)?.purity, 0.7)
  })

  test('counts an object once, however many alerts it has', () => {
    const many = Array.from({ length: 50 }, () => objects(1, B, 0.9)[0] as PuritySample)
    const samples = [...objects(10, A1, 0.99), ...many, ...objects(9, B, 0.1), ...objects(10, C1, 0.1)]
    // One of ten objects of B: 0.08 against 0.1.
    assert.equal(at(samples, 'A', 0.5)?.purity, 0.5555)
  })

  test('leaves out an object that is labelled above the node', () => {
    const common = [...objects(10, A1, 0.95), ...objects(10, B, 0.1), ...objects(10, C1, 0.1), ...objects(10, A2, 0.1)]
    const samples = [...common, ...objects(30, A, 0.95)]
    const own = at(samples, 'A1', 0.5, null)
    assert.deepEqual(own, { threshold: 0.5, purity: 0.95, completeness: 1 })
    assert.equal(purityTable(samples, smallTaxonomy, null).find(({ node }) => node === 'A')?.objects, 50)
  })

  test('has no row for a few objects, and none for a range that lacks a class of the population', () => {
    const few = [...objects(4, A1, 0.9), ...objects(10, B, 0.1), ...objects(10, C1, 0.1)]
    assert.ok(!purityTable(few, smallTaxonomy, stream).some(({ node }) => node === 'A1'))
    const without = [...objects(10, A1, 0.9), ...objects(10, B, 0.9)]
    assert.deepEqual(purityTable(without, smallTaxonomy, stream), [])
    assert.notDeepEqual(purityTable(without, smallTaxonomy, null), [])
    assert.deepEqual(purityTable([], smallTaxonomy, stream), [])
  })

  test('goes by the number of detections', () => {
    const samples = [1, 2, 3, 4, 9, 10, 99].flatMap(detections =>
      [A1, B, C1].flatMap(node => objects(6, node, 0.6, { detections }))
    )
    const rows = purityTable(samples, smallTaxonomy, stream).filter(({ node }) => node === 'B')
    assert.deepEqual(
      rows.map(({ fromDetections, untilDetections }) => [fromDetections, untilDetections]),
      [
        [1, 1],
        [2, 3],
        [4, 9],
        [10, null]
      ]
    )
    const [table] = purityTablesFor(purityTable(samples, smallTaxonomy, stream))
    assert.equal(table?.title, 'Expected purity / completeness of A in the population stream')
    assert.deepEqual(table?.columns.slice(1), [
      '1 detection',
      '2–3 detections',
      '4–9 detections',
      '10 detections or more'
    ])
    assert.deepEqual(table?.rows[0], ['objects', '6', '6', '6', '6'])
    assert.deepEqual(table?.rows.at(-1), ['0.6', ...new Array(4).fill('0.100 / 1.000')])
  })

  test('is what a route finds: with calibrated probabilities, its messages are as pure as it asks for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), fc.constantFrom(0.3, 0.5, 0.8), (seed, minPurity) => {
        const source = random(seed, 1)
        const draw = (): number => source.uniform(0, 1)
        const samples = Array.from({ length: 3000 }, (_, id): PuritySample => {
          const p = draw() ** 2
          const node = draw() < p ? A1 : draw() < 0.5 ? B : C1
          return { objectId: `o${id}`, node, detections: 5, probability: Float64Array.of(p, p, 0, 0, 0, 0) }
        })
        const card = { name: 'made', version: '1', purity: purityTable(samples, smallTaxonomy, null) }
        const population = { name: 'sample', shares: {} }
        const [found] = purityThresholds(card, population, 'A', minPurity)
        assert.ok(found?.minProbability != null && purityThresholdGrid.includes(found.minProbability))
        const routed = samples.filter(
          ({ probability }) => (probability[A] as number) >= (found.minProbability as number)
        )
        const right = routed.filter(({ node }) => node === A1).length
        assert.ok(right / routed.length >= minPurity, `${right} of ${routed.length}`)
      }),
      { numRuns: 30 }
    )
  })
})
