import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FairShares } from '../../src/service/fair-shares.ts'

describe('fair shares', () => {
  it('give no client more than its share', () => {
    const shares = new FairShares<number>({ total: 10, perClient: 2 })
    assert.deepEqual(shares.take('a', 1), { taken: true, evicted: null })
    assert.deepEqual(shares.take('a', 2), { taken: true, evicted: null })
    assert.deepEqual(shares.take('a', 3), { taken: false, limit: 'client' })
    shares.release('a', 1)
    assert.deepEqual(shares.take('a', 4), { taken: true, evicted: null })
    assert.deepEqual(shares.take('proxy', 5, false), { taken: true, evicted: null })
    for (const item of [6, 7]) assert.equal(shares.take('proxy', item, false).taken, true)
  })

  it('take a place of the largest client for one with fewer, the oldest unless told otherwise', () => {
    for (const [victim, lost] of [
      [undefined, 1],
      [(held: ReadonlySet<number>) => Math.max(...held), 3]
    ] as const) {
      const shares = new FairShares<number>({ total: 4, perClient: 3 }, victim)
      for (const item of [1, 2, 3]) shares.take('large', item)
      shares.take('small', 4)
      assert.deepEqual(shares.take('new', 5), { taken: true, evicted: lost })
      shares.release('large', lost) // when its connection has ended
      assert.deepEqual(shares.take('another', 6), { taken: true, evicted: 2 })
      for (const client of ['more', 'large', 'small'])
        assert.deepEqual(shares.take(client, 7), { taken: false, limit: 'total' }, 'all have one')
    }
  })

  it('count right, whatever comes and goes, and never let one client keep another out', () => {
    const step = fc.record({ client: fc.constantFrom('a', 'b', 'c', 'd'), leaves: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 4, max: 9 }), (steps, total) => {
        const shares = new FairShares<number>({ total, perClient: total - 1 })
        const held = new Map<number, string>()
        for (const [item, { client, leaves }] of steps.entries()) {
          const [oldest] = [...held].filter(([, owner]) => owner === client).map(([own]) => own)
          if (leaves && oldest !== undefined) {
            shares.release(client, oldest)
            held.delete(oldest)
            continue
          }
          const own = [...held.values()].filter(owner => owner === client).length
          const admission = shares.take(client, item)
          if (admission.taken) held.set(item, client)
          else assert.ok(own > 0, 'a client without a place gets one: there are as many places as clients')
          if (admission.taken && admission.evicted !== null) {
            assert.notEqual(held.get(admission.evicted), client)
            held.delete(admission.evicted)
          }
          assert.ok(held.size <= total)
        }
      })
    )
  })
})
