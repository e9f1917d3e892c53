import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafka } from '../support/brokers.ts'
import type { ServiceProcess } from '../support/service.ts'
import { joined, Trial } from './trial/trial.ts'

/** Counts of the short form; `npm run test:long` runs the long one, with 50 each. */
const kills = Number(process.env.KILLS ?? 4)
const terms = Number(process.env.TERMS ?? 2)

const running = await kafka()

/** Sends the signal to a random member at a random moment, `times` times; the first half with one member, the rest with two. */
async function disturb(trial: Trial, signal: 'SIGKILL' | 'SIGTERM', times: number): Promise<void> {
  const { random } = trial
  let members: ServiceProcess[] = []
  for (let time = 0; time < times; time++) {
    const wanted = time < times / 2 ? 1 : 2
    await trial.load.next()
    while (members.length < wanted) members.push(await trial.member())
    await Promise.all(members.map(joined))
    await sleep(random.next() * 1500)
    const [victim] = random.shuffled(members) as [ServiceProcess]
    members = members.filter(member => member !== victim)
    assert.equal(await victim.end(signal), signal === 'SIGTERM' ? 0 : null)
  }
  if (members.length === 0) members.push(await trial.member())
  await trial.finished()
  for (const member of members) assert.equal(await member.end(), 0)
}

describe('hierax serve ended at random moments', { skip: running.skip }, () => {
  for (const [signal, times] of [
    ['SIGKILL', kills],
    ['SIGTERM', terms]
  ] as const) {
    test(`loses nothing and contradicts nothing after ${times} × ${signal}`, { timeout: 7_200_000 }, async t => {
      const trial = await Trial.create({ input: running, parts: times })
      t.diagnostic(`seed ${trial.random.seed}`)
      try {
        await disturb(trial, signal, times)
        t.diagnostic(JSON.stringify({ signal, times, ...(await trial.judge()) }))
      } finally {
        trial.close()
      }
    })
  }
})
