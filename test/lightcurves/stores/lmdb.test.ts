import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LmdbStore } from '../../../src/lightcurves/stores/lmdb.ts'
import { canBeWritten } from '../../../src/lightcurves/stores/lmdb-files.ts'
import { fromSource } from '../../support/from-source.ts'
import { runHierax } from '../../support/service.ts'
import { until } from '../../support/until.ts'
import { detectionAt } from '../observations.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-lmdb-'))
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Merges without end into a few objects, and says what was acknowledged. */
const writer = `
  const { LmdbStore } = await import(${JSON.stringify(new URL('../../../src/lightcurves/stores/lmdb.ts', import.meta.url).href)})
  const { detectionAt } = await import(${JSON.stringify(new URL('../observations.ts', import.meta.url).href)})
  const store = await LmdbStore.open({ folder: process.argv[1], programs: [1] })
  for (let day = Number(process.argv[2]); ; day++) {
    const observations = [detectionAt(2459000.5 + day)]
    await store.merge(['A', 'B', 'C', 'N' + day].map(objectId => ({ objectId, observations, alerts: [] })))
    console.log(day)
  }`

/** Stops itself in the middle of a write, and ends when it is woken. */
const stopper = `
  const { LmdbStore } = await import(${JSON.stringify(new URL('../../../src/lightcurves/stores/lmdb.ts', import.meta.url).href)})
  const { LmdbWrites } = await import(${JSON.stringify(new URL('../../../src/lightcurves/stores/lmdb-writes.ts', import.meta.url).href)})
  const { detectionAt } = await import(${JSON.stringify(new URL('../observations.ts', import.meta.url).href)})
  const store = await LmdbStore.open({ folder: process.argv[1], programs: [1] })
  const { begin } = LmdbWrites.prototype
  LmdbWrites.prototype.begin = function (work) {
    return begin.call(this, () => {
      const result = work()
      process.kill(process.pid, 'SIGSTOP')
      return result
    })
  }
  await store.merge([{ objectId: String(process.pid), observations: [detectionAt(2459000.5)], alerts: [] }])
  console.log('written')`

