import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withCoarseLabels } from '../../src/study/coarse-labels.ts'
import { isAtOrBelow } from '../../src/tree.ts'
import { madeObjects, smallTaxonomy } from '../support.ts'

const nodeOf = (name: string): number => smallTaxonomy.indexOf(name)
const objects = madeObjects(400)
const changed = (share: number) => {
  const coarse = withCoarseLabels(smallTaxonomy, objects, { share, coarsest: undefined })
  return new Set(coarse.flatMap(({ id, node }, at) => (node === objects[at]?.node ? [] : [id])))
}

test('a share of the labels becomes the parent; children of the root keep theirs', () => {
  const coarse = withCoarseLabels(smallTaxonomy, objects, { share: 1, coarsest: undefined })
  for (const [at, { node }] of coarse.entries()) {
    const before = objects[at]?.node as number
    const parent = smallTaxonomy.parents[before] as number
    assert.equal(node, parent < 0 ? before : parent)
  }
  const below = objects.filter(({ node }) => (smallTaxonomy.parents[node] as number) >= 0).length
  const half = changed(0.5).size / below
  assert.ok(half > 0.4 && half < 0.6, `${half}`)
})

test('what is coarse at a smaller share is coarse at a larger one', () => {
  const [few, many] = [changed(0.25), changed(0.75)]
  assert.ok(few.size > 0 && many.size > few.size)
  for (const id of few) assert.ok(many.has(id))
})

test('the coarsest node takes its share of the labels below it, and others keep theirs', () => {
  const coarsest = { node: 'A', share: 0.5 }
  const coarse = withCoarseLabels(smallTaxonomy, objects, { share: 0.01, coarsest })
  const a = nodeOf('A')
  const below = [...objects.keys()].filter(at => isAtOrBelow(smallTaxonomy, objects[at]?.node as number, a))
  const replaced = below.filter(at => coarse[at]?.node === a).length / below.length
  assert.ok(replaced > 0.4 && replaced < 0.6, `${replaced}`)
  for (const [at, object] of objects.entries()) {
    if (!below.includes(at)) assert.equal(coarse[at]?.node, object.node)
  }
})

test('without a share nothing changes', () => {
  assert.equal(changed(0).size, 0)
})
