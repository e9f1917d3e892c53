import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parseTaxonomy } from '../../../src/classifier/model/taxonomy.ts'
import { modelsFolder } from '../../../src/classifier/model-folder.ts'
import { HieraxError } from '../../../src/errors.ts'

const small = {
  name: 'small',
  version: '2',
  root: 'Object',
  nodes: [
    { name: 'B', parent: 'A' },
    { name: 'A', parent: 'Object', description: 'first' },
    { name: 'C', parent: 'A' },
    { name: 'D', parent: 'Object' }
  ],
  labels: { b: 'B', inner: 'A', any: 'Object' }
}

function refused(file: unknown, message: RegExp): void {
  const text = typeof file === 'string' ? file : JSON.stringify(file)
  assert.throws(
    () => parseTaxonomy(text, 'tree.json'),
    error => {
      assert.ok(error instanceof HieraxError)
      assert.equal(error.code, 'TAXONOMY_INVALID')
      assert.match(error.message, message)
      assert.match(error.message, /^tree\.json/)
      return true
    }
  )
}

test('parents come before children, siblings stay in the order of the file', () => {
  const tree = parseTaxonomy(JSON.stringify(small))
  assert.deepEqual(
    tree.nodes.map(({ name }) => name),
    ['A', 'B', 'C', 'D']
  )
  assert.deepEqual([...tree.parents], [-1, 0, 0, -1])
  assert.deepEqual(tree.siblings, [
    [0, 3],
    [1, 2]
  ])
  assert.deepEqual(tree.path(2), ['A', 'C'])
  assert.deepEqual(tree.descendants(0), [1, 2])
  assert.deepEqual(tree.descendants(-1), [0, 1, 2, 3])
  assert.equal(tree.nodes[0]?.description, 'first')
  assert.equal(tree.labels.get('inner'), 'A')
  assert.equal(tree.labels.get('any'), 'Object')
  assert.equal(tree.indexOf('D'), 3)
  assert.equal(tree.indexOf('Object'), -1)
})

test('the root may be listed, and labels may be a list of pairs', () => {
  const nodes = [{ name: 'Object', parent: null }, ...small.nodes]
  const tree = parseTaxonomy(JSON.stringify({ ...small, nodes, labels: [['x', 'D']] }))
  assert.equal(tree.nodes.length, 4)
  assert.deepEqual([...tree.labels], [['x', 'D']])
})

test('what is wrong with a tree is said with names', () => {
  const withNode = (name: string, parent: string | null) => ({ ...small, nodes: [...small.nodes, { name, parent }] })
  refused('{', /tree\.json, line 1: not JSON/)
  refused('', /tree\.json: it is empty/)
  refused({ ...small, nodes: [] }, /nodes/)
  refused({ ...small, colour: 'red' }, /colour/)
  refused(withNode('A', 'D'), /two nodes are named "A"/)
  refused(withNode('E', 'Nowhere'), /the parent "Nowhere" of "E" is not a node/)
  refused(withNode('E', null), /two roots: "Object" and "E"/)
  refused(withNode('E', 'E'), /"E" → "E" form a cycle/)
  refused(
    { ...small, nodes: [...small.nodes, { name: 'E', parent: 'F' }, { name: 'F', parent: 'E' }] },
    /"E" → "F" → "E"/
  )
  refused(
    { ...small, nodes: [{ name: 'Object', parent: 'A' }, ...small.nodes] },
    /the root "Object" has the parent "A"/
  )
  refused({ ...small, nodes: [{ name: 'Object' }] }, /has no children/)
})

test('nodes and the root may have class ids', () => {
  const nodes = [{ name: 'Object', classId: 2000 }, ...small.nodes.map(node => ({ ...node, classId: 2222 }))]
  assert.deepEqual(
    [...parseTaxonomy(JSON.stringify({ ...small, nodes })).classIds.values()],
    [2000, ...nodes.slice(1).map(() => 2222)]
  )
  assert.equal(parseTaxonomy(JSON.stringify(small)).classIds.size, 0)
  for (const classId of [1.5, -1, 2 ** 31, '2222'])
    refused({ ...small, nodes: [...small.nodes, { name: 'E', parent: 'A', classId }] }, /nodes\[4\]\.classId/)
})

