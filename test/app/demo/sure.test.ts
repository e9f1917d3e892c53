import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BecameSure, NewsPicker, SureWatch } from '../../../src/app/demo/sure.ts'
import type { Classification } from '../../../src/messages/classification.ts'

/** An answer with the probabilities of Transient, SN Ia and SN Ia-norm; the prediction is all of that path. */
function answer(objectId: string, detections: number, ...probabilities: [number, number, number]): Classification {
  const names = ['Transient', 'SN Ia', 'SN Ia-norm']
  const nodes = names.map((name, index) => ({ name, parent: null, conditional: 1, probability: probabilities[index] }))
  const prediction = { node: 'SN Ia-norm', probability: probabilities[2], path: names }
  return { objectId, prediction, nodes, lightCurve: { detections } } as unknown as Classification
}

test('an object is news once: when a class below the first level becomes sure', () => {
  const watch = new SureWatch()
  assert.deepEqual(watch.see([answer('A', 1, 0.99, 0.4, 0.3), answer('A', 2, 0.99, 0.89, 0.3)]), [])
  const [news, ...others] = watch.see([answer('A', 3, 0.99, 0.9, 0.3), answer('A', 4, 0.99, 0.95, 0.94)])
  assert.deepEqual(others, [])
  assert.deepEqual(news, {
    objectId: 'A',
    node: 'SN Ia',
    path: ['Transient', 'SN Ia'],
    probability: 0.9,
    atFirst: 0.4,
    detections: 3
  } satisfies BecameSure)
  assert.equal(watch.see([answer('B', 1, 0.99, 0.98, 0.97)])[0]?.node, 'SN Ia-norm')
  assert.deepEqual(
    [watch.objects, [...watch.classes]],
    [
      2,
      [
        ['SN Ia', 1],
        ['SN Ia-norm', 1]
      ]
    ]
  )
})

test('an alert that was not classified is no news', () => {
  const watch = new SureWatch()
  assert.deepEqual(watch.see([{ ...answer('A', 1, 1, 1, 1), prediction: null, nodes: [] }]), [])
  assert.equal(watch.objects, 0)
})

test('of many news the class shown least is shown, then the greatest change', () => {
  const picker = new NewsPicker()
  const news = (objectId: string, node: string, atFirst: number): BecameSure => ({
    objectId,
    node,
    path: [node],
    probability: 0.9,
    atFirst,
    detections: 3
  })
  assert.equal(picker.take(), null)
  picker.add([news('a', 'SN Ia', 0.8), news('b', 'SN Ia', 0.2)])
  assert.equal(picker.take()?.objectId, 'b')
  assert.equal(picker.take(), null)
  picker.add([news('c', 'SN Ia', 0), news('d', 'TDE', 0.89)])
  assert.equal(picker.take()?.objectId, 'd')
})
