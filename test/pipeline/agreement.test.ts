import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparerOf } from '../../src/pipeline/agreement.ts'

const nodes = (...names: string[]) => names.map(name => ({ name }))
const path = (...names: string[]) => ({ path: names })

test('in one taxonomy the predicted nodes are compared', () => {
  const all = nodes('Transient', 'SN', 'SN Ia', 'SN II', 'Persistent')
  const compare = comparerOf(all, all)
  const ia = path('Transient', 'SN', 'SN Ia')
  assert.equal(compare(ia, ia), 'same')
  assert.equal(compare(ia, path('Transient', 'SN')), 'ancestor')
  assert.equal(compare(path('Transient'), ia), 'ancestor')
  assert.equal(compare(ia, path('Transient', 'SN', 'SN II')), 'different')
  assert.equal(compare(ia, path('Persistent')), 'different')
  assert.equal(compare(null, null), 'same')
  assert.equal(compare(ia, null), 'ancestor')
  assert.equal(compare(null, ia), 'ancestor')
})

test('taxonomies that differ are compared at the deepest nodes whose names they share', () => {
  const compare = comparerOf(
    nodes('Transient', 'SN', 'SN Ia', 'SN II', 'AGN'),
    nodes('Extragalactic', 'Supernova', 'SN Ia', '91bg', 'SN II', 'Stellar', 'AGN')
  )
  assert.equal(compare(path('Transient', 'SN', 'SN Ia'), path('Extragalactic', 'Supernova', 'SN Ia', '91bg')), 'same')
  assert.equal(compare(path('Transient', 'SN', 'SN II'), path('Extragalactic', 'AGN')), 'different')
  assert.equal(compare(path('Transient', 'SN', 'SN II'), path('Extragalactic')), 'incomparable')
  assert.equal(compare(path('Transient'), path('Extragalactic', 'AGN')), 'incomparable')
  assert.equal(compare(null, path('Stellar')), 'incomparable')
  assert.equal(compare(null, path('Extragalactic', 'AGN')), 'ancestor')
})
