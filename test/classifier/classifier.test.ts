import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { loadClassifier, type RecurrentClassifier } from '../../src/classifier/classifier.ts'
import { bundledModel } from '../../src/classifier/model-folder.ts'
import type { SteppedQuestion } from '../../src/classifier/network/sequence-rows.ts'
import type { Reply } from '../../src/classifier/types.ts'
import type { FilterId, Observation } from '../../src/lightcurves/points/observation.ts'
import { referenceModel } from '../support/models.ts'
import { needsShared } from '../support/shared.ts'
import { detection, referenceCases, steppedCurve, upperLimit } from '../support/stepped-curve.ts'

/** All that must be equal to the bit of two replies. */
function bytesOf({ answer, state }: Reply): string {
  const doubles = (values: Float64Array): string =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex')
  const { conditional, probability, prediction } = answer
  return [
    doubles(conditional),
    doubles(probability),
    JSON.stringify(prediction),
    Buffer.from(state).toString('hex')
  ].join()
}

/** Light curves as ZTF makes them: visits some time apart, detections and upper limits in three bands. */
const curves = fc
  .array(
    fc.record({
      gap: fc.oneof(
        fc.double({ min: 0.001, max: 0.9, noNaN: true }),
        fc.double({ min: 0.9, max: 40, noNaN: true }),
        fc.double({ min: 40, max: 900, noNaN: true })
      ),
      fid: fc.constantFrom<FilterId>(1, 2, 3),
      magnitude: fc.double({ min: 13, max: 21.5, noNaN: true }),
      error: fc.double({ min: 0.001, max: 0.4, noNaN: true }),
      positive: fc.boolean(),
      kind: fc.constantFrom('detection', 'detection', 'limit')
    }),
    { minLength: 1, maxLength: 45 }
  )
  .map(visits => {
    let jd = 2459000.5
    return visits.map(({ gap, fid, magnitude, error, positive, kind }): Observation => {
      jd += gap
      if (kind === 'limit') return upperLimit(jd, fid, magnitude)
      return detection(jd, fid, magnitude, Math.fround(error), positive)
    })
  })
  .filter(points => points.some(point => point.detection))

/** The same at any length, made without chance. */
function madeCurve(length: number, seed = 1): Observation[] {
  return Array.from({ length }, (_, at) => {
    const wave = Math.sin(seed + at * 0.7)
    const fid = ((at + seed) % 2) + 1
    return detection(2459000.5 + seed + at * 1.3, fid as FilterId, 18 + wave, 0.05 + 0.04 * Math.abs(wave))
  })
}

