import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Classification } from 'hierax/messages/classification.ts'
import { ConfidenceTracker, type ConfidentClass, HighlightPicker } from '../../src/demo/confidence.ts'

/** A classification with the probabilities of Transient, SN Ia and SN Ia-norm; the prediction is the whole path. */
function classified(objectId: string, detections: number, ...probabilities: [number, number, number]): Classification {
  const names = ['Transient', 'SN Ia', 'SN Ia-norm']
  const nodes = names.map((name, index) => ({ name, parent: null, conditional: 1, probability: probabilities[index] }))
  const prediction = { node: 'SN Ia-norm', probability: probabilities[2], path: names }
  return { objectId, prediction, nodes, lightCurve: { detections } } as unknown as Classification
}

const unlabelled = { label: null, correct: null } as const

test('an object is reported when a class becomes confident, and again when a deeper one does', () => {
  const tracker = new ConfidenceTracker()
  assert.deepEqual(tracker.add([classified('A', 1, 0.8, 0.4, 0.3), classified('A', 2, 0.89, 0.5, 0.3)]), [])
  const first = tracker.add([classified('A', 3, 0.95, 0.5, 0.4), classified('A', 4, 0.99, 0.6, 0.4)])
  assert.deepEqual(first, [
    {
      objectId: 'A',
      node: 'Transient',
      path: ['Transient'],
      probability: 0.95,
      initialProbability: 0.8,
      detections: 3,
      ...unlabelled
    }
  ] satisfies ConfidentClass[])
  const [deeper, ...others] = tracker.add([classified('A', 5, 0.99, 0.95, 0.3), classified('A', 6, 0.99, 0.97, 0.3)])
  assert.deepEqual(others, [])
  assert.deepEqual(deeper, {
    objectId: 'A',
    node: 'SN Ia',
    path: ['Transient', 'SN Ia'],
    probability: 0.95,
    initialProbability: 0.4,
    detections: 5,
    ...unlabelled
  } satisfies ConfidentClass)
  assert.equal(tracker.add([classified('B', 2, 0.99, 0.98, 0.97)])[0]?.node, 'SN Ia-norm')
  assert.equal(tracker.objects, 2)
  assert.deepEqual(Object.fromEntries(tracker.classes), { 'SN Ia': 1, 'SN Ia-norm': 1 })
})

test('a confident class is checked against the class that the object was simulated from', () => {
  const labels: Readonly<Record<string, string>> = { A: 'SN Ia', B: 'RRAB', C: 'SN' }
  const tracker = new ConfidenceTracker({
    labelOf: id => labels[id] ?? null,
    isCorrect: label => (label === 'SN' ? null : label === 'SN Ia')
  })
  const reported = tracker.add([
    classified('A', 2, 0.95, 0.4, 0.3),
    classified('A', 3, 0.99, 0.95, 0.3),
    classified('B', 2, 0.95, 0.4, 0.3),
    classified('C', 2, 0.95, 0.4, 0.3),
    classified('D', 2, 0.95, 0.4, 0.3)
  ])
  assert.deepEqual(
    reported.map(({ label, correct }) => [label, correct]),
    [
      ['SN Ia', true],
      ['SN Ia', true],
      ['RRAB', false],
      ['SN', null],
      [null, null]
    ]
  )
  const { correct, wrong, mistakes } = tracker.score
  assert.deepEqual([correct, wrong, [...mistakes]], [2, 1, [['RRAB as Transient', 1]]])
})

test('a single detection makes no class confident', () => {
  const tracker = new ConfidenceTracker()
  assert.deepEqual(tracker.add([classified('A', 1, 0.99, 0.98, 0.97)]), [])
  assert.equal(tracker.add([classified('A', 2, 0.99, 0.98, 0.97)]).length, 1)
})

test('an alert that was not classified is neither reported nor the initial classification', () => {
  const tracker = new ConfidenceTracker()
  assert.deepEqual(tracker.add([{ ...classified('A', 1, 1, 1, 1), prediction: null, nodes: [] }]), [])
  assert.equal(tracker.objects, 1)
  assert.equal(tracker.add([classified('A', 2, 0.95, 0.5, 0.5)])[0]?.initialProbability, 0.95)
  assert.equal(tracker.objects, 1)
})

test('of many objects the class shown least is picked, then the greatest change', () => {
  const picker = new HighlightPicker()
  const object = (objectId: string, node: string, initialProbability: number): ConfidentClass => ({
    objectId,
    node,
    path: [node],
    probability: 0.9,
    initialProbability,
    detections: 3,
    ...unlabelled
  })
  assert.equal(picker.take(), null)
  picker.add([object('a', 'SN Ia', 0.8), object('b', 'SN Ia', 0.2)])
  assert.equal(picker.take()?.objectId, 'b')
  assert.equal(picker.take(), null)
  picker.add([object('c', 'SN Ia', 0), object('d', 'TDE', 0.89)])
  assert.equal(picker.take()?.objectId, 'd')
})
