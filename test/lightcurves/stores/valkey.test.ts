import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { Redis } from 'iovalkey'
import type { HieraxError } from '../../../src/errors.ts'
import { cellsAround } from '../../../src/lightcurves/sky.ts'
import type { Addition, OpenStore, StoreOptions } from '../../../src/lightcurves/store.ts'
import { openStore } from '../../../src/lightcurves/stores/open.ts'
import { encodeAddition } from '../../../src/lightcurves/stores/valkey/additions.ts'
import { valkeyAddress } from '../../../src/lightcurves/stores/valkey/connection.ts'
import { ValkeyStore } from '../../../src/lightcurves/stores/valkey/store.ts'
import { freePort } from '../../support/free-port.ts'
import { fromSource } from '../../support/from-source.ts'
import { until } from '../../support/until.ts'
import { valkey } from '../../support/valkey.ts'
import { detectionAt } from '../observations.ts'

const { skip, url, server, client } = await valkey(true)
const replica = await valkey(true, server ? ['--replicaof', '127.0.0.1', String(server.port)] : [])
const locked = await valkey(true, [
  '--requirepass',
  'right',
  '--maxmemory',
  '64mb',
  '--maxmemory-policy',
  'allkeys-lru'
])

const add = (objectId: string, ...days: number[]): Addition => ({
  objectId,
  observations: days.map(day => detectionAt(2459000.5 + day)),
  alerts: days.map(day => ({
    record: { candid: BigInt(day), jd: 2459000.5 + day, ra: 10, dec: -5, programId: 1, photometry: null },
    admitted: true
  }))
})

/** An alert of another place. */
const late = { jd: 2459002.5, ra: 200, dec: 60, programId: 1, photometry: null }

let used = 0
/** Opens a store in a database of its own. */
const fresh = async (options: Partial<StoreOptions> = {}): Promise<[OpenStore, number]> => {
  const db = used++
  return [await openStore(`${url}/${db}`, { programs: [1], ...options }), db]
}

/** Waits until no addition to these objects waits to be taken into their records. */
const takenIn = async (raw: Redis, ...objectIds: string[]): Promise<void> => {
  for (const id of objectIds) await until(async () => (await raw.hexists(`hierax:o:${id}`, 'p')) === 0)
}