describe('the embedded store', () => {
  test('opens after kill −9 in the middle of a write, with all that it had acknowledged', async () => {
    const options = { folder: path.join(folder, 'killed'), programs: [1] }
    let last = -1
    for (let kills = 0; kills < 5; kills++) {
      const args = [...fromSource, '--input-type=module', '-e', writer, options.folder, String(last + 1)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let seen = 0
      for await (const line of createInterface({ input: child.stdout })) {
        last = Number(line)
        if (++seen === 10 + 7 * kills) child.kill('SIGKILL')
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      const store = await LmdbStore.open(options)
      const present = new Set<number>()
      const state = await store.get('A')
      for (let at = 0; at < (state?.curve.length ?? 0); at++) present.add((state?.curve.jd(at) ?? 0) - 2459000.5)
      for (let day = 0; day <= last; day++) assert.ok(present.has(day), `day ${day} after kill ${kills}`)
      for await (const object of store.records()) assert.ok('record' in object, object.objectId)
      // What is done in one step is there whole or not at all.
      assert.equal((await store.get('B'))?.curve.length, state?.curve.length)
      await store.close()
    }
  })

  test('a process that stops in the middle of a write is waited for within bounds, and its end frees the store', {
    skip: process.platform !== 'linux' && 'asks Linux whether a process is stopped'
  }, async t => {
    const options = { folder: path.join(folder, 'stopped'), programs: [1], patience: 5000 }
    const add = { objectId: 'A', observations: [detectionAt(2459000.5)], alerts: [] }
    const store = await LmdbStore.open(options)
    await store.merge([add])
    for (const signal of ['SIGCONT', 'SIGKILL'] as const) {
      const child = spawn(process.execPath, [...fromSource, '--input-type=module', '-e', stopper, options.folder])
      // A stopped process would keep a test that fails from ever ending.
      t.after(() => child.kill('SIGKILL'))
      await until(() => /^\d+ \(.*\) T/.test(fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8')))
      const state = await store.get('A')
      assert.equal(state?.curve.length, 1, 'what is there can be read')
      await assert.rejects(store.merge([add]), { code: 'STORE_FAILED', message: /no answer for/ })
      assert.equal(store.trouble(), 'writes have no answer')
      assert.equal(store.lost(), false)
      let free: boolean | null = null
      void canBeWritten(options.folder).then(answer => {
        free = answer
      })
      await sleep(2000)
      assert.equal(free, null, 'a new process waits too')
      child.kill(signal)
      await until(() => free !== null)
      assert.equal(free, true)
      await until(async () => (await store.merge([add]).catch(() => null)) !== null)
      assert.equal(store.trouble(), null)
      if (signal === 'SIGCONT') await until(async () => (await store.get(String(child.pid))) !== null, 10_000)
      else assert.equal(await store.get(String(child.pid)), null, 'half a write is none')
      child.kill('SIGKILL')
    }
    await store.close()
  })

  test('old objects go while others are merged, and none that is merged meanwhile is lost', async () => {
    const store = await LmdbStore.open({ folder: path.join(folder, 'online'), programs: [1] })
    const add = (objectId: string, day: number, mergedAt?: number) => ({
      objectId,
      observations: [detectionAt(2459000.5 + day)],
      alerts: [],
      ...(mergedAt === undefined ? {} : { mergedAt })
    })
    await store.merge(Array.from({ length: 2000 }, (_, index) => add(`O${index}`, 0, 1000)))
    const before = Date.now()
    const merging = (async () => {
      for (let index = 0; index < 2000; index += 10) await store.merge([add(`O${index}`, 1), add(`New${index}`, 1)])
    })()
    let pruned = 0
    for (let looks = 0; looks < 5; looks++) pruned += await store.prune(before)
    await merging
    pruned += await store.prune(before)
    for (let index = 0; index < 2000; index += 10) {
      const curve = (await store.get(`O${index}`))?.curve
      assert.equal(curve?.jd((curve?.length ?? 0) - 1), 2459001.5, `O${index}`)
    }
    assert.equal((await store.statistics()).objects, 400)
    assert.ok(pruned >= 1800)
    await store.close()
  })

  test('a file that is none of LMDB, or was cut off, is refused instead of ending the process', async () => {
    const options = { folder: path.join(folder, 'cut'), programs: [1] }
    const store = await LmdbStore.open(options)
    await store.merge(
      Array.from({ length: 500 }, (_, index) => ({ objectId: `${index}`, observations: [], alerts: [] }))
    )
    await store.close()
    const data = path.join(options.folder, 'data.mdb')
    const bytes = fs.readFileSync(data)
    fs.writeFileSync(data, bytes.subarray(0, bytes.length / 4))
    await assert.rejects(LmdbStore.open(options), { code: 'STORE_REFUSED', message: /data\.mdb is damaged: it has/ })
    fs.writeFileSync(data, Buffer.alloc(bytes.length, 'rubbish'))
    await assert.rejects(LmdbStore.open(options), { code: 'STORE_REFUSED', message: /does not begin like/ })
    fs.writeFileSync(data, '')
    await assert.rejects(LmdbStore.open({ ...options, readOnly: true }), { code: 'INPUT_NOT_FOUND' })
    fs.writeFileSync(data, bytes)
    await (await LmdbStore.open(options)).close()
  })

  test('a file that lacks any page that is in use is refused, and one that lacks free pages is not', async () => {
    const options = { folder: path.join(folder, 'short'), programs: [1] }
    const observations = Array.from({ length: 200 }, (_, day) => detectionAt(2459000.5 + day))
    const ids = Array.from({ length: 30 }, (_, index) => `Z${index}`)
    const store = await LmdbStore.open(options)
    await store.merge(ids.map(objectId => ({ objectId, observations, alerts: [] })))
    const data = path.join(options.folder, 'data.mdb')
    const full = fs.readFileSync(data)
    await store.remove(ids.slice(3))
    await store.close()
    let emptied = fs.readFileSync(data)
    const page = 4096
    const openCut = async (bytes: Buffer, length: number) => {
      fs.writeFileSync(data, bytes.subarray(0, length))
      return LmdbStore.open(options).catch(({ code, message }) => {
        assert.deepEqual([code, /it has \d+ bytes of \d+/.test(message)], ['STORE_REFUSED', true], message)
        return null
      })
    }
    // More than half of the pages are in use. Which of the others are free depends on how the merge was divided into transactions.
    for (let pages = 2; pages < full.length / page; pages += 3) {
      const cut = await openCut(full, pages * page + 100)
      if (cut === null) continue
      assert.ok(pages > full.length / page / 2, `${pages} pages`)
      for (const id of ids) assert.equal((await cut.get(id))?.curve.length, 200, id)
      await cut.close()
    }
    // Most pages are free now. Whether the last one is depends on LMDB's choice, and changes with every write.
    let points = 200
    let short = await openCut(emptied, emptied.length - page)
    while (short === null && points < 250) {
      const whole = await openCut(emptied, emptied.length)
      await whole?.merge([{ objectId: 'Z0', observations: [detectionAt(2459500.5 + points++)], alerts: [] }])
      await whole?.close()
      emptied = fs.readFileSync(data)
      short = await openCut(emptied, emptied.length - page)
    }
    assert.ok(short, 'the last page was always in use')
    assert.equal((await short.get('Z0'))?.curve.length, points)
    await short.merge([{ objectId: 'Z1', observations: [detectionAt(2459900.5)], alerts: [] }])
    assert.equal((await short.get('Z1'))?.curve.length, 201)
    await short.close()
    fs.writeFileSync(data, '')
    await assert.rejects(LmdbStore.open(options), {
      code: 'STORE_REFUSED',
      message: /data\.mdb is damaged: it is empty/
    })
  })

  test('damaged pages are an error that says what to do', async () => {
    const options = { folder: path.join(folder, 'pages'), programs: [1] }
    const store = await LmdbStore.open(options)
    const observations = Array.from({ length: 30 }, (_, day) => detectionAt(2459000.5 + day))
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 200 }, (_, index) => `Z${round}_${index}`)
      await store.merge(ids.map(objectId => ({ objectId, observations, alerts: [] })))
    }
    await store.close()
    const file = fs.openSync(path.join(options.folder, 'data.mdb'), 'r+')
    fs.writeSync(file, Buffer.alloc(100 * 4096, 'rubbish'), 0, 100 * 4096, 20 * 4096)
    fs.closeSync(file)
    const { code, stdout, stderr } = await runHierax(['store', 'verify', '--store', `lmdb:${options.folder}`])
    assert.equal(code, 1, stderr)
    // Which tree the damaged pages belong to depends on how the merges were committed: reading them ends the process, or finds fewer objects.
    assert.match(`${stdout}\n${stderr}`, /STORE_CORRUPT: .*damaged|corrupt: \d+ objects of the index can't be read/)
  })

  test('a cache that can not be read is as none: it costs time, no answer', async () => {
    const store = await LmdbStore.open({ folder: path.join(folder, 'cache'), programs: [1] })
    const key = { objectId: 'A', modelSha256: 'ab'.repeat(32) }
    await store.writeCache([{ ...key, state: new Uint8Array([1, 2, 3]) }])
    assert.deepEqual([...((await store.readCache([key]))[0] ?? [])], [1, 2, 3])
    const { cache } = store as unknown as { cache: { getBinary(key: Buffer): Buffer } }
    cache.getBinary = () => {
      throw new Error('MDB_CORRUPTED: Located page was wrong type')
    }
    assert.deepEqual(await store.readCache([key]), [null])
    await store.close()
  })
})
