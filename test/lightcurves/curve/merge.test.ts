import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { admittedCurve } from '../../../src/lightcurves/curve/gates.ts'
import { allObservations, LightCurve } from '../../../src/lightcurves/curve/light-curve.ts'
import { mergeObservations } from '../../../src/lightcurves/curve/merge.ts'
import { bands, type Observation } from '../../../src/lightcurves/points/observation.ts'
import { detectionAt, observation, observations } from '../observations.ts'

const merge = (...batches: (readonly Observation[])[]): LightCurve =>
  batches.reduce(mergeObservations, LightCurve.empty)

const image = (curve: LightCurve): unknown => ({
  points: curve.points.toString('hex'),
  further: curve.supersededBytes.toString('hex'),
  totals: curve.totals
})

const gates = { minRealBogus: 0.2, maxSolarSystemDistance: 5 }

describe('merging observations', () => {
  test('is idempotent', () => {
    fc.assert(
      fc.property(observations, batch => {
        const once = merge(batch)
        assert.equal(mergeObservations(once, batch), once, 'nothing new gives the very same curve')
        assert.deepEqual(image(merge([...batch, ...batch])), image(once))
      })
    )
  })

  test('is commutative and associative: any order, duplication and split ends in the same bytes', () => {
    const shuffled = observations.chain(batch =>
      fc.tuple(
        fc.constant(batch),
        fc.shuffledSubarray([...batch, ...batch], { minLength: 2 * batch.length }),
        fc.array(fc.nat({ max: 2 * batch.length }), { maxLength: 5 })
      )
    )
    fc.assert(
      fc.property(shuffled, ([batch, order, cuts]) => {
        const bounds = [0, ...cuts.sort((a, b) => a - b), order.length]
        const parts = bounds.slice(1).map((end, index) => order.slice(bounds[index], end))
        assert.deepEqual(image(merge(...parts)), image(merge(batch)))
      }),
      { numRuns: 300 }
    )
  })

  test('is commutative beyond the candids that are remembered of a point', () => {
    // As the decoder makes them: upper limits have no candid.
    const crowded = fc.array(
      observation.chain(point =>
        fc.record({ candid: fc.bigInt({ min: 1n, max: 12n }), day: fc.integer({ min: 0, max: 1 }) }).map(
          ({ candid, day }): Observation => ({
            ...point,
            jd: 2459000.5 + day,
            fid: 1,
            candid: point.detection ? candid : null
          })
        )
      ),
      { maxLength: 40 }
    )
    const order = crowded.chain(batch =>
      fc.tuple(fc.constant(batch), fc.shuffledSubarray(batch, { minLength: batch.length }))
    )
    fc.assert(
      fc.property(order, ([batch, shuffled]) => {
        const oneByOne = merge(...shuffled.map(point => [point]))
        assert.deepEqual(image(oneByOne), image(merge(batch)))
        assert.deepEqual(image(merge(shuffled, ...batch.map(point => [point]))), image(oneByOne))
      }),
      { numRuns: 300 }
    )
    const under = (candid: bigint): Observation[] => [detectionAt(2459000.5, { candid })]
    const late = merge(...[9n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map(under))
    assert.deepEqual(late.supersededAt(0), [2n, 3n, 4n, 5n, 6n, 7n, 8n])
  })

  test('the revision only grows, and grows whenever a point is added or beaten by another candid', () => {
    fc.assert(
      fc.property(fc.array(observations, { maxLength: 5 }), batches => {
        let curve = LightCurve.empty
        for (const batch of batches) {
          const next = mergeObservations(curve, batch)
          assert.ok(next.totals.revision >= curve.totals.revision)
          if (next.length > curve.length) assert.ok(next.totals.revision > curve.totals.revision)
          curve = next
        }
      })
    )
  })

  test('another view has a greater revision, where photometry and quality of one image and one origin have but one version', () => {
    const oneVersion = fc.uniqueArray(observation, {
      maxLength: 60,
      selector: ({ jd, fid, candid, detection, own }) => [jd, fid, candid, detection, own].join()
    })
    fc.assert(
      fc.property(oneVersion, fc.nat({ max: 60 }), (batch, cut) => {
        const before = merge(batch.slice(0, cut))
        const after = mergeObservations(before, batch.slice(cut))
        for (const jd of new Set(batch.map(point => point.jd))) {
          const [old, fresh] = [before.upTo(jd), after.upTo(jd)]
          assert.ok(fresh.revision >= old.revision)
          if (fresh.hash !== old.hash) assert.ok(fresh.revision > old.revision)
          const [admittedBefore, admittedAfter] = [before, after].map(curve => admittedCurve(curve, gates).upTo(jd))
          if (admittedBefore?.hash !== admittedAfter?.hash) assert.ok(fresh.revision > old.revision)
        }
      }),
      { numRuns: 500 }
    )
  })

  test('totals kept along the way equal those counted afresh over every prefix', () => {
    fc.assert(
      fc.property(observations, observations, (first, second) => {
        const curve = merge(first, second)
        const fresh = merge([...second, ...first])
        for (let length = 0; length <= curve.length; length++) {
          assert.equal(curve.hashOf(length), fresh.hashOf(length))
          const jd = length === 0 ? 0 : curve.jd(length - 1)
          const prefix = curve.upTo(jd)
          const points = Array.from({ length: prefix.length }, (_, index) => curve.at(index))
          assert.ok(points.every(point => point.jd <= jd))
          assert.equal(prefix.detections, points.filter(point => point.detection).length)
          assert.equal(prefix.detections + prefix.upperLimits, prefix.length)
          assert.equal(prefix.hash, curve.hashOf(prefix.length))
          const detections = points.filter(point => point.detection)
          assert.equal(prefix.firstDetectionJd, detections[0]?.jd ?? null)
          assert.equal(prefix.lastDetectionJd, detections.at(-1)?.jd ?? null)
          const peaks = bands.flatMap((band, at) => {
            const positive = detections.filter(({ fid, positive }) => fid === at + 1 && positive)
            // A stable sort: of equally bright ones, the earliest stays first.
            const [peak] = positive.sort((a, b) => a.magnitude - b.magnitude)
            return peak ? [[band, { jd: peak.jd, magnitude: peak.magnitude }]] : []
          })
          assert.deepEqual(curve.peak(prefix.length), Object.fromEntries(peaks))
        }
        assert.equal(curve.hashOf(0), 0n)
        const points = Array.from({ length: curve.length }, (_, index) => curve.at(index))
        const least = (values: readonly (number | null)[]): number =>
          Math.min(Number.POSITIVE_INFINITY, ...values.filter(value => value !== null))
        assert.equal(curve.totals.leastRealBogus, least(points.map(point => point.realBogus)))
        assert.equal(curve.totals.leastSolarSystemDistance, least(points.map(point => point.solarSystemDistance)))
      })
    )
  })

  test('what another store knows of an object, quality by its origin included, adds all of it', () => {
    fc.assert(
      fc.property(observations, observations, (first, second) => {
        assert.deepEqual(image(merge(first, allObservations(merge(second)))), image(merge(first, second)))
        assert.deepEqual(image(merge(allObservations(merge(first)))), image(merge(first)))
      })
    )
  })
})

describe('the quality of a point', () => {
  const jd = 2459000.75
  const standing = (...batch: Observation[]): Observation => merge(batch).at(0)

  test('comes field by field: known over unknown, its own packet over a history, then the greater value', () => {
    const own = detectionAt(jd, { realBogus: 0.25 })
    const history = detectionAt(jd, { own: false, realBogus: 0.75, solarSystemDistance: 12 })
    for (const batch of [
      [own, history],
      [history, own]
    ])
      assert.deepEqual(standing(...batch), { ...own, solarSystemDistance: 12 })
    const other = { ...history, realBogus: 0.875, solarSystemDistance: null }
    assert.deepEqual(standing(history, other), { ...history, realBogus: 0.875 })
    assert.equal(standing(history, { ...own, realBogus: null }).realBogus, 0.75)
  })

  test('of an older image says nothing of the one that stands', () => {
    const first = detectionAt(jd, { candid: 5n, realBogus: 0.125, solarSystemDistance: 1 })
    const again = detectionAt(jd, { candid: 6n, own: false })
    for (const batch of [
      [first, again],
      [again, first]
    ])
      assert.deepEqual(standing(...batch), again)
  })

  test('that comes late makes the revision grow, and never without another hash', () => {
    const history = detectionAt(jd, { own: false })
    const steps = [
      history,
      { ...history, realBogus: 0.5 },
      { ...history, solarSystemDistance: 8 },
      { ...history, own: true, realBogus: 0.5, solarSystemDistance: 8 }
    ]
    const curves = steps.map((_, index) => merge(steps.slice(0, index + 1)))
    assert.deepEqual(
      curves.map(curve => curve.totals.revision),
      [9, 10, 11, 14]
    )
    assert.equal(new Set(curves.map(curve => curve.totals.hash)).size, curves.length)
  })
})

describe('which observation of a point stands', () => {
  const jd = 2459000.75
  const standing = (...batch: Observation[]): Observation => {
    const curve = merge(batch)
    assert.equal(curve.length, 1)
    return curve.at(0)
  }

  test('a detection beats an upper limit, even one with a larger candid', () => {
    const detection = detectionAt(jd, { candid: 5n })
    const limit = detectionAt(jd, { detection: false, own: false, positive: false, candid: 9n, error: 0 })
    assert.deepEqual(standing(detection, limit), detection)
    assert.equal(merge([detection, limit]).totals.revision, 2 * 7 + 3)
  })

  test('the larger candid wins, even from a history', () => {
    const first = detectionAt(jd, { candid: 5n })
    const reprocessed = detectionAt(jd, { candid: 6n, own: false, magnitude: 18.25 })
    assert.deepEqual(standing(reprocessed, first), reprocessed)
    assert.equal(merge([first]).totals.revision, 7 + 3)
    assert.equal(merge([first, reprocessed]).totals.revision, 2 * 7 + 2)
    assert.deepEqual(merge([first, reprocessed]).supersededAt(0), [5n])
  })

  test("a point's own packet wins over the rounded value of a history", () => {
    const own = detectionAt(jd, { magnitude: Math.fround(15.66227) })
    const history = detectionAt(jd, { own: false, magnitude: Math.fround(15.6623) })
    assert.deepEqual(standing(own, history), own)
    assert.deepEqual(standing(history, own), own)
    assert.equal(merge([history]).totals.revision, 7 + 2)
    assert.equal(merge([history, own]).totals.revision, 7 + 3)
  })

  test('points of two filters at one time are two points', () => {
    assert.equal(merge([detectionAt(jd), detectionAt(jd, { fid: 2 })]).length, 2)
  })

  test('an upper limit counts 1, and an older image that comes late changes the revision but not the view', () => {
    const limit = detectionAt(jd, { detection: false, own: false, positive: false, candid: null, error: 0 })
    assert.equal(merge([limit]).totals.revision, 1)
    const own = detectionAt(jd, { candid: 7n })
    const older = detectionAt(jd, { candid: 3n })
    const before = merge([own])
    const after = mergeObservations(before, [older])
    assert.deepEqual(after.at(0), own)
    assert.equal(after.totals.revision, before.totals.revision + 7)
    assert.notEqual(after.totals.hash, before.totals.hash, 'another revision needs another fingerprint')
  })

  test('the latest magnitude of each band is that of its last detection', () => {
    const curve = merge([
      detectionAt(jd, { magnitude: 19 }),
      detectionAt(jd + 1, { magnitude: 18 }),
      detectionAt(jd + 2, { detection: false, own: false, positive: false, error: 0, candid: null, magnitude: 20 }),
      detectionAt(jd + 3, { fid: 3, magnitude: 17 })
    ])
    assert.deepEqual(curve.latest(curve.length), { g: 18, i: 17 })
    assert.deepEqual(curve.latest(1), { g: 19 })
    assert.deepEqual(curve.latest(0), {})
  })
})