describe('the reference classifier', () => {
  let classifier: RecurrentClassifier

  before(async () => {
    classifier = await loadClassifier(referenceModel)
  })
  after(() => classifier.dispose())

  const ask = async (points: readonly Observation[], jd?: number, state: Uint8Array | null = null): Promise<Reply> => {
    const question = { curve: steppedCurve(points), jd: jd ?? points.at(-1)?.jd ?? 0, state }
    return (await classifier.classify([question]))[0] as Reply
  }

  /** Feeds an object detection by detection, keeping its state. */
  const singly = async (points: readonly Observation[]): Promise<Reply[]> => {
    const replies: Reply[] = []
    for (const point of points.filter(({ detection }) => detection)) {
      replies.push(await ask(points, point.jd, replies.at(-1)?.state ?? null))
    }
    return replies
  }

  test('agrees with the reference study after every detection', needsShared(), async () => {
    let compared = 0
    for (const { id, points, conditional } of referenceCases()) {
      const curve = steppedCurve(points)
      const detections = points.filter(({ detection }) => detection)
      // Two detections of one time are seen together by a question about that time.
      const distinct = detections
        .map((point, at) => ({ jd: point.jd, at }))
        .filter(({ jd, at }) => detections[at + 1]?.jd !== jd)
      const replies = await classifier.classify(distinct.map(({ jd }) => ({ curve, jd, state: null })))
      replies.forEach(({ answer }, which) => {
        const at = distinct[which]?.at ?? -1
        answer.conditional.forEach((got, node) => {
          const wanted = conditional[at]?.[node] ?? Number.NaN
          assert.ok(Math.abs(got - wanted) <= 1e-4, `${id}, detection ${at}, node ${node}: got ${got}, want ${wanted}`)
          compared++
        })
      })
    }
    assert.ok(compared > 25_000)
  })

  test('the order of nodes is that of the arrays, and parents come first', () => {
    const seen = new Set([classifier.root])
    for (const { name, parent } of classifier.nodes) {
      assert.ok(parent !== null && seen.has(parent), name)
      seen.add(name)
    }
    assert.equal(classifier.nodes.length, 27)
  })

  test('siblings sum to 1, and probabilities are products along the path', async () => {
    await fc.assert(
      fc.asyncProperty(curves, async points => {
        const { answer } = await ask(points)
        const sums = new Map<string | null, number>()
        classifier.nodes.forEach(({ parent }, node) => {
          sums.set(parent, (sums.get(parent) ?? 0) + (answer.conditional[node] ?? 0))
          const above = classifier.nodes.findIndex(({ name }) => name === parent)
          const product = (above < 0 ? 1 : (answer.probability[above] ?? 0)) * (answer.conditional[node] ?? 0)
          assert.equal(answer.probability[node], product)
        })
        for (const [parent, sum] of sums) assert.ok(Math.abs(sum - 1) < 1e-6, `children of ${parent} sum to ${sum}`)
      }),
      { numRuns: 30 }
    )
  })

  test('feeding singly and at once gives the same bytes of answer and of state', async () => {
    await fc.assert(
      fc.asyncProperty(curves, async points => {
        const last = (await singly(points)).at(-1) as Reply
        assert.equal(bytesOf(last), bytesOf(await ask(points)))
        assert.equal(last.steps, 1)
      }),
      { numRuns: 40 }
    )
  })

  test('every batch gives the same bytes', async () => {
    const lengths = Array.from({ length: 256 }, (_, at) => 1 + (at % 19))
    const questions = lengths.map((length, seed) => {
      const points = madeCurve(length, seed)
      return { curve: steppedCurve(points), jd: points.at(-1)?.jd ?? 0, state: null }
    })
    const alone: string[] = []
    for (const question of questions) alone.push(bytesOf((await classifier.classify([question]))[0] as Reply))
    for (const size of [2, 3, 5, 7, 8, 16, 31, 32, 33, 60, 64, 100, 127, 128, 129, 200, 255, 256]) {
      const replies = await classifier.classify(questions.slice(0, size))
      assert.deepEqual(replies.map(bytesOf), alone.slice(0, size), `a batch of ${size}`)
    }
    const twice = await classifier.classify([...questions, ...questions.toReversed()])
    assert.deepEqual(twice.map(bytesOf), [...alone, ...alone.toReversed()], 'a batch of 512')
  })

  test('no state, and no damage to it, changes an answer', async () => {
    const other = (await ask(madeCurve(12, 99))).state
    await fc.assert(
      fc.asyncProperty(
        curves,
        fc.nat(),
        fc.nat(),
        fc.uint8Array({ maxLength: 64 }),
        async (points, which, bit, noise) => {
          const replies = await singly(points)
          const wanted = bytesOf(await ask(points))
            .split(',')
            .slice(0, -1)
          const stale = replies[which % replies.length]?.state as Uint8Array
          const damaged = stale.slice()
          damaged[bit % damaged.length] = (damaged[bit % damaged.length] ?? 0) ^ (1 << (bit % 8))
          const unaligned = new Uint8Array(stale.length + 3).subarray(3)
          unaligned.set(stale)
          for (const state of [stale, damaged, unaligned, stale.subarray(0, bit % stale.length), noise, other]) {
            const got = bytesOf(await ask(points, undefined, state))
              .split(',')
              .slice(0, -1)
            assert.deepEqual(got, wanted)
          }
        }
      ),
      { numRuns: 25 }
    )
  })

  test('a changed point in the past is noticed, and an older question is answered at its own time', async () => {
    await fc.assert(
      fc.asyncProperty(curves, fc.nat(), async (points, which) => {
        const { state } = await ask(points)
        const at = which % points.length
        const changed = points.map((point, index) =>
          index === at ? { ...point, magnitude: point.magnitude + 0.25 } : point
        )
        const question = points.slice(at).find(({ detection }) => detection)?.jd ?? points.at(-1)?.jd
        for (const curve of [points, changed]) {
          for (const jd of [question, undefined]) {
            const wanted = bytesOf(await ask(curve, jd))
              .split(',')
              .slice(0, -1)
            assert.deepEqual(
              bytesOf(await ask(curve, jd, state))
                .split(',')
                .slice(0, -1),
              wanted
            )
          }
        }
      }),
      { numRuns: 25 }
    )
  })

  test('a repeated answer takes no step, a new detection one, a late one a few', async () => {
    const points = madeCurve(60)
    const { state } = await ask(points.slice(0, 59))
    assert.equal((await ask(points.slice(0, 59), undefined, state)).steps, 0)
    assert.equal((await ask(points, undefined, state)).steps, 1)
    for (let late = 1; late <= 9; late++) {
      const { steps } = await ask(points.slice(0, 59), points[58 - late]?.jd, state)
      assert.ok(steps >= 1 && steps <= 16, `${late} detections late took ${steps} steps`)
      const changed = points.slice(0, 59).with(58 - late, { ...(points[58 - late] as Observation), magnitude: 17 })
      const again = await ask(changed, undefined, state)
      assert.ok(again.steps <= 16, `a change ${late} detections ago took ${again.steps} steps`)
    }
    assert.ok(state.length <= 4096, `${state.length} bytes`)
    assert.equal((await ask(points, undefined, new Uint8Array(0))).steps, 60)
  })

  test('without a detection nothing is known', async () => {
    const points = [upperLimit(2459000.5, 1, 20)]
    const { answer, state, steps } = await ask(points)
    assert.equal(answer.prediction, null)
    assert.equal(steps, 0)
    assert.ok(Math.abs((answer.conditional[0] ?? 0) - 0.5) < 1e-12)
    const next = [...points, detection(2459001.5, 1, 19)]
    assert.equal(bytesOf(await ask(next, undefined, state)), bytesOf(await ask(next)))
    assert.deepEqual(await classifier.classify([]), [])
  })

  test('long light curves are answered, beside short ones, without holding the event loop', async () => {
    const questions: SteppedQuestion[] = [8000, 1, 3000, 9].map(length => {
      const points = madeCurve(length)
      return { curve: steppedCurve(points), jd: points.at(-1)?.jd ?? 0, state: null }
    })
    let turns = 0
    const turning = setInterval(() => turns++, 1)
    const replies = await classifier.classify(questions)
    clearInterval(turning)
    assert.deepEqual(
      replies.map(({ steps }) => steps),
      [8000, 1, 3000, 9]
    )
    assert.ok(turns > 3, `${turns} turns`)
  })

  test('calls at the same time do not disturb each other', async () => {
    const points = [madeCurve(9, 1), madeCurve(30, 2), madeCurve(3, 3)]
    const wanted: string[] = []
    for (const each of points) wanted.push(bytesOf(await ask(each)))
    for (let round = 0; round < 20; round++) {
      const replies = await Promise.all(points.map(each => ask(each)))
      assert.deepEqual(replies.map(bytesOf), wanted)
    }
  })
})

