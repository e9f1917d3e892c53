import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Classification } from '../../src/messages/classification.ts'
import { classificationMessages } from '../../src/messages/outgoing.ts'
import { checkRoutes, type Route } from '../../src/messages/routes.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'

const origin = { topic: 'in', source: 'in/0/1', ingested: 1 }
const body = (sha256: string, detections: number, probability: number): Classification =>
  ({
    id: 'x',
    objectId: 'ZTF1',
    candid: 1n,
    nodes: [{ name: 'SN Ia', parent: null, conditional: probability, probability }],
    classifier: { sha256 },
    lightCurve: { detections }
  }) as unknown as Classification

const topics = (routes: readonly Route[], message: Classification): string[] => {
  const settings = { classifications: 'all', deadLetters: 'dead', encoding: 'json' as const, routes }
  return classificationMessages(message, origin, settings).map(({ topic }) => topic)
}

test('a route by purity goes by the model and the number of detections', () => {
  const threshold = { purity: 0.9, completeness: 0.5 }
  const routes: Route[] = [
    {
      topic: 'pure',
      node: 'SN Ia',
      minProbability: new Map([
        [
          'a',
          [
            { from: 1, until: 3, minProbability: null, ...threshold },
            { from: 4, until: null, minProbability: 0.8, ...threshold }
          ]
        ],
        ['b', [{ from: 1, until: null, minProbability: 0.3, ...threshold }]]
      ])
    }
  ]
  assert.deepEqual(topics(routes, body('a', 4, 0.8)), ['all', 'pure'])
  assert.deepEqual(topics(routes, body('a', 4, 0.79)), ['all'])
  assert.deepEqual(topics(routes, body('a', 3, 1)), ['all'])
  assert.deepEqual(topics(routes, body('b', 3, 0.3)), ['all', 'pure'])
  assert.deepEqual(topics(routes, body('other', 9, 1)), ['all'])
})

test('a route by probability is the same for all', () => {
  const routes: Route[] = [{ topic: 'plain', node: 'SN Ia', minProbability: 0.5 }]
  assert.deepEqual(topics(routes, body('a', 1, 0.5)), ['all', 'plain'])
  assert.deepEqual(topics(routes, body('a', 1, 0.49)), ['all'])
  assert.deepEqual(topics([{ topic: 'plain', node: 'TDE', minProbability: 0 }], body('a', 1, 1)), ['all'])
})

test('a route that names an unknown node is refused with the nodes there are', () => {
  const nodes = fakeClassifier().nodes.map(node => node.name)
  checkRoutes([{ topic: 't', node: 'A' }], nodes)
  assert.throws(() => checkRoutes([{ topic: 't', node: 'SN Ia' }], nodes), {
    code: 'CONFIG_INVALID',
    message: /"SN Ia".*Any, A, B/
  })
})
