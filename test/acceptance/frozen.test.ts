import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafka } from '../support/brokers.ts'
import { type ServiceProcess, total } from '../support/service.ts'
import { until } from '../support/until.ts'
import { joined, Trial } from './trial/trial.ts'

/** Of the short form; `npm run test:long` is the long one. */
const freezes = Number(process.env.FREEZES ?? 1)

/** Beyond a session: the group has given the partitions of a silent member to others. */
const frozenMs = 15_000

const running = await kafka({ own: true })

const rebalances = async (member: ServiceProcess): Promise<number> =>
  total(await member.metrics(), 'hierax_rebalances_total')

/** Stops a member at a random moment for longer than its session, and wakes it when the other one has its partitions. */
async function freeze(trial: Trial, victim: ServiceProcess, other: ServiceProcess): Promise<void> {
  await trial.load.next()
  const before = await rebalances(other)
  let began = 0
  for (let attempt = 1; ; attempt++) {
    await sleep(trial.random.next() * 1500)
    victim.child.kill('SIGSTOP')
    began = Date.now()
    if (attempt === 1) await trial.load.next()
    const given = other.until('the partitions of the frozen member', async () => (await rebalances(other)) > before)
    if (
      await given.then(
        () => true,
        () => false
      )
    )
      break
    // Stopped while it held the lock of the shared store: the other one waits for that, as the docs say. Another moment, then.
    assert.ok(attempt < 5, `the other member never got the partitions:\n${other.log}`)
    victim.child.kill('SIGCONT')
    await sleep(3000)
  }
  await sleep(Math.max(0, began + frozenMs - Date.now()))
  const { byPartition } = await trial.progress()
  victim.child.kill('SIGCONT')
  await sleep(2000)
  const after = (await trial.progress()).byPartition
  for (const [partition, offset] of byPartition)
    assert.ok((after.get(partition) ?? 0) >= offset, `the commit of partition ${partition} went back`)
}

describe('a member that is frozen', { skip: running.skip }, () => {
  test(`does no harm when it wakes after its session has ended, ${freezes} times`, { timeout: 3_600_000 }, async t => {
    const trial = await Trial.create({ input: running, parts: 2 * freezes, partSize: 600 })
    t.diagnostic(`seed ${trial.random.seed}`)
    try {
      const members = (await Promise.all([trial.member(), trial.member()])) as [ServiceProcess, ServiceProcess]
      await Promise.all(members.map(joined))
      for (let time = 0; time < freezes; time++) {
        const [victim, other] = time % 2 === 0 ? members : ([members[1], members[0]] as const)
        const joins = await rebalances(victim)
        await freeze(trial, victim, other)
        await until(async () => (await rebalances(victim)) > joins, 60_000)
      }
      await trial.finished()
      for (const member of members) assert.equal(await member.end(), 0)
      const late = await lateMessages(trial)
      t.diagnostic(JSON.stringify({ freezes, late, ...(await trial.judge()) }))
    } finally {
      trial.close()
    }
  })
})

/** Messages that were made before the freeze and written after others that were made since. */
async function lateMessages(trial: Trial): Promise<number> {
  const newest = new Map<number, number>()
  let late = 0
  await running.tools.scan(`${trial.wild}.out`, ({ partition, headers }) => {
    const published = Number(headers.published)
    const before = newest.get(partition) ?? 0
    if (published < before - 1000) late++
    newest.set(partition, Math.max(before, published))
  })
  return late
}