describe('the store on a server', { skip }, () => {
  test('finds and lists objects that an older release has added, and whose indexes another application overwrote', async () => {
    const [store, db] = await fresh()
    const raw = client(db)
    const ids = Array.from({ length: 700 }, (_, index) => `Old${index}`)
    const cells = cellsAround({ ra: 10, dec: -5, radius: 1 })
    const listed = async (after?: string): Promise<string[]> => {
      const found: string[] = []
      for await (const id of store.objectIds(after)) found.push(id)
      return found
    }
    await store.merge(ids.map(id => add(id, 5)))
    await store.idsIn(cells)
    for (const damage of ['absent', 'another type']) {
      if (damage === 'absent') {
        await raw.del('hierax:sky', 'hierax:ids', 'hierax:placed')
        for (const id of ids) await raw.hdel(`hierax:o:${id}`, 'n')
      } else {
        await raw.set('hierax:sky', 'mine')
        await raw.set('hierax:ids', 'mine')
      }
      // A late alert elsewhere comes before the object is in the index again.
      await store.merge([{ ...add('Old7', 2), alerts: [{ record: { ...late, candid: 2n }, admitted: true }] }])
      assert.deepEqual(await listed(), [...ids].sort(), damage)
      assert.deepEqual((await store.idsIn(cells)).sort(), [...ids].sort(), damage)
      assert.deepEqual(
        await listed('Old699'),
        [...ids].sort().filter(id => id > 'Old699'),
        damage
      )
    }
    assert.deepEqual(await raw.get('hierax:moved:sky'), 'mine')
    await store.close()
  })

  test('loses nothing of what it has acknowledged when the server is killed under load, and resumes', async () => {
    const [store, db] = await fresh()
    const acknowledged: number[] = []
    let failed = 0
    let ended = false
    const lanes = [0, 1, 2].map(async lane => {
      for (let day = lane; !ended; day += 3) {
        for (let done = false; !done; )
          try {
            await store.merge([add('A', day), add(`Lane${lane}`, day)])
            acknowledged.push(day)
            done = true
          } catch (error) {
            failed++
            assert.equal((error as HieraxError).code, 'STORE_FAILED')
          }
      }
    })
    try {
      for (let kills = 0; kills < 3; kills++) {
        const before = acknowledged.length
        await until(() => acknowledged.length > before + 20)
        await server?.kill()
        await until(() => store.trouble() !== null)
        assert.equal(store.trouble(), 'unreachable')
        if (kills === 0) await until(() => failed > 0)
        await server?.start()
      }
      const before = acknowledged.length
      await until(() => acknowledged.length > before + 20)
    } finally {
      ended = true
    }
    await Promise.all(lanes)
    assert.equal(store.trouble(), null)
    const state = await store.get('A')
    const present = new Set(Array.from({ length: state?.curve.length ?? 0 }, (_, at) => state?.curve.jd(at)))
    for (const day of acknowledged) assert.ok(present.has(2459000.5 + day), `day ${day}`)
    assert.equal((await store.statistics()).objects, 4)
    await store.close()
    assert.equal(await client(db).exists('hierax:o:A'), 1)
  })

  test('two processes that race on one object lose no point', async () => {
    const [store, db] = await fresh()
    const script = `
      const { openStore } = await import(${JSON.stringify(new URL('../../../src/lightcurves/stores/open.ts', import.meta.url).href)})
      const { detectionAt } = await import(${JSON.stringify(new URL('../observations.ts', import.meta.url).href)})
      const store = await openStore(process.argv[1], { programs: [1] })
      const from = Number(process.argv[2])
      for (let day = from; day < from + 200; day++)
        await store.merge([{ objectId: 'Raced', observations: [detectionAt(2459000.5 + day)], alerts: [] }])
      await store.close()`
    const racer = async (from: number): Promise<void> => {
      const args = [...fromSource, '--input-type=module', '-e', script, `${url}/${db}`, String(from)]
      const child = spawn(process.execPath, args, { stdio: 'inherit' })
      assert.deepEqual(await once(child, 'close'), [0, null])
    }
    await Promise.all([racer(0), racer(150)])
    assert.equal((await store.get('Raced'))?.curve.length, 350)
    await store.close()
  })

  test('an addition of which the process died before it was taken in is there all the same', async () => {
    const [store, db] = await fresh()
    const raw = client(db)
    await store.merge([add('Half', 1)])
    await takenIn(raw, 'Half')
    const bytes = [add('Half', 2), add('Half', 3)].map(addition => encodeAddition(addition, 7000))
    await raw.hset('hierax:o:Half', 'p', Buffer.concat(bytes))
    assert.equal((await store.get('Half'))?.curve.length, 3)
    assert.equal((await store.merge([add('Half', 4)]))[0]?.curve.length, 4)
    await takenIn(raw, 'Half')
    assert.equal((await store.get('Half'))?.curve.length, 4)
    await store.close()
  })

  test('what is damaged is reported, and rebuilt from what comes', async () => {
    const errors: HieraxError[] = []
    const [store, db] = await fresh({ onCorrupt: error => errors.push(error) })
    const raw = client(db)
    await store.merge([add('Bad', 1), add('Cut', 1)])
    await takenIn(raw, 'Bad', 'Cut')
    const record = (await raw.hgetBuffer('hierax:o:Bad', 'r')) as Buffer
    record[60] = (record[60] as number) ^ 1
    await raw.hset('hierax:o:Bad', 'r', record)
    await raw.hset('hierax:o:Cut', 'p', encodeAddition(add('Cut', 2), 1).subarray(0, -5))
    for (const id of ['Bad', 'Cut']) await assert.rejects(store.get(id), { code: 'STORE_CORRUPT', message: RegExp(id) })
    const found: string[] = []
    for await (const object of store.records()) if ('error' in object) found.push(object.objectId)
    assert.deepEqual(found.sort(), ['Bad', 'Cut'])
    const [bad, cut] = await store.merge([add('Bad', 3), add('Cut', 3)])
    assert.deepEqual([bad?.curve.length, cut?.curve.length, errors.length], [1, 2, 2])
    await takenIn(raw, 'Bad', 'Cut')
    assert.deepEqual([(await store.get('Bad'))?.curve.length, (await store.get('Cut'))?.curve.length], [1, 2])
    await store.close()
  })

  test('a key that another application has overwritten is named, moved away, and holds up no other object', async () => {
    const errors: HieraxError[] = []
    const [store, db] = await fresh({ onCorrupt: error => errors.push(error) })
    const raw = client(db)
    const ids = ['A', 'B', 'C', 'D']
    const modelSha256 = 'm'.repeat(64)
    await store.merge(ids.map(id => add(id, 1)))
    await takenIn(raw, ...ids)
    await raw.del('hierax:o:A', 'hierax:o:C')
    await raw.rpush('hierax:o:A', 'mine')
    await raw.set('hierax:o:C', 'mine')
    await raw.rpush('hierax:c:B', 'mine')
    await assert.rejects(store.get('A'), { code: 'STORE_CORRUPT', message: /"hierax:o:A" of .* holds a list/ })
    const found: string[] = []
    for await (const object of store.records()) if ('error' in object) found.push(object.error.message)
    assert.equal(found.length, 2, 'the others are read')

    const states = await store.merge(ids.map(id => add(id, 2)))
    assert.deepEqual(
      states.map(({ curve }) => curve.length),
      [1, 2, 1, 2]
    )
    const asked = ids.map(objectId => ({ objectId, modelSha256 }))
    assert.deepEqual(await store.readCache(asked), [null, null, null, null])
    await store.writeCache(asked.map(key => ({ ...key, state: Buffer.from([1]) })))
    assert.ok((await store.readCache(asked)).every(state => state !== null))
    const named = [/"hierax:o:A" .* a list/, /"hierax:o:C" .* a string/, /"hierax:c:B" .* a list/]
    assert.equal(errors.length, named.length)
    for (const [index, pattern] of named.entries()) {
      assert.equal(errors[index]?.code, 'STORE_CORRUPT')
      assert.match(errors[index]?.message ?? '', pattern)
      assert.match(errors[index]?.message ?? '', /moved to "hierax:moved:/)
    }
    assert.deepEqual(await raw.lrange('hierax:moved:o:A', 0, -1), ['mine'], 'nothing of the other application is lost')
    assert.equal(await raw.get('hierax:moved:o:C'), 'mine')
    await takenIn(raw, ...ids)
    assert.equal((await store.merge([add('A', 3)]))[0]?.curve.length, 2)
    assert.equal(errors.length, named.length, 'each is reported once')
    await store.close()
  })

  test('an overwritten index of objects is rebuilt, also by processes that race', async () => {
    const errors: HieraxError[] = []
    const [store, db] = await fresh({ onCorrupt: error => errors.push(error) })
    const rival = await openStore(`${url}/${db}`, { programs: [1], onCorrupt: error => errors.push(error) })
    const raw = client(db)
    const many = Array.from({ length: 1200 }, (_, index) => add(`Z${index}`, 1))
    await store.merge(many)
    await raw.set('hierax:merged', 'mine')
    await assert.rejects(store.statistics(), { code: 'STORE_CORRUPT', message: /"hierax:merged" .* a string/ })
    await assert.rejects(async () => {
      for await (const _ of store.objectIds());
    }, /hierax serve/)
    await Promise.all([store.merge([add('New', 1)]), rival.merge([add('Other', 1), add('Z7', 2)])])
    const listed: string[] = []
    for await (const id of store.objectIds()) listed.push(id)
    assert.equal(new Set(listed).size, many.length + 2)
    assert.equal(errors.length, 1)
    assert.match(errors[0]?.message ?? '', /"hierax:merged" .* a string.*moved to "hierax:moved:merged"/)
    assert.equal(await raw.get('hierax:moved:merged'), 'mine')
    assert.equal(await raw.exists('hierax:merged:new'), 0)
    assert.equal(await store.prune(Date.now() - 60_000), 0, 'what is listed again counts as merged now')
    await store.close()
    await rival.close()
  })

  test('an overwritten note counts as none, and overwritten metadata are refused', async () => {
    const errors: HieraxError[] = []
    const db = used++
    const store = await openStore(`${url}/${db}`, { programs: [1], onCorrupt: error => errors.push(error) })
    const raw = client(db)
    await raw.rpush('hierax:j:group/topic/0', 'mine')
    assert.equal(await store.journal.read('group/topic/0'), null)
    assert.match(errors.map(({ message }) => message).join(), /"hierax:j:group\/topic\/0" .* a list/)
    await store.journal.write('group/topic/0', 'note')
    assert.equal(await store.journal.read('group/topic/0'), 'note')
    await store.close()
    for (const damaged of ['garbage', 'null', '7', '[]', '{"version":3}', '{"version":3,"programs":"1"}', null]) {
      await raw.del('hierax:meta')
      if (damaged === null) await raw.rpush('hierax:meta', 'mine')
      else await raw.set('hierax:meta', damaged)
      const opening = openStore(`${url}/${db}`, { programs: [1], patient: true })
      await assert.rejects(opening, { code: 'STORE_REFUSED', message: /hierax:meta/ }, String(damaged))
    }
  })

  test('a store with points that may not be shown is refused, and one that is not there', async () => {
    const [store, db] = await fresh({ programs: [1, 2] })
    const address = `${url}/${db}`
    const narrow = await openStore(address, { programs: [1] })
    assert.deepEqual(narrow.programs, [1], 'an empty store holds points of no programme')
    await narrow.close()
    await (await openStore(address, { programs: [1, 2] })).close()
    await store.merge([add('A', 1)])
    await store.close()
    await assert.rejects(openStore(address, { programs: [1] }), { code: 'STORE_REFUSED', message: /programme 2/ })
    await (await openStore(address, { programs: [1, 2, 3] })).close()
    await assert.rejects(openStore(`${url}/15`, { programs: [1], readOnly: true }), {
      code: 'INPUT_NOT_FOUND'
    })
  })

  test('a server that has no more room refuses, says why, and takes it again once it has', async () => {
    const [store, db] = await fresh()
    const raw = client(db)
    await raw.config('SET', 'maxmemory', '1')
    await assert.rejects(store.merge([add('A', 1)]), { code: 'STORE_FAILED', message: /out of memory.*OOM/ })
    assert.equal(store.trouble(), 'out of memory')
    await raw.config('SET', 'maxmemory', '0')
    await store.merge([add('A', 1)])
    assert.equal(store.trouble(), null)
    await store.close()
  })

  test('that a full server has room again is noticed without a merge', async () => {
    const db = used++
    const store = await ValkeyStore.open({ address: valkeyAddress(`${url}/${db}`), programs: [1], silence: 600 })
    const raw = client(db)
    await raw.config('SET', 'maxmemory', '1')
    await assert.rejects(store.merge([add('A', 1)]), { code: 'STORE_FAILED', message: /out of memory.*OOM/ })
    assert.equal(store.trouble(), 'out of memory')
    await raw.config('SET', 'maxmemory', '0')
    await until(() => store.trouble() === null)
    await store.close()
  })
})

describe('a server that can not be used', { skip }, () => {
  const refusal = (address: string, options: Partial<StoreOptions> = {}): Promise<HieraxError> =>
    openStore(address, { programs: [1], ...options }).then(
      () => assert.fail(`${address} was opened`),
      error => error as HieraxError
    )

  test('is refused with what is wrong, and no secret', async () => {
    const lockedUrl = (credentials: string): string => locked.url.replace('://', `://${credentials}`)
    const cases: [string, RegExp][] = [
      [lockedUrl(''), /wrong user name or password/],
      [lockedUrl(':guessed@'), /wrong user name or password/],
      [lockedUrl('nobody:guessed@'), /wrong user name or password/],
      [lockedUrl(':right@'), /evicts keys \(maxmemory-policy allkeys-lru\)/],
      [`${url}/99`, /no such database/],
      [replica.url, /read-only replica/]
    ]
    for (const [address, pattern] of cases) {
      const error = await refusal(address, { patient: true })
      assert.equal(error.code, 'STORE_REFUSED', error.message)
      assert.match(error.message, pattern)
      assert.doesNotMatch(`${error.message} ${JSON.stringify(error.cause ?? {})}`, /guessed/)
    }
  })

  test('something else that listens there is recognised', async () => {
    const web = net.createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
    await once(web, 'listening')
    const error = await refusal(`valkey://127.0.0.1:${(web.address() as AddressInfo).port}`)
    assert.deepEqual([error.code, /not a Valkey or Redis server/.test(error.message)], ['STORE_REFUSED', true])
    web.close()
  })

  test('one that is away fails, or is waited for', async () => {
    const away = `valkey://127.0.0.1:${await freePort()}`
    const error = await refusal(away)
    assert.equal(error.code, 'STORE_FAILED')
    assert.match(error.message, /unreachable.*ECONNREFUSED/)
    const patient = await openStore(away, { programs: [1], patient: true })
    assert.equal(patient.trouble(), 'unreachable')
    await assert.rejects(patient.merge([add('A', 1)]), { code: 'STORE_FAILED' })
    await patient.close()
  })

  test('a server without an append-only file is reported', async () => {
    const notices: string[] = []
    const { url } = await valkey(true, ['--appendonly', 'no'])
    await (await openStore(url, { programs: [1], onNotice: notice => notices.push(notice) })).close()
    assert.match(notices.join(), /appendonly no/)
  })
})
