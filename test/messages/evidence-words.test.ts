import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  balanceOf,
  contextWords,
  evidenceLine,
  lightCurveWords,
  type MessageEvidence,
  priorWords,
  termText
} from '../../src/messages/evidence-words.ts'

const jd = 2460429.5
const told = (context: MessageEvidence['context'], more: Partial<MessageEvidence> = {}): MessageEvidence => ({
  jd,
  context,
  lightCurve: { detections: 12, firstDetectionJd: jd - 34, lastDetectionJd: jd },
  ...more
})
const term = (node: string, lightCurve: number, context: number, prior: number) => ({
  node,
  lightCurve,
  context,
  prior
})

describe('the balance of evidence', () => {
  it('of two children is the first against the second, whichever wins', () => {
    const [one, two] = [term('Transient', 0.1, -4, -3), term('Persistent', -3, 1, 0.5)]
    const balance = balanceOf([one, two])
    assert.deepEqual([balance?.node, balance?.against], ['Transient', 'Persistent'])
    assert.deepEqual(
      [balance?.lightCurve, balance?.context, balance?.prior, balance?.sum].map(value => termText(value ?? 0)),
      ['+3.1', '−5.0', '−3.5', '−5.4']
    )
  })

  it('of more is the likeliest against the next', () => {
    const balance = balanceOf([term('A', -1, 0, 0), term('B', 2, 0, -1), term('C', 3, 0, 0)])
    assert.deepEqual([balance?.node, balance?.against, balance?.sum], ['C', 'B', 2])
  })

  it('is none of fewer than two', () => {
    assert.equal(balanceOf(undefined), null)
    assert.equal(balanceOf([term('Any', 0, 0, 0)]), null)
  })

  it('has the conditional probability as its logistic, for two children', () => {
    const value = fc.double({ min: -20, max: 20, noNaN: true })
    fc.assert(
      fc.property(fc.tuple(value, value, value), fc.tuple(value, value, value), (a, b) => {
        const balance = balanceOf([term('A', ...a), term('B', ...b)])
        const [up, down] = [a, b].map(([x, y, z]) => Math.exp(x + y + z)) as [number, number]
        assert.ok(Math.abs(1 / (1 + Math.exp(-(balance?.sum ?? 0))) - up / (up + down)) < 1e-9)
      })
    )
  })

  it('shows no sign of what rounds to nothing', () => {
    assert.deepEqual([0, -0.04, 0.04, -0.05].map(termText), ['0.0', '0.0', '0.0', '−0.1'])
  })
})

describe('words for the light curve', () => {
  it('say how many detections over how long', () => {
    assert.deepEqual(lightCurveWords(told(null)), ['12 detections over 34 d'])
    const lengths: [number, string][] = [
      [0.125, '3.0 h'],
      [3.04, '3 d'],
      [3.25, '3.3 d'],
      [400, '400 d'],
      [1826.25, '5.0 yr']
    ]
    for (const [days, text] of lengths) {
      const lightCurve = { detections: 1240, firstDetectionJd: jd - days, lastDetectionJd: jd }
      assert.deepEqual(lightCurveWords(told(null, { lightCurve })), [`1,240 detections over ${text}`])
    }
    const one = { detections: 1, firstDetectionJd: jd, lastDetectionJd: jd }
    assert.deepEqual(lightCurveWords(told(null, { lightCurve: one })), ['1 detection'])
  })

  it('say that the alert is fainter than the reference', () => {
    assert.deepEqual(lightCurveWords(told(null, { alert: { positive: false }, lightCurve: { detections: 2 } })), [
      '2 detections',
      'fainter than the reference'
    ])
  })
})

