import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { decodeRecord, encodeRecord, mergedAt } from '../../../src/lightcurves/records/object-record.ts'
import { cellOf, cellsAround, nowhere } from '../../../src/lightcurves/sky.ts'
import type { Addition, ObjectState, OpenStore, Store } from '../../../src/lightcurves/store.ts'
import { openStore } from '../../../src/lightcurves/stores/open.ts'
import { additions, detectionAt } from '../observations.ts'

/** One point and one alert of an object for each day. */
export const add = (objectId: string, ...days: number[]): Addition => ({
  objectId,
  observations: days.map(day => detectionAt(2459000.5 + day)),
  alerts: days.map(day => ({
    record: { candid: BigInt(day), jd: 2459000.5 + day, ra: 10, dec: -5, programId: 1, photometry: null },
    admitted: day % 2 === 0
  }))
})

/** The days of a state's points. */
export const days = (state: ObjectState | null | undefined): number[] =>
  Array.from({ length: state?.curve.length ?? 0 }, (_, index) => (state as ObjectState).curve.jd(index) - 2459000.5)

/** Every record of a store by object, without the wall time of its last merge. */
async function records(store: Store, prefix = ''): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const object of store.records()) {
    if (!object.objectId.startsWith(prefix)) continue
    assert.ok('record' in object, object.objectId)
    found.set(object.objectId, encodeRecord(decodeRecord(object.objectId, object.record), 0).toString('hex'))
  }
  return found
}

/**
 * What every kind of store must do. `open` opens the same store again each time; it is empty at first. `skip` says why the kind can't
 * be tried here.
 */
