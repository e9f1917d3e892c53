import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Classification } from '../../src/messages/classification.ts'
import { checkRoutes, type Route, routeProbability, unmetConditions } from '../../src/messages/routes.ts'
import { sampleClassification } from '../support/sample-classification.ts'

const probabilities = { Transient: 0.9, 'SN Ia': 0.7, TDE: 0.2 }
const body: Classification = {
  ...sampleClassification,
  jd: 2459010.5,
  alert: {
    ...sampleClassification.alert!,
    band: 'g',
    magnitude: 18,
    positive: true,
    starScore: 0.8,
    starDistance: 1.5
  },
  nodes: Object.entries(probabilities).map(([name, probability]) => ({
    name,
    parent: null,
    conditional: probability,
    probability
  })),
  novelty: 0.4,
  lightCurve: { ...sampleClassification.lightCurve, detections: 3, firstJd: 2458980.5, firstDetectionJd: 2459000.5 }
}
const node = (name: string, minProbability: number) => ({ node: name, minProbability })
const star = (distance: number, score: number) => ({ notNearStar: { distance, score } })

/** Conditions that the message meets at their limit, and the same just beyond it. */
const cases: [met: Omit<Route, 'topic'>, unmet: Omit<Route, 'topic'>, key: string][] = [
  [node('SN Ia', 0.7), node('SN Ia', 0.71), 'minProbability'],
  [{ all: [node('Transient', 0.9), node('TDE', 0.2)] }, { all: [node('Transient', 0.9), node('TDE', 0.21)] }, 'all'],
  [{ any: [node('SN Ia', 0.8), node('TDE', 0.2)] }, { any: [node('SN Ia', 0.8), node('AGN', 0)] }, 'any'],
  [{ minDetections: 3 }, { minDetections: 4 }, 'minDetections'],
  [{ maxAgeDays: 10 }, { maxAgeDays: 9.9 }, 'maxAgeDays'],
  [{ band: ['r', 'g'] }, { band: ['r', 'i'] }, 'band'],
  [{ positive: true }, { positive: false }, 'positive'],
  [{ minNovelty: 0.4 }, { minNovelty: 0.5 }, 'minNovelty'],
  [{ maxNovelty: 0.4 }, { maxNovelty: 0.3 }, 'maxNovelty'],
  [{ minMagnitude: 18 }, { minMagnitude: 18.1 }, 'minMagnitude'],
  [{ maxMagnitude: 18 }, { maxMagnitude: 17.9 }, 'maxMagnitude'],
  [star(1.4, 0.76), star(1.5, 0.8), 'notNearStar'],
  [star(2, 0.81), star(2, 0.5), 'notNearStar']
]

for (const [met, unmet, key] of cases) {
  test(`a route with ${key}: ${JSON.stringify(unmet)}`, () => {
    assert.deepEqual(unmetConditions(body, { topic: 't', ...met }), [])
    assert.deepEqual(unmetConditions(body, { topic: 't', ...unmet }), [key])
  })
}

test('what is not known meets no limit, except that it is no star', () => {
  const unknown = { ...body, novelty: null, lightCurve: { ...body.lightCurve, firstDetectionJd: null } }
  assert.deepEqual(unmetConditions(unknown, { topic: 't', minNovelty: 0, maxNovelty: 1, maxAgeDays: 1e6 }), [
    'maxAgeDays',
    'minNovelty',
    'maxNovelty'
  ])
  for (const missing of [{ starScore: null }, { starDistance: null }]) {
    const alert = { ...body.alert!, ...missing }
    assert.deepEqual(unmetConditions({ ...body, alert }, { topic: 't', ...star(30, 0) }), [])
  }
})

test('a message that is not classified is on no route', () => {
  const refused: Classification = { ...body, status: 'NOT_CLASSIFIED', reason: 'BOGUS', nodes: [] }
  assert.deepEqual(unmetConditions(refused, { topic: 't', band: ['g'] }), ['status'])
})

test('unknown nodes are found in lists too', () => {
  for (const list of ['all', 'any'])
    assert.throws(() => checkRoutes([{ topic: 't', node: 'A', [list]: [{ node: 'A' }, { node: 'Q' }] }], ['A', 'B']), {
      code: 'CONFIG_INVALID',
      message: /"Q" to t.*it has A, B/
    })
})

test('the probability by which a message meets its route: of all nodes the least, of alternatives the greatest, of several routes too', () => {
  const expected: [Omit<Route, 'topic'>[], number | null][] = [
    [[node('SN Ia', 0.5)], 0.7],
    [[{ ...node('Transient', 0.5), all: [node('SN Ia', 0.5), node('TDE', 0.1)] }], 0.2],
    [[{ any: [node('SN Ia', 0.5), node('TDE', 0.1)] }], 0.7],
    [[{ any: [node('SN Ia', 0.8), node('TDE', 0.1)] }], 0.2],
    [[{ all: [node('Transient', 0.5)], any: [node('SN Ia', 0.5)] }], 0.7],
    [[node('TDE', 0.1), node('SN Ia', 0.5), { band: ['g'] }], 0.7],
    [[{ band: ['g'] }], null]
  ]
  for (const [routes, probability] of expected) {
    const met = routes.map(route => ({ topic: 't', ...route }))
    assert.equal(routeProbability(body, met), probability, JSON.stringify(routes))
  }
})
