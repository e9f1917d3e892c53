import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import type { HieraxError } from '../../../src/errors.ts'
import { decodeRecord, encodeRecord, mergedAt } from '../../../src/lightcurves/object-record.ts'
import type { Addition, ObjectState, Store } from '../../../src/lightcurves/store.ts'
import { LmdbStore } from '../../../src/lightcurves/stores/lmdb.ts'
import { openStore } from '../../../src/lightcurves/stores/open.ts'
import { valkey } from '../../support/valkey.ts'
import { additions, detectionAt } from '../observations.ts'

const server = await valkey()
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-store-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const add = (objectId: string, ...days: number[]): Addition => ({
  objectId,
  observations: days.map(day => detectionAt(2459000.5 + day)),
  alerts: days.map(day => ({
    record: { candid: BigInt(day), jd: 2459000.5 + day, ra: 10, dec: -5, programId: 1, photometry: null },
    admitted: day % 2 === 0
  }))
})

const days = (state: ObjectState | null | undefined): number[] =>
  Array.from({ length: state?.curve.length ?? 0 }, (_, index) => (state as ObjectState).curve.jd(index) - 2459000.5)

const memory = await openStore('memory:', { programs: [1] })
memory.close = async () => {}
const kinds: [string, string | false, () => Promise<Store>][] = [
  ['memory', false, async () => memory],
  ['lmdb', false, () => openStore(`lmdb:${path.join(folder, 'common')}`, { programs: [1] })],
  ['valkey', server.skip, () => openStore(`${server.url}/0`, { programs: [1] })]
]

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

for (const [name, skip, open] of kinds) {
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

describe('the embedded store on disk', () => {
  test('is there again after closing', async () => {
    const options = { folder: path.join(folder, 'again'), programs: [1] }
    const first = await LmdbStore.open(options)
    await first.merge([add('A', 1)])
    await first.close()
    const second = await LmdbStore.open(options)
    assert.deepEqual(days((await second.merge([add('A', 2)]))[0]), [1, 2])
    await second.close()
  })

  test('loses no point when two handles merge into one object at once', async () => {
    const options = { folder: path.join(folder, 'two'), programs: [1] }
    const [one, two] = await Promise.all([LmdbStore.open(options), LmdbStore.open(options)])
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => (index % 2 ? one : two).merge([add('A', index), add(`B${index}`, 1)]))
    )
    assert.equal((await one.get('A'))?.curve.length, 100)
    await one.close()
    await two.close()
  })

  test('reports a corrupt record and rebuilds it from what comes', async () => {
    const options = { folder: path.join(folder, 'corrupt'), programs: [1] }
    const store = await LmdbStore.open(options)
    await store.merge([add('A', 1)])
    await store.close()
    const data = path.join(options.folder, 'data.mdb')
    const bytes = fs.readFileSync(data)
    const needle = Buffer.alloc(8)
    needle.writeDoubleLE(2459001.5)
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1))
      bytes[at] = (bytes[at] as number) ^ 1
    fs.writeFileSync(data, bytes)
    const errors: HieraxError[] = []
    const again = await LmdbStore.open({ ...options, onCorrupt: error => errors.push(error) })
    await assert.rejects(again.get('A'), { code: 'STORE_CORRUPT' })
    assert.deepEqual(days((await again.merge([add('A', 1, 2)]))[0]), [1, 2])
    assert.equal(errors.length, 1)
    assert.match(errors[0]?.message ?? '', /"A".*checksum/)
    await again.close()
  })

  test('refuses to show points of a programme that is no longer admitted', async () => {
    const options = { folder: path.join(folder, 'programs'), programs: [1, 2] }
    await (await LmdbStore.open(options)).close()
    await assert.rejects(LmdbStore.open({ ...options, programs: [1] }), {
      code: 'STORE_REFUSED',
      message: /programme 2/
    })
    await (await LmdbStore.open({ ...options, programs: [1, 2, 3] })).close()
  })

  test('names what is wrong with its URL or folder', async () => {
    await assert.rejects(openStore('lmdb:', { programs: [1] }), { code: 'CONFIG_INVALID', message: /"lmdb:"/ })
    await assert.rejects(openStore('mongo://x', { programs: [1] }), { code: 'CONFIG_INVALID' })
    const file = path.join(folder, 'file')
    fs.writeFileSync(file, '')
    await assert.rejects(openStore(`lmdb:${file}`, { programs: [1] }), { code: 'STORE_FAILED' })
    await assert.rejects(openStore(`lmdb:${folder}/none`, { programs: [1], readOnly: true }), {
      code: 'INPUT_NOT_FOUND'
    })
  })
})