describe('the bundled classifier', () => {
  let classifier: RecurrentClassifier

  before(async () => {
    classifier = await loadClassifier(bundledModel)
  })
  after(() => classifier.dispose())

  const questions = Array.from({ length: 70 }, (_, seed) => {
    const points = madeCurve(1 + (seed % 40), seed)
    return { curve: steppedCurve(points), jd: points.at(-1)?.jd ?? 0, state: null }
  })

  test('a reply has the same bytes in any batch', async () => {
    const together = (await classifier.classify(questions)).map(bytesOf)
    for (const size of [1, 2, 7, 33]) {
      const parted: string[] = []
      for (let at = 0; at < questions.length; at += size) {
        parted.push(...(await classifier.classify(questions.slice(at, at + size))).map(bytesOf))
      }
      assert.deepEqual(parted, together)
    }
  })

  test('fed detection by detection, it says the same to the bit as at once, at one step each', async () => {
    const points = madeCurve(60, 5)
    const curve = steppedCurve(points)
    let state: Uint8Array | null = null
    for (const { jd } of points) {
      const [stepped] = await classifier.classify([{ curve, jd, state }])
      const [whole] = await classifier.classify([{ curve, jd, state: null }])
      assert.equal(stepped?.steps, 1)
      assert.equal(bytesOf(stepped as Reply), bytesOf(whole as Reply))
      state = stepped?.state ?? null
    }
  })

  test('a question about any time resumes at a checkpoint and says the same to the bit', async () => {
    const points = madeCurve(1030, 3)
    const curve = steppedCurve(points)
    const ask = async (detections: number, state: Uint8Array | null) =>
      (await classifier.classify([{ curve, jd: points[detections - 1]?.jd ?? 0, state }]))[0] as Reply
    const { state } = await ask(1030, null)
    for (const [detections, checkpoint] of [
      [1029, 1023],
      [1017, 1015],
      [970, 959],
      [600, 511]
    ] as const) {
      const [resumed, cold] = [await ask(detections, state), await ask(detections, null)]
      assert.equal(resumed.steps, detections - checkpoint)
      assert.equal(bytesOf({ ...resumed, state: cold.state }), bytesOf(cold))
      assert.equal((await ask(1030, resumed.state)).steps, 0)
    }
  })

  test('a state that lies anywhere in a larger memory serves as well, with sequences that restart on the way', async () => {
    // As a store gives it: a view, at any offset.
    const inStore = (state: Uint8Array, offset: number): Buffer => {
      const memory = Buffer.alloc(state.length + 64, 0xa5)
      memory.set(state, offset)
      return memory.subarray(offset, offset + state.length)
    }
    await fc.assert(
      fc.asyncProperty(curves, fc.integer({ min: 1, max: 63 }), async (points, offset) => {
        const curve = steppedCurve(points)
        let state: Uint8Array | null = null
        for (const { jd } of points.filter(({ detection }) => detection)) {
          const [stepped] = await classifier.classify([{ curve, jd, state }])
          const [whole] = await classifier.classify([{ curve, jd, state: null }])
          assert.equal(bytesOf(stepped as Reply), bytesOf(whole as Reply))
          state = inStore(stepped?.state as Uint8Array, offset)
        }
      }),
      { numRuns: 40 }
    )
  })
})
