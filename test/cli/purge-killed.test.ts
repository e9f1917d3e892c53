import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import type { Addition, OpenStore } from '../../src/lightcurves/store.ts'
import { openStore } from '../../src/lightcurves/stores/open.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { runHierax, startHierax, temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'
import { valkey } from '../support/valkey.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const server = await valkey(true)

/** Objects: more than the command can purge before it is killed. */
const count = 3000

const programOf = (index: number, day: number) => ((index + day) % 3 === 0 ? 2 : 1)

/** An object with points of programme 1 on some days, and of programme 2 on others. */
function objectOf(index: number): Addition {
  const days = [1, 2, 3, 4].map(day => ({ day, program: programOf(index, day) }))
  return {
    objectId: `Z${index}`,
    observations: days.map(({ day, program }) => detectionAt(2459000.5 + day, { program })),
    alerts: days.map(({ day, program }) => ({
      record: { candid: BigInt(day), jd: 2459000.5 + day, ra: 10, dec: -5, programId: program, photometry: null },
      admitted: true
    }))
  }
}

const held = (days: ReadonlyMap<string, number[]>) => [...days.values()].reduce((sum, { length }) => sum + length, 0)

/** Days of the points that are of a programme, by object, of every `step`th object. */
async function pointsOf(store: OpenStore, program: number, step = 1): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>()
  for (let index = 0; index < count; index += step) {
    const state = await store.get(`Z${index}`)
    const points = Array.from({ length: state?.curve.length ?? 0 }, (_, at) => state!.curve.at(at))
    const days = points.filter(point => point.program === program).map(({ jd }) => jd - 2459000.5)
    found.set(`Z${index}`, days)
  }
  return found
}

describe('hierax store purge that is killed', { skip: server.skip }, () => {
  for (const url of [`lmdb:${path.join(folder, 'store')}`, `${server.url}/0`])
    test(`leaves nothing of a programme and loses nothing else when it is run again: ${url.split(':')[0]}`, async t => {
      const read = async <T>(work: (store: OpenStore) => Promise<T>): Promise<T> => {
        const store = await openStore(url, { programs: [1, 2], readOnly: true, anyPrograms: true })
        return await work(store).finally(() => store.close())
      }
      const points = (program: number) => read(store => pointsOf(store, program))
      const args = ['store', 'purge', '--programs', '2', '--store', url]
      const settings = { HIERAX_INPUT_PROGRAMS: '1' }

      /** Fills the store and kills a purge that has begun to remove points. Resolves with the number that it left. */
      const killed = async (): Promise<number> => {
        const store = await openStore(url, { programs: [1, 2] })
        for (let from = 0; from < count; from += 500)
          await store.merge(Array.from({ length: 500 }, (_, index) => objectOf(from + index)))
        await store.close()
        const child = startHierax(args, settings)
        t.after(() => child.kill('SIGKILL'))
        const closed = once(child, 'close')
        await read(async store => {
          const full = held(await pointsOf(store, 2, 50))
          const hasEnded = () => child.exitCode !== null
          await until(async () => hasEnded() || held(await pointsOf(store, 2, 50)) < full)
        })
        child.kill('SIGKILL')
        await closed
        return held(await points(2))
      }
      let left = await killed()
      // On a busy machine it may have removed everything before it was killed.
      for (let tries = 1; left === 0 && tries < 5; tries++) left = await killed()
      assert.ok(left > 0, 'it was killed before it ended')
      const rest = new Map(
        Array.from({ length: count }, (_, index) => {
          const days = [1, 2, 3, 4].filter(day => programOf(index, day) === 1)
          return [`Z${index}`, days]
        })
      )
      assert.deepEqual(await points(1), rest)

      const again = await runHierax(args, { settings })
      assert.equal(again.code, 0, again.stderr)
      assert.match(again.stdout, /programmes of the store: 1\n/)
      assert.equal(held(await points(2)), 0)
      assert.deepEqual(await points(1), rest)
      // The store is open to a service that does not admit the programme.
      await (await openStore(url, { programs: [1] })).close()
    })
})