describe('words for the context', () => {
  const cases: [string, MessageEvidence['context'], string[]][] = [
    [
      'a star at the place comes first, then its history',
      { sgscore1: 0.99, distpsnr1: 0.21, neargaia: 0.2, maggaia: 15, ndethist: 1240, jdstarthist: 2458300 },
      ['0.2″ from a star of score .99', 'detected here 1,240 times since 2018']
    ],
    [
      'a Gaia source stands in for a star that PS1 has not',
      { sgscore1: 0.9, distpsnr1: 8, neargaia: 0.31, maggaia: 14.23 },
      ['Gaia source of 14.2 mag at 0.3″', '8.0″ from a star of score .90']
    ],
    [
      'a Gaia source further off is not told',
      { sgscore1: 1, distpsnr1: 8, neargaia: 20 },
      ['8.0″ from a star of score 1.00']
    ],
    [
      'a host galaxy and a young place',
      { sgscore1: 0.05, distpsnr1: 3.1, ndethist: 4, jdstarthist: jd - 12 },
      ['3.1″ from a galaxy of score .05', 'first detected here 12 d ago']
    ],
    [
      'an active nucleus: its history goes before the galaxy',
      { sgscore1: 0.05, distpsnr1: 0.1, ndethist: 80, jdstarthist: jd - 1000 },
      ['detected here 80 times since 2021', '0.1″ from a galaxy of score .05']
    ],
    [
      'no source at all',
      { distnr: 12, ndethist: 1, jdstarthist: jd },
      ['no PS1 source within 30″', 'first detected here this night']
    ],
    ['a score that is not known', { distpsnr1: 2, ndethist: 1 }, ['2.0″ from a source', 'detected here once']],
    ['a score between', { distpsnr1: 2, sgscore1: 0.5 }, ['2.0″ from a source of score .50']],
    ['nothing', { distpsnr1: null }, ['the packet has no context fields']],
    ['none', null, ['the packet has no context fields']]
  ]
  for (const [name, context, words] of cases) {
    it(name, () => assert.deepEqual(contextWords(told(context)), words))
  }

  it('say where the model does not use it', () => {
    const evidence = [term('A', 1, 0, 0), term('B', 0, 0, 0)]
    assert.deepEqual(contextWords(told({ distpsnr1: 2 }, { evidence })), [
      '2.0″ from a source',
      'not used by this model'
    ])
  })

  it('are few, whatever the numbers', () => {
    const value = fc.option(fc.double())
    const any = fc.record({
      sgscore1: value,
      distpsnr1: value,
      neargaia: value,
      maggaia: value,
      ndethist: value,
      jdstarthist: value
    })
    fc.assert(
      fc.property(any, context => {
        const words = contextWords(told(context))
        assert.ok(words.length >= 1 && words.length <= 2)
      })
    )
  })
})

describe('words for the prior', () => {
  it('name population and share', () => {
    const population = { name: 'stream', shares: { Transient: 0.0402, Persistent: 0.9598 } }
    assert.deepEqual(priorWords(told(null, { population }), 'Transient'), ['population stream: 4 % Transient'])
    assert.deepEqual(priorWords(told(null, { population }), 'Other'), ['population stream'])
    assert.deepEqual(priorWords(told(null, { population }), 'constructor'), ['population stream'])
    assert.deepEqual(priorWords(told(null), 'Transient'), ['the class mix of the training set'])
  })
})

describe('evidence in one line', () => {
  const evidence = [term('Transient', 0.1, -4, -3), term('Persistent', -3, 1, 0.5)]

  it('has the terms and the first fact of the context', () => {
    assert.equal(
      evidenceLine(told({ sgscore1: 0.99, distpsnr1: 0.2 }, { evidence })),
      'Transient: light curve +3.1, context −5.0 (0.2″ from a star of score .99), prior −3.5'
    )
  })

  it('has no fact where the context says nothing, and is none without evidence', () => {
    const silent = evidence.map(one => ({ ...one, context: 0 }))
    assert.equal(evidenceLine(told(null, { evidence: silent })), 'Transient: light curve +3.1, context 0.0, prior −3.5')
    assert.equal(evidenceLine(told({ distpsnr1: 1 })), null)
  })
})
