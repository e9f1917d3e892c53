import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Addition } from '../../../src/lightcurves/store.ts'
import { Disk } from '../../../src/lightcurves/stores/disk.ts'
import { LmdbStore } from '../../../src/lightcurves/stores/lmdb.ts'
import { lacksSmallDisk, smallDisk } from '../../support/small-disk.ts'
import { until } from '../../support/until.ts'
import { detectionAt } from '../observations.ts'

const additions = (name: string): Addition[] =>
  Array.from({ length: 50 }, (_, index) => ({
    objectId: `${name}${index}`,
    observations: Array.from({ length: 100 }, (_, day) => detectionAt(2459000.5 + day)),
    alerts: []
  }))

describe('the embedded store on a full disk', { skip: lacksSmallDisk() }, () => {
  test('rejects writes with the reason, does not end the process, and goes on when there is room', async () => {
    const disk = smallDisk(8)
    try {
      const store = await LmdbStore.open({ folder: path.join(disk.folder, 'store'), programs: [1] })
      await store.merge(additions('A'))
      disk.fill()
      for (let attempt = 0; attempt < 3; attempt++) {
        const merges = ['B', 'C'].map(name =>
          assert.rejects(store.merge(additions(name)), { code: 'STORE_FAILED', message: /No space left/ })
        )
        const modelSha256 = 'm'.repeat(64)
        const states = ['A1', 'A2'].map(objectId => ({ objectId, modelSha256, state: Buffer.alloc(500_000) }))
        await Promise.all([...merges, assert.rejects(store.writeCache(states), { code: 'STORE_FAILED' })])
      }
      assert.equal((await store.get('A7'))?.curve.length, 100, 'what was written before can be read')
      assert.equal(await store.get('B7'), null)
      disk.free()
      const [state] = await store.merge(additions('B'))
      assert.equal(state?.curve.length, 100)
      await store.close()
    } finally {
      disk.close()
    }
  })

  test('a write that was done is answered, though the one after it fails, and no stack is printed', async t => {
    const disk = smallDisk(64)
    const printed: string[] = []
    t.mock.method(process.stderr, 'write', (text: unknown) => printed.push(String(text)) > 0)
    try {
      const store = await LmdbStore.open({ folder: path.join(disk.folder, 'store'), programs: [1], patience: 20_000 })
      const modelSha256 = 'm'.repeat(64)
      const reasons: string[] = []
      let [ending, number, answered] = [false, 0, 0]
      const write = async (work: Promise<unknown>): Promise<void> => {
        await work.then(
          () => answered++,
          (error: Error) => reasons.push(error.message)
        )
      }
      const lane = async (name: string): Promise<void> => {
        while (!ending) {
          // Side by side: each write is followed by another before it is on the disk.
          const states = [{ objectId: `${name}${number}`, modelSha256, state: Buffer.alloc(20_000) }]
          await Promise.all([
            write(store.merge(additions(`${name}${number++ % 20}`).slice(0, 2))),
            write(store.writeCache(states))
          ])
        }
      }
      const lanes = ['A', 'B', 'C'].map(lane)
      for (let round = 0; round < 12; round++) {
        disk.fill()
        await sleep(60 + 10 * round)
        disk.free()
        await sleep(30)
      }
      await until(() => answered > 0)
      disk.fill()
      await until(() => reasons.some(reason => /No space left/.test(reason)))
      disk.free()
      ending = true
      await Promise.all(lanes)
      assert.deepEqual(
        reasons.filter(reason => /no answer/.test(reason)),
        []
      )
      await store.merge(additions('D'))
      await store.close()
      assert.deepEqual(printed, [])
    } finally {
      disk.close()
    }
  })

  test('a disk that refused a write is tried with a file before the next one', () => {
    const disk = smallDisk(8)
    const mode = (how: string): void => void execFileSync('mount', ['-o', `remount,${how}`, disk.folder])
    const refusal = Object.assign(new Error('Read-only file system'), { code: os.constants.errno.EROFS })
    try {
      const tried = new Disk(disk.folder)
      mode('ro')
      tried.check()
      tried.failed(new Error('not of the disk'))
      tried.check()
      tried.failed(refusal)
      for (let attempt = 0; attempt < 2; attempt++) assert.throws(() => tried.check(), { code: 'EROFS' })
      mode('rw')
      tried.check()
      assert.deepEqual(fs.readdirSync(disk.folder), [])
    } finally {
      disk.close()
    }
  })

  test('a store whose last write failed can be closed', async () => {
    const disk = smallDisk(8)
    try {
      const store = await LmdbStore.open({ folder: path.join(disk.folder, 'store'), programs: [1] })
      await store.merge(additions('A'))
      disk.fill()
      await assert.rejects(store.merge(additions('B')), { code: 'STORE_FAILED' })
      await store.close()
    } finally {
      disk.close()
    }
  })

  test('a new store says that there is no room', async () => {
    const disk = smallDisk(8)
    try {
      disk.fill()
      const opening = LmdbStore.open({ folder: path.join(disk.folder, 'store'), programs: [1] })
      await assert.rejects(opening, { code: 'STORE_FAILED', message: /no room: \d+ bytes are free/ })
    } finally {
      disk.close()
    }
  })
})
