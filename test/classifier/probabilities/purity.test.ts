import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Card } from '../../../src/classifier/model/card.ts'
import { describeThreshold, purityThresholds, thresholdFor } from '../../../src/classifier/probabilities/purity.ts'

type Row = NonNullable<Card['purity']>[number]

const row = (node: string, from: number, until: number | null, ...thresholds: [number, number, number][]): Row => ({
  population: 'stream',
  node,
  fromDetections: from,
  untilDetections: until,
  objects: 50,
  thresholds: thresholds.map(([threshold, purity, completeness]) => ({ threshold, purity, completeness }))
})
const card = {
  name: 'made',
  version: '1',
  purity: [
    row('SN Ia', 10, null, [0.5, 0.95, 0.9], [0.7, 0.85, 0.8], [0.9, 0.92, 0.5], [0.99, 0.97, 0.1]),
    row('SN Ia', 2, 3, [0.5, 0.2, 0.9], [0.9, 0.6, 0.1]),
    row('TDE', 1, 1, [0.5, 0.2, 0.9]),
    { ...row('SN Ia', 1, null, [0.3, 1, 1]), population: 'labelled' }
  ]
}
const stream = { name: 'stream', shares: { Transient: 0.02, Persistent: 0.98 } }

describe('the threshold of a purity', () => {
  test('is the least one from which on all are pure enough, by range of detections', () => {
    assert.deepEqual(purityThresholds(card, stream, 'SN Ia', 0.9), [
      { from: 1, until: 1, minProbability: null, purity: null, completeness: null },
      { from: 2, until: 3, minProbability: null, purity: 0.6, completeness: null },
      { from: 10, until: null, minProbability: 0.9, purity: 0.92, completeness: 0.5 }
    ])
    const thresholds = purityThresholds(card, stream, 'SN Ia', 0.9)
    assert.deepEqual(
      [0, 1, 2, 3, 4, 9, 10, 500].map(detections => thresholdFor(thresholds, detections)),
      [null, null, null, null, null, null, 0.9, 0.9]
    )
    assert.deepEqual(thresholds.map(describeThreshold), [
      '1 detection: nothing is routed, the card has no figures',
      '2–3 detections: nothing is routed, the best purity is 0.6',
      '10 detections or more: probability >= 0.9, expected purity 0.92, expected completeness 0.5'
    ])
  })

  test('holds the wish for it and all above it, and for none below', () => {
    const probability = fc.integer({ min: 0, max: 100 }).map(each => each / 100)
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ threshold: probability, purity: probability, completeness: probability }), {
          selector: ({ threshold }) => threshold
        }),
        probability,
        (thresholds, wish) => {
          const purity = [{ ...row('SN Ia', 1, null), thresholds }]
          const [found] = purityThresholds({ ...card, purity }, stream, 'SN Ia', wish)
          const from = (least: number): boolean =>
            thresholds.every(({ threshold, purity }) => threshold < least || purity >= wish)
          const least = found?.minProbability ?? null
          const enough = thresholds.map(({ threshold }) => threshold).filter(from)
          assert.equal(least, enough.length === 0 ? null : Math.min(...enough))
          if (least !== null || found?.purity == null) return
          assert.ok(found.purity < wish)
          const [best] = purityThresholds({ ...card, purity }, stream, 'SN Ia', found.purity)
          assert.notEqual(best?.minProbability ?? null, null, 'the best purity can be asked for')
        }
      )
    )
  })

  test('is refused where the card has no table, with what it has', () => {
    const refused = (...[of, population, node]: Parameters<typeof purityThresholds>): string => {
      try {
        purityThresholds(of, population, node, 0.9)
      } catch (error) {
        assert.equal((error as { code: string }).code, 'CONFIG_INVALID')
        return (error as Error).message
      }
      throw new assert.AssertionError({ message: 'no error was thrown' })
    }
    assert.match(
      refused(card, stream, 'AGN', 0),
      /made 1 has no table .* for "AGN" in the population "stream"; it has SN Ia, TDE\. Use minProbability/
    )
    assert.match(
      refused(card, { ...stream, name: 'other' }, 'TDE', 0),
      /"other"; it has "stream" \(SN Ia, TDE\); "labelled" \(SN Ia\)/
    )
    assert.match(refused(card, { ...stream, name: 'custom' }, 'SN Ia', 0), /for your own shares/)
    assert.match(refused(card, null, 'SN Ia', 0), /for the class mix of the training/)
    assert.match(refused({ name: 'old', version: '1' }, null, 'SN Ia', 0), /old 1 has no table of expected purity\. /)
  })
})
