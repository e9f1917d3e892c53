import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseTaxonomy } from 'hierax/classifier/model/taxonomy.ts'
import { nodeOfLabel } from '../../src/data/labelled.ts'
import { syntheticObjects } from '../../src/data/synthetic.ts'
import { shiftedReference } from '../../src/network/augment.ts'
import { drawsOf } from '../../src/network/batches.ts'
import { random } from '../../src/random.ts'
import { topOf } from '../../src/tree.ts'

const file = new URL('../../../models/taxonomies/ztf-tree-2.json', import.meta.url)
const taxonomy = parseTaxonomy(readFileSync(file, 'utf8'))
const objects = syntheticObjects(200, 7)

test('synthetic sources are persistent ones of the tree, the same for one seed, and look like alerts', () => {
  assert.deepEqual(syntheticObjects(200, 7), objects)
  assert.ok(objects.length > 190)
  for (const { label, points, detections } of objects) {
    assert.equal(taxonomy.path(nodeOfLabel(taxonomy, label) ?? -1)[0], 'Persistent', label)
    assert.ok(detections > 0)
    for (const [at, { jd, detection, magnitude, error }] of points.entries()) {
      assert.ok(at === 0 || jd >= (points[at - 1]?.jd ?? 0))
      assert.ok(Number.isFinite(magnitude))
      if (detection) assert.ok(error > 0 && error <= 0.2172, `${label}: a detection has five sigmas`)
    }
  }
})

test('the sign of the difference says little about what a synthetic source is', () => {
  const detections = objects.flatMap(({ points }) => points.filter(({ detection }) => detection))
  const positive = detections.filter(each => each.positive).length / detections.length
  assert.ok(positive > 0.3 && positive < 0.7, `${positive}`)
})

test('another reference image shifts fluxes by one amount, and what does not stand out is a limit', () => {
  const flux = (magnitude: number): number => 10 ** (-0.4 * (magnitude - 20))
  for (const { points } of objects.slice(0, 40)) {
    const shifted = shiftedReference(points, 'persistent', random(3, points.length))
    const shifts = points.flatMap((before, at) => {
      const after = shifted[at]
      if (!after?.detection || !before.detection) return []
      const signed = (point: typeof before): number => (point.positive ? 1 : -1) * flux(point.magnitude)
      return [signed(before) - signed(after as typeof before)]
    })
    const largest = Math.max(...points.map(point => flux(point.magnitude)))
    for (const shift of shifts) assert.ok(Math.abs(shift - (shifts[0] as number)) < 1e-4 * largest)
    for (const { detection, magnitude, error } of shifted) {
      assert.ok(Number.isFinite(magnitude) && Number.isFinite(error))
      if (detection) assert.ok(error <= 0.2172)
    }
  }
})

test('children of the root with few objects are drawn repeatedly', () => {
  const nodes = [...new Array(60).fill(taxonomy.indexOf('SN Ia-norm')), ...new Array(5).fill(taxonomy.indexOf('AGN'))]
  const draws = drawsOf(taxonomy, nodes, 0.25)
  assert.ok(draws.subarray(0, 60).every(times => times === 1))
  assert.ok(draws.subarray(60).every(times => Math.abs(times - 4) < 1e-12))
  assert.ok(drawsOf(taxonomy, nodes, 0).every(times => times === 1))
  assert.equal(topOf(taxonomy, taxonomy.indexOf('AGN')), taxonomy.indexOf('Persistent'))
  assert.equal(topOf(taxonomy, taxonomy.indexOf('SN Ib')), taxonomy.indexOf('Transient'))
})
