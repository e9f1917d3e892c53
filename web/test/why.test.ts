import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Classification, MomentView } from '../src/data/types.ts'
import { contextRows } from '../src/draw/context.ts'
import { whyOf } from '../src/draw/why.ts'
import { PageWorld } from './world.ts'

const world = new PageWorld()
const answer = (changes = {}) => world.answer('ZTF20aaaaaab', 9, 0.9, changes) as unknown as Classification
const term = (node: string, lightCurve: number, context: number, prior: number) => ({
  node,
  lightCurve,
  context,
  prior
})

describe('why', () => {
  it('has a bar for each term, on the side of the node that it favours, and their sum', () => {
    const evidence = [term('Transient', 0.1, -4, -3), term('Persistent', -3, 1, 0.5)]
    const context = { ...answer().context, sgscore1: 0.99, distpsnr1: 0.2 }
    const why = whyOf(answer({ evidence, context }), null)
    assert.deepEqual(
      why?.bars.map(({ name, text, towards, words }) => [name, text, towards, words]),
      [
        ['light curve', '+3.1', 'Transient', '9 detections over 8 d'],
        ['context', '−5.0', 'Persistent', '0.2″ from a star of score .99, first detected here 9 d ago'],
        ['prior', '−3.5', 'Persistent', 'population stream: 4 % Transient']
      ]
    )
    assert.deepEqual([why?.sum.text, why?.sum.left, why?.sum.length], ['−5.4', 0, 50])
    assert.deepEqual([why?.bars[0]?.left, why?.bars[1]?.left], [50, 50 - (50 * 5) / 5.4])
  })

  it('keeps bars within the track for any terms', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(fc.tuple(value, value, value), ([lightCurve, context, prior]) => {
        const why = whyOf(answer({ evidence: [term('A', lightCurve, context, prior), term('B', 0, 0, 0)] }), null)
        for (const { left, length } of [...(why?.bars ?? []), why!.sum]) {
          assert.ok(left >= -1e-9 && length >= 0 && left + length <= 100 + 1e-9)
        }
      })
    )
  })

  it('of an earlier moment uses what was known then', () => {
    const evidence = [term('Transient', 1, 0, -2), term('Persistent', 0, 0, 0)]
    const moment = { jd: 2459004.5, detections: 4, evidence } as unknown as MomentView
    assert.deepEqual(
      whyOf(answer({ alert: { positive: false } }), moment)?.bars.map(({ words }) => words),
      ['4 detections over 3 d', 'not part of the history', 'population stream: 4 % Transient']
    )
  })

  it('is null without evidence', () => {
    assert.equal(whyOf(answer({ evidence: [] }), null), null)
  })
})

describe('context', () => {
  const all = answer().context!

  it('has plain names and units', () => {
    assert.deepEqual(contextRows({ ...all, sharpnr: -0.25, ndethist: 1240, ncovhist: 3231 }), [
      ['nearest PS1 source', '6.50″, star score 0.02'],
      ['its magnitudes', 'g 16.75, r 16.00, i 15.75, z 15.50'],
      ['second nearest', '14.25″, star score 0.98'],
      ['nearest Gaia source', '14.25″, G 18.50'],
      ['in the reference image', '5.50 px away, 18.25 mag, chi 1.50, sharpness −0.250'],
      ['shape of the detection', '0.97 (1 is a point source)'],
      ['detections at this position', '1 240 in 3 231 exposures'],
      ['first detection', '2020-05-31 UTC']
    ])
  })

  it('omits unknown fields', () => {
    const none = Object.fromEntries(Object.keys(all).map(name => [name, null])) as unknown as typeof all
    assert.deepEqual(contextRows(none), [])
    assert.deepEqual(contextRows({ ...none, distpsnr1: 0.5, srmag1: 18 }), [
      ['nearest PS1 source', '0.50″'],
      ['its magnitudes', 'r 18.00']
    ])
  })
})
