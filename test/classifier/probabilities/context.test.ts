import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatContext } from '@hierax/training/model-writer.ts'
import { random } from '@hierax/training/random.ts'
import fc from 'fast-check'
import { parseTaxonomy } from '../../../src/classifier/model/taxonomy.ts'
import {
  type ContextFile,
  ContextTerm,
  contextFeatureNames,
  contextFeatures,
  contextVersion,
  parseContext,
  softClip
} from '../../../src/classifier/probabilities/context.ts'
import type { AlertView } from '../../../src/classifier/types.ts'
import { contextFields } from '../../../src/lightcurves/points/observation.ts'
import { anyContext, besideGalaxy, emptyContext, onStar } from './context-support.ts'

const tree = parseTaxonomy(
  JSON.stringify({
    name: 'tree',
    version: '1',
    root: 'Object',
    nodes: [
      { name: 'T', parent: 'Object' },
      { name: 'T1', parent: 'T' },
      { name: 'T2', parent: 'T' },
      { name: 'P', parent: 'Object' }
    ]
  })
)
const count = contextFeatureNames.length

/** A head of random numbers for some nodes. */
function madeFile(nodes: readonly string[], hidden = 0, size = 1): ContextFile {
  const draw = random(5, hidden, nodes.length)
  const layer = (inputs: number, outputs: number) => ({
    weights: Array.from({ length: outputs }, () => Array.from({ length: inputs }, () => size * draw.normal())),
    biases: Array.from({ length: outputs }, () => draw.normal())
  })
  return {
    features: contextVersion,
    mean: Array.from({ length: count }, () => draw.normal()),
    deviation: Array.from({ length: count }, () => draw.uniform(0.5, 2)),
    nodes: [...nodes],
    bound: 6,
    layers: hidden > 0 ? [layer(count, hidden), layer(hidden, nodes.length)] : [layer(count, nodes.length)]
  }
}

const read = (file: unknown) =>
  parseContext(typeof file === 'string' ? file : JSON.stringify(file), tree, 'context.json')
const asJson = (file: ContextFile): Record<string, unknown> => JSON.parse(formatContext(file))

for (const hidden of [0, 4]) {
  test(`a file is read as it was written (${hidden} hidden units)`, () => {
    const file = madeFile(['T', 'P', 'T1', 'T2'], hidden)
    const made = new ContextTerm(file, tree)
    const parsed = read(formatContext(file))
    for (const view of [onStar, besideGalaxy]) {
      const [a, b] = [new Float64Array(4), new Float64Array(4)]
      assert.equal(made.addTo(view, a), true)
      parsed.addTo(view, b)
      assert.deepEqual(a, b)
      assert.ok(a.some(term => term !== 0))
    }
  })
}

test('terms are added, and those of siblings differ by no more than the bound', () => {
  fc.assert(
    fc.property(anyContext, context => {
      const logits = new Float64Array([1, 2, 3, 4])
      new ContextTerm(madeFile(['T', 'P'], 0, 20), tree).addTo({ ...onStar, context }, logits)
      assert.deepEqual([logits[1], logits[2]], [2, 3])
      const difference = (logits[0] as number) - 1 - ((logits[3] as number) - 4)
      assert.ok(Math.abs(difference) <= 6 + 1e-12)
    })
  )
})

test('without any context field nothing is added', () => {
  const logits = new Float64Array([1, 2, 3, 4])
  assert.equal(new ContextTerm(madeFile(['T', 'P']), tree).addTo({ ...onStar, context: emptyContext }, logits), false)
  assert.deepEqual([...logits], [1, 2, 3, 4])
})

test('an answer does not depend on the alerts before it', () => {
  const term = new ContextTerm(madeFile(['T', 'P'], 4), tree)
  const alone = new Float64Array(4)
  term.addTo(onStar, alone)
  term.addTo(besideGalaxy, new Float64Array(4))
  const again = new Float64Array(4)
  term.addTo(onStar, again)
  assert.deepEqual(again, alone)
})

test('the soft clip grows, is odd, nearly exact in the middle, and stays within its bound', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      assert.ok(softClip(low, 3) <= softClip(high, 3))
      assert.ok(Math.abs(softClip(a, 3)) <= 3)
      assert.equal(softClip(-a, 3), -softClip(a, 3))
    })
  )
  assert.ok(Math.abs(softClip(1, 3) - 1) < 0.01)
})

