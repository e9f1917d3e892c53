import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseContext } from 'hierax/classifier/probabilities/context.ts'
import { LightCurve } from 'hierax/lightcurves/curve/light-curve.ts'
import { mergeObservations } from 'hierax/lightcurves/curve/merge.ts'
import { besideGalaxy, onStar } from '../../../test/classifier/probabilities/context-support.ts'
import { detection } from '../../../test/support/stepped-curve.ts'
import { defaultContextFit } from '../../src/context/context-fit.ts'
import { type ContextStudyPlan, type LogitSource, studyContext } from '../../src/context/context-study.ts'
import type { AlertObject, AlertSample } from '../../src/data/alert-samples.ts'
import { foldOf } from '../../src/data/labelled.ts'
import { alertTables } from '../../src/evaluation/alert-tables.ts'
import { plainTable } from '../../src/evaluation/tables.ts'
import { formatContext } from '../../src/model-writer.ts'
import { smallTaxonomy as tree } from '../support.ts'

const night = '2020-05-31'

/** An object of A beside a galaxy, or of B on a star, with two alerts. */
function madeObject(at: number): AlertObject {
  const isA = at % 2 === 0
  const objectId = `o${at}`
  const packet = [detection(onStar.jd - 1, 1, 19, 0.1, false), detection(onStar.jd, 2, 18.5, 0.1, isA)]
  const curve = mergeObservations(LightCurve.empty, packet)
  const samples = packet.map(({ jd, candid }, which): AlertSample => {
    const view = { ...(isA ? besideGalaxy : onStar), jd }
    return {
      alert: { candid: candid as bigint, jd, ra: 1, dec: 2, programId: 1, photometry: {} as never },
      view,
      curve,
      jd,
      detections: which + 1,
      packet: packet.slice(0, which + 1),
      refused: false,
      label: isA ? 'type A1' : 'type B',
      group: null,
      doubtful: false,
      night: which === 1 ? night : null
    }
  })
  return { objectId, label: samples[1]?.label ?? null, samples }
}

const objects = Array.from({ length: 40 }, (_, at) => madeObject(at))

/** A network that takes a positive last detection for A. */
const signs: LogitSource = {
  classify: async questions =>
    questions.map(({ curve, jd }) => {
      let positive = false
      for (let at = 0; at < curve.length && curve.jd(at) <= jd; at++) positive = curve.isPositive(at)
      const logits = new Float64Array(tree.nodes.length)
      logits[tree.indexOf('A')] = positive ? 2 : -2
      return { logits }
    })
}

const asked: number[] = []
const plan: ContextStudyPlan = {
  taxonomy: tree,
  objects,
  shares: Float64Array.from(tree.nodes, () => 0.5),
  folds: 3,
  foldSeed: 0,
  network: fold => {
    asked.push(fold)
    return signs
  },
  options: { ...defaultContextFit, augmentation: { ...defaultContextFit.augmentation, copies: 1 } }
}

test('every alert is answered by network and term of the fold that has not seen it', async () => {
  const { heldOut, file, alerts, objects: count, notes } = await studyContext(plan)
  assert.deepEqual(asked, [0, 1, 2])
  assert.equal(heldOut.length, 80)
  assert.deepEqual([alerts, count], [80, 40])
  assert.deepEqual(file.nodes, ['A', 'B', 'C'])
  assert.ok(parseContext(formatContext(file), tree, 'context.json'))
  assert.ok(notes.some(note => note.startsWith('Context below Root, held out: log loss')))
  const last = heldOut.filter(({ isLast }) => isLast)
  assert.equal(last.length, 40)
  assert.ok(last.every(({ positiveLogits }) => positiveLogits?.[tree.indexOf('A')] === 2))
  const byFold = (fold: number) => heldOut.filter(({ objectId }) => foldOf(objectId, 3, 0) === fold)
  const contexts = [0, 1, 2].map(fold => byFold(fold).find(({ top }) => top === tree.indexOf('A'))?.context[0])
  assert.equal(new Set(contexts).size, 3)
})

test('tables say how well answers hold, with and without context', async () => {
  const { heldOut } = await studyContext(plan)
  const tables = alertTables(heldOut, { taxonomy: tree, shares: plan.shares, stream: null })
  assert.deepEqual(
    tables.map(({ title }) => title.split(':')[0]),
    [
      'P(A) of real alerts, held out',
      'Labels',
      'Number of detections (the last such alert of an object)',
      'Time of the alert',
      'Place',
      'Nights of the stream'
    ]
  )
  for (const { columns, rows } of tables) for (const row of rows) assert.equal(row.length, columns.length)
  const [parts, , detections, , , nights] = tables.map(plainTable)
  assert.match(parts as string, /\nnetwork and context +20 +20 +1\.000/)
  // With every sign positive the network alone can't tell; context can.
  assert.match(parts as string, /every sign positive, network alone +20 +20 +0\.500/)
  assert.match(parts as string, /every sign positive, network and context +20 +20 +1\.000/)
  assert.match(detections as string, /1 detection +20 +20/)
  assert.match(nights as string, new RegExp(`${night} +40 +0\\.\\d+ +20 +\\d+`))
})

test('without any label there is nothing to learn', async () => {
  const unlabelled = objects.map(object => ({
    ...object,
    samples: object.samples.map(sample => ({ ...sample, label: null }))
  }))
  await assert.rejects(studyContext({ ...plan, objects: unlabelled }), { code: 'DATA_INVALID' })
})