export function testStore(name: string, open: () => Promise<OpenStore>, skip: string | false = false): void {
  describe(`the ${name} store`, { skip }, () => {
    test('returns the states after the merge, in the order asked for', async () => {
      const store = await open()
      await store.merge([add('B', 3)])
      const [a, b] = await store.merge([add('A', 1, 2), add('B', 1, 4)])
      assert.deepEqual([a?.objectId, b?.objectId], ['A', 'B'])
      assert.deepEqual(days(a), [1, 2])
      assert.deepEqual(days(b), [1, 3, 4])
      assert.equal(b?.newest?.candid, 4n)
      assert.equal(a?.newestAdmitted?.candid, 2n)
      assert.deepEqual(days(await store.get('B')), [1, 3, 4])
      assert.equal(await store.get('C'), null)
      assert.deepEqual([(await store.statistics()).objects, store.trouble()], [2, null])
      const ids: string[] = []
      for await (const id of store.objectIds()) ids.push(id)
      assert.deepEqual(ids.sort(), ['A', 'B'])
      assert.deepEqual([...(await records(store)).keys()].sort(), ['A', 'B'])
      await store.close()
    })

    test('lists objects in one order, from any of them on', async () => {
      const store = await open()
      await store.merge(Array.from({ length: 700 }, (_, index) => add(`List${(index * 271) % 700}`, 1)))
      const from = async (after?: string): Promise<string[]> => {
        const ids: string[] = []
        for await (const id of store.objectIds(after)) ids.push(id)
        return ids
      }
      const all = await from()
      assert.equal(new Set(all).size, all.length)
      assert.equal(all.filter(id => id.startsWith('List')).length, 700)
      for (const index of [0, 1, 499, 500, 650, all.length - 1])
        assert.deepEqual(await from(all[index]), all.slice(index + 1))
      await store.close()
    })

    test('finds objects by the position of their newest alert, whatever the order of merges, while they are stored', async () => {
      const [one, two] = await Promise.all([open(), open()])
      const at = (objectId: string, day: number, ra: number, dec: number): Addition => {
        const { observations, alerts } = add(objectId, day)
        return {
          objectId,
          observations,
          alerts: alerts.map(each => ({ ...each, record: { ...each.record, ra, dec } }))
        }
      }
      const near = async (store: Store, ra: number, dec: number, radius = 5): Promise<string[]> =>
        [...new Set(await store.idsIn(cellsAround({ ra, dec, radius })))].filter(id => id.startsWith('Sky')).sort()
      await one.merge([at('Sky1', 2, 0.0001, 45), at('Sky2', 2, 359.9999, 45), at('Sky3', 2, 120, 90)])
      await two.merge([at('Sky1', 1, 77, 77), { objectId: 'Sky4', observations: [detectionAt(2459000.5)], alerts: [] }])
      for (const store of [one, two]) {
        assert.deepEqual(await near(store, 0, 45), ['Sky1', 'Sky2'])
        assert.deepEqual(await near(store, 77, 77), [], 'an older alert moves nothing')
        assert.deepEqual(await near(store, 300, 89.9999), ['Sky3'])
      }
      await Promise.all([one.merge([at('Sky1', 5, 200, -30)]), two.merge([at('Sky1', 4, 200, -31)])])
      assert.deepEqual(await near(two, 0, 45), ['Sky2'])
      assert.deepEqual([await near(two, 200, -30), await near(one, 200, -31)], [['Sky1'], []])
      assert.deepEqual(await near(two, 200, -30.5, 3600), ['Sky1'])
      await two.remove(['Sky1'])
      assert.deepEqual(await near(one, 200, -30), [])
      await sleep(20)
      const now = Date.now()
      await one.merge([at('Sky3', 3, 10, 90)])
      await one.prune(now)
      assert.deepEqual([await near(two, 0, 45), await near(two, 0, 90)], [[], ['Sky3']])
      await Promise.all([one.close(), two.close()])
    })

    test('drops objects of which nothing was merged lately, with their cached states', async () => {
      const store = await open()
      const modelSha256 = 'm'.repeat(64)
      await store.merge([add('Old1', 1), add('Old2', 1), add('Again', 1)])
      await store.writeCache(['Old1', 'Again'].map(objectId => ({ objectId, modelSha256, state: Buffer.from([1]) })))
      await sleep(20)
      const before = Date.now()
      await store.merge([add('Again', 1), add('New', 1)])
      const others = (await store.statistics()).objects - 4
      assert.equal(await store.prune(before), 2 + others)
      assert.equal(await store.get('Old1'), null)
      assert.deepEqual(days(await store.get('Again')), [1])
      assert.deepEqual(days(await store.get('New')), [1])
      const kept = await store.readCache(['Old1', 'Again'].map(objectId => ({ objectId, modelSha256 })))
      assert.deepEqual(
        kept.map(state => state !== null),
        [false, true]
      )
      assert.equal(await store.prune(before), 0)
      await store.close()
    })

    test('removes objects with their cached states, and they start again', async () => {
      const store = await open()
      const modelSha256 = 'm'.repeat(64)
      await store.merge([add('Wrong', 1, 2), add('Right', 1)])
      await store.writeCache(['Wrong', 'Right'].map(objectId => ({ objectId, modelSha256, state: Buffer.from([1]) })))
      const { objects } = await store.statistics()
      assert.deepEqual(await store.remove(['Wrong', 'Nobody', 'x'.repeat(5000)]), ['Wrong'])
      assert.equal((await store.statistics()).objects, objects - 1)
      assert.equal(await store.get('Wrong'), null)
      const cached = await store.readCache(['Wrong', 'Right'].map(objectId => ({ objectId, modelSha256 })))
      assert.deepEqual(
        cached.map(state => state !== null),
        [false, true]
      )
      const [state] = await store.merge([add('Wrong', 3)])
      assert.deepEqual(days(state as ObjectState), [3])
      assert.equal(state?.newest?.jd, add('Wrong', 3).alerts[0]?.record.jd)
      assert.deepEqual(days(await store.get('Wrong')), [3])
      assert.deepEqual(await store.remove([]), [])
      await store.close()
    })

    test('changes states one by one, with their cached states, while others are merged', async () => {
      const [store, other] = [await open(), await open()]
      const modelSha256 = 'm'.repeat(64)
      const ids = ['Edit1', 'Edit2', 'Edit3']
      const cachedOf = async () =>
        (await store.readCache(ids.map(objectId => ({ objectId, modelSha256 })))).map(state => state !== null)
      await store.merge(ids.map(id => ({ ...add(id, 1, 2), mergedAt: 1000 })))
      await store.writeCache(ids.map(objectId => ({ objectId, modelSha256, state: Buffer.from([1]) })))
      const { objects } = await store.statistics()
      const without = { newest: null, newestAdmitted: null, newestVersions: [], admittedVersions: [] }
      const edit = (state: ObjectState): ObjectState | null =>
        state.objectId === 'Edit1' ? state : state.objectId === 'Edit2' ? { ...state, ...without } : null
      await store.edit([...ids, 'Nobody'], edit)
      const [same, changed, removed] = await Promise.all(ids.map(id => other.get(id)))
      assert.equal(same?.newest?.candid, 2n)
      assert.deepEqual([days(changed), changed?.newest], [[1, 2], null])
      assert.equal(removed, null)
      assert.deepEqual(await cachedOf(), [true, false, false])
      const listed = async (ids: AsyncIterable<string> | Promise<string[]>): Promise<string[]> => {
        const found: string[] = []
        for await (const id of await ids) if (id.startsWith('Edit')) found.push(id)
        return found
      }
      const at = cellOf({ ra: 10, dec: -5 })
      assert.deepEqual(await listed(store.objectIds()), ['Edit1', 'Edit2'])
      assert.deepEqual(await listed(store.idsIn([[at, at]])), ['Edit1'])
      assert.deepEqual(await listed(store.idsIn([[nowhere, nowhere]])), ['Edit2'])
      assert.equal((await store.statistics()).objects, objects - 1)
      for await (const object of store.records())
        if (object.objectId === 'Edit2' && 'record' in object) assert.equal(mergedAt(object.record), 1000)
      // Whatever comes first, no merge is lost and nothing that was removed comes back.
      const merges = Array.from({ length: 30 }, (_, day) => other.merge([add('Edit2', 10 + day)]))
      const edits = merges.map(() => store.edit(['Edit2'], state => ({ ...state, routes: [] })))
      await Promise.all([...merges, ...edits])
      assert.deepEqual(days(await store.get('Edit2')), [1, 2, ...merges.map((_, day) => 10 + day)])
      await store.edit(ids, () => null)
      assert.equal(await store.get('Edit1'), null)
      await Promise.all([store.close(), other.close()])
    })

    test('ends in the same bytes for any order, duplication and split, over two handles at once', async () => {
      const [one, two] = await Promise.all([open(), open()])
      let run = 0
      await fc.assert(
        fc.asyncProperty(
          additions.chain(list =>
            fc.tuple(fc.constant(list), fc.shuffledSubarray([...list, ...list], { minLength: 2 * list.length }))
          ),
          async ([list, order]) => {
            const prefix = `P${run++}-`
            const named = (addition: Addition) => ({ ...addition, objectId: prefix + addition.objectId })
            const calm = await openStore('memory:', { programs: [1] })
            for (const addition of list) await calm.merge([named(addition)])
            await Promise.all(order.map((addition, index) => (index % 2 ? one : two).merge([named(addition)])))
            assert.deepEqual(
              [...(await records(one, prefix))].sort(),
              [...(await records(calm))].sort(),
              'records of the store and of one merged in order'
            )
            for (const [objectId, record] of await records(calm)) {
              const state = (await two.get(objectId)) as ObjectState
              assert.equal(encodeRecord(state, 0).toString('hex'), record)
            }
          }
        ),
        { numRuns: 25 }
      )
      await Promise.all([one.close(), two.close()])
    })

    test('keeps the time of a merge that another store made, and the later of two', async () => {
      const store = await open()
      const merged = async (): Promise<number> => {
        for await (const object of store.records())
          if (object.objectId === 'Moved' && 'record' in object) return mergedAt(object.record)
        return Number.NaN
      }
      await store.merge([{ ...add('Moved', 1), mergedAt: 1000 }])
      assert.equal(await merged(), 1000)
      await store.merge([{ ...add('Moved', 2), mergedAt: 900 }])
      assert.equal(await merged(), 1000)
      await store.merge([{ ...add('Moved', 3), mergedAt: 1100 }])
      assert.equal(await merged(), 1100)
      assert.equal(await store.prune(1100), 0)
      assert.equal(await store.prune(1101), 1)
      await store.close()
    })

    test('keeps cached states by object and model', async () => {
      const store = await open()
      await store.writeCache([{ objectId: 'A', modelSha256: 'm'.repeat(64), state: Buffer.from([1, 2, 3]) }])
      const [hit, otherModel, otherObject] = await store.readCache([
        { objectId: 'A', modelSha256: 'm'.repeat(64) },
        { objectId: 'A', modelSha256: 'n'.repeat(64) },
        { objectId: 'B', modelSha256: 'm'.repeat(64) }
      ])
      assert.deepEqual([...(hit as Uint8Array)], [1, 2, 3])
      assert.equal(otherModel, null)
      assert.equal(otherObject, null)
      await store.close()
    })
  })
}

/** What the journal of a store that outlives the process must do. `open` opens the same store again each time. */
export function testJournal(name: string, open: () => Promise<OpenStore>, skip: string | false = false): void {
  test(`the journal of the ${name} store keeps the last note of every partition, for whoever opens the store next`, {
    skip
  }, async () => {
    const first = await open()
    await first.journal.ready()
    assert.equal(await first.journal.read('hierax/nights/0'), null)
    await first.journal.write('hierax/nights/0', 'a long note that is replaced')
    await first.journal.write('hierax/nights/0', 'short')
    await first.journal.write('hierax/nights/1', 'another')
    const second = await open()
    assert.equal(await second.journal.read('hierax/nights/0'), 'short')
    assert.equal(await second.journal.read('hierax/nights/1'), 'another')
    await Promise.all([first.close(), second.close()])
  })
}