test('what is wrong with a file is named', () => {
  const good = madeFile(['T', 'P'])
  const wrong: [Record<string, unknown> | string, RegExp][] = [
    ['{', /context\.json, line 1: not JSON/],
    [{ ...asJson(good), format: 'other' }, /hierax-context/],
    [{ ...asJson(good), features: 'context-v9' }, /features "context-v9" are unknown; this version has context-v1/],
    [asJson({ ...good, mean: good.mean.slice(1) }), /`mean` has 24 numbers, context-v1 has 25 features/],
    [asJson({ ...good, deviation: good.deviation.map(() => 0) }), /deviation/],
    [
      asJson({ ...good, layers: [{ weights: [[1], [2]], biases: [0, 0] }] }),
      /layers\[0\]\.weights\[0\] has 1 numbers, expected 25/
    ],
    [
      asJson({ ...good, layers: [{ ...good.layers[0]!, biases: [0] }] }),
      /layers\[0\]\.biases has 1 numbers, expected 2/
    ],
    [asJson({ ...good, nodes: ['T'] }), /the last layer has 2 outputs, `nodes` has 1 names/],
    [asJson({ ...good, nodes: ['T', 'Object'] }), /"Object" is not a node of the taxonomy tree, or it is the root/],
    [asJson({ ...good, nodes: ['T', 'T'] }), /"T" is given twice/],
    [
      asJson({ ...good, nodes: ['T', 'T1'] }),
      /"P" is missing; a group of siblings has terms for all nodes or for none/
    ],
    [asJson({ ...good, bound: -1 }), /bound/]
  ]
  for (const [file, message] of wrong) assert.throws(() => read(file), { code: 'MODEL_INVALID', message })
})

function featuresOf(view: AlertView): Record<string, number> {
  const out = new Float64Array(contextFeatureNames.length)
  assert.ok(contextFeatures(view, out))
  return Object.fromEntries(contextFeatureNames.map((name, at) => [name, out[at] as number]))
}

test('an alert on a star says so', () => {
  const { starNearness, psMissing, age, isOld, detections } = featuresOf(onStar)
  assert.ok((starNearness as number) > 0.4)
  assert.equal(psMissing, 0)
  assert.equal(isOld, 1)
  assert.equal(age, Math.log1p(200))
  assert.equal(detections, Math.log(30))
})

test('a packet without any context field has no features', () => {
  const out = new Float64Array(contextFeatureNames.length).fill(7)
  assert.equal(contextFeatures({ ...onStar, context: emptyContext }, out), false)
  assert.ok(out.every(value => value === 7))
})

test('every feature is finite and bounded, whatever the fields are', () => {
  fc.assert(
    fc.property(anyContext, fc.double({ min: -10, max: 40, noNaN: true }), (context, magnitude) => {
      const out = new Float64Array(contextFeatureNames.length)
      if (!contextFeatures({ jd: 2459000, magnitude, context }, out)) return
      for (const [at, value] of out.entries()) assert.ok(Math.abs(value) < 10, `${contextFeatureNames[at]}: ${value}`)
    })
  )
})

test('a missing field sets its mask and nothing of the others', () => {
  const all = featuresOf(onStar)
  for (const [field, mask] of [
    ['distpsnr1', 'psMissing'],
    ['neargaia', 'gaiaMissing'],
    ['magnr', 'referenceMissing'],
    ['jdstarthist', 'historyMissing'],
    ['sgmag1', 'colourMissing'],
    ['classtar', 'pointLikenessMissing']
  ] as const) {
    const some = featuresOf({ ...onStar, context: { ...onStar.context, [field]: null } })
    for (const name of contextFeatureNames) {
      if (!name.endsWith('Missing')) continue
      assert.equal(some[name], name === mask ? 1 : all[name], `${field}: ${name}`)
    }
  }
})

test('what only grows with the age of the survey changes nothing', () => {
  const older = { ...onStar.context, ncovhist: 9000, ndethist: 2500, jdstarthist: 2457000 }
  assert.deepEqual(featuresOf({ ...onStar, context: older }), featuresOf(onStar))
})

test('all fields are read by name', () => {
  assert.deepEqual(Object.keys(onStar.context).sort(), [...contextFields].sort())
})
