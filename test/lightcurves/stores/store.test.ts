import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { open as lmdb } from 'lmdb'
import type { HieraxError } from '../../../src/errors.ts'
import { cellsAround } from '../../../src/lightcurves/sky.ts'
import { LmdbStore } from '../../../src/lightcurves/stores/lmdb.ts'
import { openStore } from '../../../src/lightcurves/stores/open.ts'
import { valkey } from '../../support/valkey.ts'
import { add, days, testJournal, testStore } from './contract.ts'

const server = await valkey()
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-store-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

const memory = await openStore('memory:', { programs: [1] })
memory.close = async () => {}
testStore('memory', async () => memory)

const openLmdb = () => openStore(`lmdb:${path.join(folder, 'common')}`, { programs: [1] })
testStore('lmdb', openLmdb)
testJournal('lmdb', openLmdb)

const openValkey = () => openStore(`${server.url}/0`, { programs: [1] })
testStore('valkey', openValkey, server.skip)
testJournal('valkey', openValkey, server.skip)

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

  test('finds objects by position that an older release has written, and opens its stores without changing them', async () => {
    const options = { folder: path.join(folder, 'unplaced'), programs: [1] }
    const ids = Array.from({ length: 1200 }, (_, index) => `Old${index}`)
    const cells = cellsAround({ ra: 10, dec: -5, radius: 1 })
    const store = await LmdbStore.open(options)
    await store.merge(ids.map(id => add(id, 1)))
    await store.close()
    const raw = lmdb({ path: options.folder, maxDbs: 8, noSubdir: false })
    raw.openDB({ name: 'sky', encoding: 'binary', keyEncoding: 'binary' }).dropSync()
    raw.removeSync('sky complete')
    await raw.close()
    const reader = await LmdbStore.open({ ...options, readOnly: true })
    assert.deepEqual(days(await reader.get('Old7')), [1])
    await reader.close()
    const again = await LmdbStore.open(options)
    const [found] = await Promise.all([again.idsIn(cells), again.merge([add('Old7', 2), add('New', 1)])])
    for (const id of ids) assert.ok(found.includes(id), id)
    assert.deepEqual((await again.idsIn(cells)).sort(), [...ids, 'New'].sort())
    await again.remove(ids)
    assert.deepEqual(await again.idsIn(cells), ['New'])
    await again.close()
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
    const narrow = await LmdbStore.open({ ...options, programs: [1] })
    assert.deepEqual(narrow.programs, [1], 'an empty store holds points of no programme')
    await narrow.close()
    const wide = await LmdbStore.open(options)
    await wide.merge([add('A', 1)])
    await wide.close()
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
