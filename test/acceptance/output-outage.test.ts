import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafka } from '../support/brokers.ts'
import { type ServiceProcess, total } from '../support/service.ts'
import { joined, Trial } from './trial/trial.ts'

/** Duration in the short form; `npm run test:long` runs the long one, with a minute. */
const seconds = Number(process.env.OUTAGE_SECONDS ?? 15)

const input = await kafka()
const output = await kafka({ own: true })

/** Waits until nothing has been committed for 5 s: everything acknowledged before the outage is committed then. */
async function commitsAtRest(trial: Trial): Promise<number> {
  for (let committed = (await trial.progress()).committed, since = performance.now(); ; await sleep(500)) {
    const now = (await trial.progress()).committed
    if (now !== committed) [committed, since] = [now, performance.now()]
    else if (performance.now() - since > 5000) return committed
  }
}

const readiness = async (member: ServiceProcess): Promise<{ status: number; reason: string }> => {
  const { status, text } = await member.get('/health/ready')
  return { status, reason: JSON.parse(text).parts.producer.reason }
}

describe('an output cluster that fails', { skip: input.skip || output.skip }, () => {
  for (const way of ['does not answer', 'is down'] as const) {
    test(`that ${way} for ${seconds} s: consumption pauses, readiness gives the reason, nothing is dropped`, {
      timeout: 1_800_000
    }, async t => {
      const trial = await Trial.create({ input, output, parts: 3 })
      t.diagnostic(`seed ${trial.random.seed}`)
      const [node] = output.cluster?.nodes ?? []
      assert.ok(node)
      try {
        const member = await trial.member()
        await joined(member)
        await trial.load.next()
        await sleep(trial.random.next() * 1000)
        const began = performance.now()
        if (way === 'is down') await node.kill()
        else process.kill(node.pid as number, 'SIGSTOP')
        await trial.load.next()
        await member.until('readiness to give the reason', async () => {
          const { status, reason } = await readiness(member)
          return status === 503 && /^output cluster (unreachable|does not answer)$/.test(reason)
        })
        const said = (performance.now() - began) / 1000
        const committed = await commitsAtRest(trial)
        assert.ok(committed < (await trial.progress()).sent, 'consumption is paused')
        const rest = performance.now()
        while (performance.now() - began < seconds * 1000 || performance.now() - rest < 2000) {
          await sleep(500)
          assert.equal((await member.get('/health/live')).status, 200, 'it is alive while it waits')
        }
        assert.equal((await trial.progress()).committed, committed, 'nothing is committed')
        assert.equal(total(await member.metrics(), 'hierax_rebalances_total'), 1, 'heartbeats continue')
        if (way === 'is down') await node.start()
        else process.kill(node.pid as number, 'SIGCONT')
        await member.until('readiness', async () => (await readiness(member)).status === 200)
        await trial.load.next()
        await trial.finished()
        assert.equal(await member.end(), 0)
        t.diagnostic(JSON.stringify({ way, seconds, saidAfterSeconds: said, ...(await trial.judge()) }))
      } finally {
        if (node.pid !== null) process.kill(node.pid, 'SIGCONT')
        trial.close()
      }
    })
  }
})
