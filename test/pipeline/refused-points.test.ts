import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Alert, History } from '../../src/alerts/alert.ts'
import type { Classifier, Question, Reply } from '../../src/classifier/types.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { contextWith, detectionAt } from '../lightcurves/observations.ts'
import { compareAnswers } from '../support/answers.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { alertOf, bench, messages } from '../support/pipeline.ts'

const day = (n: number): number => 2459000.5 + n

/** What an answer says, without its revision and id, which tell of points that are left out. */
function said({ id: _, lightCurve: { revision, ...lightCurve }, ...body }: Classification): unknown {
  return { ...body, lightCurve }
}

/** A classifier whose answers differ with the context too. */
function seeing(): Classifier {
  const fake = fakeClassifier()
  const shifted = ({ answer, ...rest }: Reply, { alert }: Question): Reply => ({
    ...rest,
    answer: { ...answer, novelty: (alert?.context.distpsnr1 ?? 0) / 100 }
  })
  return {
    ...fake,
    classify: async questions => {
      const replies = await fake.classify(questions)
      return replies.map((reply, index) => shifted(reply, questions[index] as Question))
    }
  }
}

/**
 * Alerts a0, a1, … of object A on days 0, 1, …, each with the earlier ones in its history; those that `refused` names are bogus
 * (even) or minor planets (odd). Histories tell the quality from the second packet after the point on, where `late`.
 */
function stream(count: number, refused: readonly number[], late = false): Map<string, Alert> {
  const quality = (index: number) => ({
    realBogus: Math.fround(refused.includes(index) && index % 2 === 0 ? 0.05 : 0.9),
    solarSystemDistance: refused.includes(index) && index % 2 === 1 ? 2 : null
  })
  const unknown = { realBogus: null, solarSystemDistance: null }
  const points = Array.from({ length: count }, (_, index) =>
    detectionAt(day(index), { magnitude: Math.fround(18.123456 + index / 10), ...quality(index) })
  )
  return new Map(
    points.map((point, index) => [
      `a${index}`,
      alertOf('A', point, {
        photometry: { ...quality(index), context: contextWith({ distpsnr1: index }) },
        history: points.slice(0, index).map((earlier, at) => ({
          programId: 1,
          observation: {
            ...earlier,
            own: false,
            magnitude: Math.fround(Math.round(earlier.magnitude * 1e4) / 1e4),
            ...(late && index - at < 2 ? unknown : {})
          }
        }))
      })
    ])
  )
}

/** The object's current answer after all messages. */
function answerOf(bodies: readonly Classification[]): Classification {
  return [...bodies].sort(compareAnswers).at(-1) as Classification
}

/** Runs alerts by name in batches of `size`; all messages. */
async function run(alerts: ReadonlyMap<string, Alert>, names: readonly string[], size = 1): Promise<Classification[]> {
  const { pipeline, bodies } = bench({ alerts, classifiers: [seeing()], store: new MemoryStore() })
  for (let at = 0; at < names.length; at += size) await pipeline.process(messages(names.slice(at, at + size), at))
  return bodies()
}

describe('packets that are refused', () => {
  test('leave no trace in the answers of others, whatever the order, but for the revision', async () => {
    const streams = fc.record({
      count: fc.integer({ min: 2, max: 7 }),
      refused: fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
      late: fc.boolean(),
      seed: fc.array(fc.nat(1000), { minLength: 14, maxLength: 14 }),
      size: fc.integer({ min: 1, max: 5 })
    })
    await fc.assert(
      fc.asyncProperty(streams, async ({ count, refused, late, seed, size }) => {
        // The newest is never refused: its history tells the quality of all but the one before it.
        const bad = refused.filter(index => index < count - 1)
        const names = [...stream(count, bad).keys()]
        const order = [...names, ...names]
          .map((name, at) => ({ name, weight: seed[at % seed.length] as number }))
          .sort((a, b) => a.weight - b.weight)
          .map(({ name }) => name)
        const wild = answerOf(await run(stream(count, bad, late), order, size))
        const calm = answerOf(await run(stream(count, bad, late), names))
        assert.deepEqual(wild, calm, 'the same body')
        const good = names.filter((_, index) => !bad.includes(index))
        const without = answerOf(await run(stream(count, bad), good))
        assert.deepEqual(said(wild), said(without))
        assert.equal(wild.lightCurve.detections, count - bad.length)
      }),
      { numRuns: 60 }
    )
  })

  test('an old one that comes last changes nothing but the revision, and the message that carries it', async () => {
    const alerts = stream(3, [0])
    // Histories without the point: only its own packet knows of it.
    for (const [name, alert] of alerts) {
      const later = [...alert.history].filter(({ observation }) => observation.jd > day(0))
      alerts.set(name, { ...alert, history: History.of(later) })
    }
    const [, before, refused, after] = await run(alerts, ['a1', 'a2', 'a0'])
    assert.equal(refused?.reason, 'BOGUS')
    assert.deepEqual(said(after as Classification), said(before as Classification))
    assert.ok(Number(after?.lightCurve.revision) > Number(before?.lightCurve.revision))
    assert.notEqual(after?.id, before?.id, 'equal ids have equal bytes')
    assert.equal(after?.lightCurve.fingerprint, before?.lightCurve.fingerprint)
  })

  test('quality that arrives late takes a point out of the answer, under a greater revision', async () => {
    const alerts = stream(4, [0], true)
    const bodies = await run(alerts, ['a1', 'a3'])
    assert.deepEqual(
      bodies.map(body => body.lightCurve.detections),
      [2, 3]
    )
    assert.equal(bodies[1]?.lightCurve.firstDetectionJd, day(1))
    const late = await run(alerts, ['a1', 'a0'])
    assert.deepEqual(
      late.map(body => [body.jd - day(0), body.reason, body.lightCurve.detections]),
      [
        [1, null, 2],
        [0, 'BOGUS', 0],
        [1, null, 1]
      ]
    )
    assert.equal(answerOf(late).lightCurve.detections, 1)
  })

  test('detections that are left out do not count for the least number of them', async () => {
    const { pipeline, bodies } = bench({
      alerts: stream(3, [0]),
      admission: { programs: [1], admit: { minRealBogus: 0.2, maxSolarSystemDistance: 5, minDetections: 2 } }
    })
    await pipeline.process(messages(['a1', 'a2']))
    assert.deepEqual(
      bodies().map(body => body.reason),
      ['TOO_FEW_DETECTIONS', null]
    )
  })
})

test('two alerts of one time are answered with what each of them says of its place', async () => {
  const alert = (candid: bigint, distpsnr1: number): Alert =>
    alertOf('A', detectionAt(day(1), { candid, fid: candid === 1n ? 1 : 2 }), {
      photometry: { context: contextWith({ distpsnr1 }) }
    })
  const alerts = new Map([
    ['one', alert(1n, 10)],
    ['two', alert(2n, 20)]
  ])
  const bodies = await run(alerts, ['one', 'two', 'one'], 3)
  assert.deepEqual(
    bodies.map(body => [body.candid, body.novelty]),
    [
      [1n, 0.1],
      [2n, 0.2],
      [1n, 0.1],
      [2n, 0.2]
    ]
  )
})
