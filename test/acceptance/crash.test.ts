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

/** Sends these signals, each to a random member at a random moment; the first half with one member, the rest with two. */
async function disturb(trial: Trial, signals: readonly NodeJS.Signals[]): Promise<void> {
  const { random } = trial
  let members: ServiceProcess[] = []
  for (const [time, signal] of signals.entries()) {
    const wanted = time < signals.length / 2 ? 1 : 2
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
  test(`loses nothing and contradicts nothing, on routes with retractions too, after ${kills} × SIGKILL and ${terms} × SIGTERM, mixed`, {
    timeout: 14_400_000
  }, async t => {
    const trial = await Trial.create({ input: running, parts: kills + terms, routes: true })
    t.diagnostic(`seed ${trial.random.seed}`)
    try {
      const signals = [...Array(kills).fill('SIGKILL'), ...Array(terms).fill('SIGTERM')]
      await disturb(trial, trial.random.shuffled(signals))
      const figures = await trial.judge()
      t.diagnostic(JSON.stringify({ kills, terms, ...figures }))
      assert.ok((figures.routes?.routed ?? 0) > 0 && (figures.routes?.retracted ?? 0) > 0, 'the routes had work')
    } finally {
      trial.close()
    }
  })
})
