import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafka } from '../support/brokers.ts'
import { runHierax, total } from '../support/service.ts'
import { lacksSmallDisk, smallDisk } from '../support/small-disk.ts'
import { joined, Trial } from './trial/trial.ts'

const running = await kafka()

describe('a full disk', { skip: running.skip || lacksSmallDisk() }, () => {
  test('consumption pauses, readiness gives the reason, and nothing is lost, also with a kill while it is full', {
    timeout: 1_800_000
  }, async t => {
    const disk = smallDisk(48)
    const trial = await Trial.create({ input: running, parts: 3, folder: disk.folder })
    t.diagnostic(`seed ${trial.random.seed}`)
    try {
      let member = await trial.member()
      await joined(member)
      await trial.load.next()
      await sleep(trial.random.next() * 1000)
      const writesFail = () =>
        member.until('readiness to report that writes fail', async () => {
          const { status, text } = await member.get('/health/ready')
          return status === 503 && JSON.parse(text).parts.store.reason === 'writes fail: no space left'
        })
      for (const killed of [false, true]) {
        disk.fill()
        await trial.load.next()
        await writesFail()
        assert.equal((await member.get('/health/live')).status, 200, 'it is alive while it waits')
        const { committed, sent } = await trial.progress()
        assert.ok(committed < sent, `${committed} of ${sent} are committed`)
        if (killed) {
          await member.end('SIGKILL')
          member = await trial.member()
          await joined(member)
          await writesFail()
          // Longer than a session: without heartbeats the member would have to join its group again.
        } else await sleep(12_000)
        const reports = () => member.log.split('\n').filter(line => line.includes('no space left'))
        await member.until('the log to report it', () => reports().length > 0)
        const lines = reports()
        assert.equal(lines.length, 1, 'one line by each process while it is full')
        assert.match(lines.at(-1) ?? '', /"level":"error".*"store":"\/.*"freeBytes":\d/)
        disk.free()
        await member.until('readiness', async () => (await member.get('/health/ready')).status === 200)
        await trial.finished()
        assert.equal(total(await member.metrics(), 'hierax_rebalances_total'), 1, 'the member stays in its group')
      }
      assert.equal(await member.end(), 0)
      assert.doesNotMatch(member.log, /^ +at .*lmdb/m, 'no stack of the library')
      t.diagnostic(JSON.stringify({ timesFull: 2, ...(await trial.judge()) }))
    } finally {
      trial.close()
      disk.close()
    }
  })

  test('a service that starts on it reports the error and exits', async () => {
    const disk = smallDisk(8)
    try {
      disk.fill()
      const settings = {
        HIERAX_STORE_URL: `lmdb:${disk.folder}/store`,
        HIERAX_INPUT_BROKERS: running.brokers.join(',')
      }
      const { code, stderr } = await runHierax(['serve'], { settings: { ...settings, HIERAX_HTTP_PORT: '0' } })
      assert.equal(code, 1, stderr)
      assert.match(stderr, /STORE_FAILED/)
    } finally {
      disk.close()
    }
  })
})
