import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Truth } from '../../src/demo/truth.ts'

const tree: Readonly<Record<string, string | null>> = {
  Transient: null,
  'SN Ia': 'Transient',
  'SN Ib/c': 'Transient',
  'SN Ib': 'SN Ib/c',
  Persistent: null,
  AGN: 'Persistent',
  Periodic: 'Persistent',
  'RR Lyrae': 'Periodic'
}
const nodes = Object.entries(tree).map(([name, parent]) => ({ name, parent: parent ?? 'Object' }))
const labels = new Map([
  ['SN Ia-91T', 'SN Ia'],
  ['LRN', 'Transient'],
  ['RRAB', 'RR Lyrae']
])
const truth = new Truth({ nodes, labels })

test('a class is correct for its own objects and for those of its subclasses', () => {
  for (const [label, node] of [
    ['SN Ia-91T', 'SN Ia'],
    ['SN Ia-91T', 'Transient'],
    ['RRAB', 'Persistent'],
    ['QSO', 'AGN'],
    ['Mira', 'Persistent']
  ] as const) {
    assert.equal(truth.isCorrect(label, node), true, `${label} as ${node}`)
  }
})

test('another class is wrong, also a subclass of the node that a label falls back to', () => {
  for (const [label, node] of [
    ['SN Ia-91T', 'SN Ib'],
    ['RRAB', 'Transient'],
    ['LRN', 'SN Ia'],
    ['Mira', 'RR Lyrae'],
    ['flare star', 'AGN'],
    ['asteroid', 'Persistent'],
    ['bogus', 'Transient']
  ] as const) {
    assert.equal(truth.isCorrect(label, node), false, `${label} as ${node}`)
  }
})

test('the result is null for types that are unknown, or less specific than the class', () => {
  assert.equal(truth.isCorrect('SN Ib/c', 'SN Ib'), null)
  assert.equal(truth.isCorrect('something', 'Transient'), null)
  assert.equal(new Truth({ nodes: [{ name: 'Odd', parent: null }], labels }).isCorrect('RRAB', 'Odd'), null)
})
