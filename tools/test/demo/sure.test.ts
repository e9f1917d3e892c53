import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Classification } from 'hierax/messages/classification.ts'
import { type BecameSure, NewsPicker, SureWatch } from '../../src/demo/sure.ts'

/** An answer with the probabilities of Transient, SN Ia and SN Ia-norm; the prediction is all of that path. */
function answer(objectId: string, detections: number, ...probabilities: [number, number, number]): Classification {
  const names = ['Transient', 'SN Ia', 'SN Ia-norm']
  const nodes = names.map((name, index) => ({ name, parent: null, conditional: 1, probability: probabilities[index] }))
  const prediction = { node: 'SN Ia-norm', probability: probabilities[2], path: names }
  return { objectId, prediction, nodes, lightCurve: { detections } } as unknown as Classification
}

const wholly = { label: null, right: null } as const

test('an object is news when a class becomes sure, and again when a deeper one does', () => {
  const watch = new SureWatch()
  assert.deepEqual(watch.see([answer('A', 1, 0.8, 0.4, 0.3), answer('A', 2, 0.89, 0.5, 0.3)]), [])
  const first = watch.see([answer('A', 3, 0.95, 0.5, 0.4), answer('A', 4, 0.99, 0.6, 0.4)])
  assert.deepEqual(first, [
    { objectId: 'A', node: 'Transient', path: ['Transient'], probability: 0.95, atFirst: 0.8, detections: 3, ...wholly }
  ] satisfies BecameSure[])
  const [deeper, ...others] = watch.see([answer('A', 5, 0.99, 0.95, 0.3), answer('A', 6, 0.99, 0.97, 0.3)])
  assert.deepEqual(others, [])
  assert.deepEqual(deeper, {
    objectId: 'A',
    node: 'SN Ia',
    path: ['Transient', 'SN Ia'],
    probability: 0.95,
    atFirst: 0.4,
    detections: 5,
    ...wholly
  } satisfies BecameSure)
  assert.equal(watch.see([answer('B', 2, 0.99, 0.98, 0.97)])[0]?.node, 'SN Ia-norm')
  assert.equal(watch.objects, 2)
  assert.deepEqual(Object.fromEntries(watch.classes), { 'SN Ia': 1, 'SN Ia-norm': 1 })
})

test('what was called sure is checked against what the object was made from', () => {
  const labels: Readonly<Record<string, string>> = { A: 'SN Ia', B: 'RRAB', C: 'SN' }
  const watch = new SureWatch({
    labelOf: id => labels[id] ?? null,
    isRight: label => (label === 'SN' ? null : label === 'SN Ia')
  })
  const news = watch.see([
    answer('A', 2, 0.95, 0.4, 0.3),
    answer('A', 3, 0.99, 0.95, 0.3),
    answer('B', 2, 0.95, 0.4, 0.3),
    answer('C', 2, 0.95, 0.4, 0.3),
    answer('D', 2, 0.95, 0.4, 0.3)
  ])
  assert.deepEqual(
    news.map(({ label, right }) => [label, right]),
    [
      ['SN Ia', true],
      ['SN Ia', true],
      ['RRAB', false],
      ['SN', null],
      [null, null]
    ]
  )
  const { right, wrong, mistakes } = watch.score
  assert.deepEqual([right, wrong, [...mistakes]], [2, 1, [['RRAB as Transient', 1]]])
})

test('a single detection makes no class sure', () => {
  const watch = new SureWatch()
  assert.deepEqual(watch.see([answer('A', 1, 0.99, 0.98, 0.97)]), [])
  assert.equal(watch.see([answer('A', 2, 0.99, 0.98, 0.97)]).length, 1)
})

test('an alert that was not classified is no news, and no beginning', () => {
  const watch = new SureWatch()
  assert.deepEqual(watch.see([{ ...answer('A', 1, 1, 1, 1), prediction: null, nodes: [] }]), [])
  assert.equal(watch.objects, 1)
  assert.equal(watch.see([answer('A', 2, 0.95, 0.5, 0.5)])[0]?.atFirst, 0.95)
  assert.equal(watch.objects, 1)
})

test('of many news the class shown least is shown, then the greatest change', () => {
  const picker = new NewsPicker()
  const news = (objectId: string, node: string, atFirst: number): BecameSure => ({
    objectId,
    node,
    path: [node],
    probability: 0.9,
    atFirst,
    detections: 3,
    ...wholly
  })
  assert.equal(picker.take(), null)
  picker.add([news('a', 'SN Ia', 0.8), news('b', 'SN Ia', 0.2)])
  assert.equal(picker.take()?.objectId, 'b')
  assert.equal(picker.take(), null)
  picker.add([news('c', 'SN Ia', 0), news('d', 'TDE', 0.89)])
  assert.equal(picker.take()?.objectId, 'd')
})
