import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ObjectQueries } from '../../src/app/object-queries.ts'
import { HieraxError } from '../../src/errors.ts'
import { separation } from '../../src/lightcurves/sky.ts'
import type { Addition } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { ObjectQuery } from '../../src/service/ports.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf } from '../support/pipeline.ts'

const classifiers = [fakeClassifier()]
const { sha256 } = classifiers[0] as (typeof classifiers)[number]

/** An addition of one alert. */
function at(objectId: string, jd: number, ra: number, dec: number): Addition {
  const { observation, record } = alertOf(objectId, detectionAt(jd))
  return { objectId, observations: [observation], alerts: [{ record: { ...record, ra, dec }, admitted: true }] }
}

/** Ids of the objects that a query finds, damaged ones included. */
async function found(queries: ObjectQueries, query: Partial<ObjectQuery> = {}): Promise<string[]> {
  const ids: string[] = []
  for await (const batch of queries.run({ model: sha256, after: '', since: null, cone: null, ...query }))
    ids.push(...batch.map(({ objectId }) => objectId))
  return ids
}

describe('queries of the store', () => {
  test('classify every object that has an alert, in the order of their ids, from any of them on', async () => {
    const store = new MemoryStore()
    const names = Array.from({ length: 200 }, (_, index) => `Z${(index * 7) % 200}`)
    await store.merge(names.map((id, index) => at(id, 2459000.5 + index, 10, 10)))
    await store.merge([{ objectId: 'Points', observations: [detectionAt(2459000.5)], alerts: [] }])
    const queries = new ObjectQueries({ store, classifiers, admission })
    assert.deepEqual(await found(queries), [...names].sort())
    assert.deepEqual(
      await found(queries, { after: 'Z150' }),
      [...names].sort().filter(id => id > 'Z150')
    )
    assert.deepEqual(await found(queries, { since: 2459198.5 }), [names[198], names[199]].sort())
    for await (const batch of queries.run({ model: sha256, after: 'Z98', since: null, cone: null }))
      for (const one of batch) assert.ok('classification' in one && one.classification.status === 'CLASSIFIED')
  })

  test('find exactly the objects of a cone, at the poles and at right ascension 0 too', async () => {
    const near = (centre: fc.Arbitrary<number>, spread: number) =>
      fc.tuple(centre, fc.double({ min: -spread, max: spread, noNaN: true })).map(([value, offset]) => value + offset)
    const places = fc.record({
      ra: near(fc.constantFrom(0, 180, 77.7), 0.02).map(ra => (ra + 360) % 360),
      dec: near(fc.constantFrom(-90, 0, 45, 90), 0.02).map(dec => Math.max(-90, Math.min(90, dec)))
    })
    const radius = fc.constantFrom(0, 1, 10, 60, 120, 3600)
    await fc.assert(
      fc.asyncProperty(
        fc.array(places, { minLength: 1, maxLength: 60 }),
        places,
        radius,
        async (list, centre, arcsec) => {
          const store = new MemoryStore()
          await store.merge(list.map(({ ra, dec }, index) => at(`P${index}`, 2459000.5, ra, dec)))
          const queries = new ObjectQueries({ store, classifiers, admission })
          const expected = list.flatMap((place, index) => (separation(centre, place) <= arcsec ? [`P${index}`] : []))
          assert.deepEqual(await found(queries, { cone: { ...centre, radius: arcsec } }), expected.sort())
        }
      ),
      { numRuns: 60 }
    )
  })

  test('report a record that can not be read, and the failure of the store', async () => {
    const store = new MemoryStore()
    await store.merge([at('A', 2459000.5, 1, 1), at('B', 2459000.5, 1, 1)])
    const queries = (code: 'STORE_CORRUPT' | 'STORE_FAILED') =>
      new ObjectQueries({
        store: {
          get: id => (id === 'A' ? Promise.reject(new HieraxError(code, 'A')) : store.get(id)),
          readCache: keys => store.readCache(keys),
          objectIds: after => store.objectIds(after),
          idsIn: () => new Promise(() => {})
        },
        classifiers,
        admission,
        patience: 1
      })
    assert.deepEqual(await found(queries('STORE_CORRUPT')), ['A', 'B'])
    await assert.rejects(found(queries('STORE_FAILED')), { code: 'STORE_FAILED' })
    const cone = { ra: 1, dec: 1, radius: 1 }
    await assert.rejects(found(queries('STORE_CORRUPT'), { cone }), { code: 'INDEX_INCOMPLETE' })
  })
})
