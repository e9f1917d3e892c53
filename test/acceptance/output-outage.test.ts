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

type Way = 'does not answer' | 'is down'

/** Makes the output fail under load, for `seconds` at least, and restores it; returns after how many seconds readiness gave the reason. */
async function fail(trial: Trial, member: ServiceProcess, way: Way): Promise<number> {
  const [node] = output.cluster?.nodes ?? []
  assert.ok(node)
  await trial.load.next()
  await sleep(trial.random.next() * 1000)
  const began = performance.now()
  if (way === 'is down') await node.kill()
  else process.kill(node.pid as number, 'SIGSTOP')
  try {
    await trial.load.next()
    await member.until('readiness to give the reason', async () => {
      const { status, reason } = await readiness(member)
      return status === 503 && /^output cluster (unreachable|does not answer)$/.test(reason)
    })
    const reportedAfter = (performance.now() - began) / 1000
    const committed = await commitsAtRest(trial)
    assert.ok(committed < (await trial.progress()).sent, 'consumption is paused')
    const rest = performance.now()
    while (performance.now() - began < seconds * 1000 || performance.now() - rest < 2000) {
      await sleep(500)
      assert.equal((await member.get('/health/live')).status, 200, 'it is alive while it waits')
    }
    assert.equal((await trial.progress()).committed, committed, 'nothing is committed')
    assert.equal(total(await member.metrics(), 'hierax_rebalances_total'), 1, 'heartbeats continue')
    return reportedAfter
  } finally {
    if (way === 'is down') await node.start()
    else process.kill(node.pid as number, 'SIGCONT')
  }
}

describe('an output cluster that fails', { skip: input.skip || output.skip }, () => {
  test(`that does not answer, and later is down, for ${seconds} s: consumption pauses, readiness gives the reason, nothing is dropped`, {
    timeout: 3_600_000
  }, async t => {
    const trial = await Trial.create({ input, output, parts: 6 })
    t.diagnostic(`seed ${trial.random.seed}`)
    try {
      const member = await trial.member()
      await joined(member)
      for (const way of ['does not answer', 'is down'] as const) {
        const reportedAfter = await fail(trial, member, way)
        await member.until('readiness', async () => (await readiness(member)).status === 200)
        await trial.load.next()
        await trial.finished()
        t.diagnostic(JSON.stringify({ way, seconds, reportedAfter }))
      }
      assert.equal(await member.end(), 0)
      t.diagnostic(JSON.stringify(await trial.judge()))
    } finally {
      trial.close()
    }
  })
})