test('a label maps to one node that exists', () => {
  refused({ ...small, labels: { x: 'Nowhere' } }, /the label "x" is mapped to "Nowhere"/)
  refused(
    {
      ...small,
      labels: [
        ['x', 'A'],
        ['x', 'B']
      ]
    },
    /the label "x" is mapped twice/
  )
  const twice = JSON.stringify(small, null, 2).replace('"inner": "A"', '"b": "A"')
  refused(twice, /line \d+: "b" occurs twice/)
})

test('a label that is the name of a node maps to that node, or to one above or below it', () => {
  const tree = parseTaxonomy(JSON.stringify({ ...small, labels: { A: 'B', B: 'A', C: 'C', D: 'Object' } }))
  assert.deepEqual([...tree.labels.values()], ['B', 'A', 'C', 'Object'])
  for (const [label, node] of [
    ['B', 'C'],
    ['B', 'D'],
    ['D', 'A']
  ] as const) {
    const message = new RegExp(`the label "${label}" is mapped to "${node}", but there is a node "${label}"`)
    refused({ ...small, labels: { [label]: node } }, message)
  }
})

test('names may be those of properties of every object, but for __proto__', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf']
  const nodes = names.map(name => ({ name, parent: 'prototype' }))
  const tree = parseTaxonomy(
    JSON.stringify({ name: 'odd', version: '1', root: 'prototype', nodes, labels: { x: 'valueOf' } })
  )
  assert.deepEqual(names.map(tree.indexOf), [0, 1, 2, 3])
  assert.equal(tree.labels.get('toString'), undefined)
  assert.equal(tree.indexOf('propertyIsEnumerable'), -1)
  const reserved = /a node cannot be named "__proto__"; choose another name/
  refused({ ...small, nodes: [...small.nodes, { name: '__proto__', parent: 'A' }] }, reserved)
  refused({ ...small, root: '__proto__' }, reserved)
  refused(JSON.stringify(small).replace('"b":', '"__proto__":'), /line 1: "__proto__" can't be a key/)
})

test('names are compared in the normalisation form NFC', () => {
  const [composed, decomposed] = ['Nóva', 'Nóva'.normalize('NFD')]
  assert.notEqual(composed, decomposed)
  const nodes = [...small.nodes, { name: decomposed, parent: 'Object' }, { name: 'below', parent: composed }]
  const tree = parseTaxonomy(JSON.stringify({ ...small, nodes, labels: { [`${decomposed}!`]: composed } }))
  assert.deepEqual(tree.path(tree.indexOf('below')), [composed, 'below'])
  assert.equal(tree.indexOf(decomposed), tree.indexOf(composed))
  assert.equal(tree.labels.get(`${composed}!`), composed)
  refused({ ...small, nodes: [...nodes, { name: composed, parent: 'A' }] }, /two nodes are named "Nóva"/)
  const labels = [
    [composed, composed],
    [decomposed, 'Object']
  ]
  refused({ ...small, nodes, labels }, /the label "Nóva" is mapped twice/)
})

test('the taxonomy of the paper has 37 nodes with the root', () => {
  const file = path.join(modelsFolder, 'taxonomies/whxe-2023.json')
  const tree = parseTaxonomy(readFileSync(file, 'utf8'), file)
  assert.equal(tree.nodes.length + 1, 37)
  assert.deepEqual(tree.path(tree.indexOf('SN Ic-BL')), ['SN-like', 'SN', 'CC', 'SN Ib/c', 'SN Ic-BL'])
  assert.equal(tree.labels.get('SN Ia-91T-like'), 'SN Ia-91T')
  assert.equal(tree.labels.get('SN'), 'SN')
})

test('a chain of a thousand nodes and a thousand siblings are trees too', () => {
  const chain = Array.from({ length: 1000 }, (_, at) => ({
    name: `c${at}`,
    parent: at === 0 ? 'Object' : `c${at - 1}`
  }))
  const wide = Array.from({ length: 1000 }, (_, at) => ({ name: `w${at}`, parent: 'Object' }))
  const tree = parseTaxonomy(JSON.stringify({ ...small, nodes: [...chain, ...wide], labels: {} }))
  assert.equal(tree.path(999).length, 1000)
  assert.equal(tree.siblings[0]?.length, 1001)
})
