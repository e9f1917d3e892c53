import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaNode } from '@hierax/tools/kafka-local/kafka-local.mjs'
import { kafka, type TestKafka } from '../support/brokers.ts'
import { joined, Trial } from './trial/trial.ts'

/** Kills in the short form; `npm run test:long` runs the long one. */
const kills = Number(process.env.BROKER_KILLS ?? 2)

const one = await kafka({ own: true })

/** Kills a random broker at a random moment under load and restarts it, `times` times; `between` runs while it is down. */
async function lose(
  cluster: TestKafka,
  trial: Trial,
  { times, between }: { times: number; between: () => Promise<void> }
): Promise<void> {
  const member = await trial.member({ HIERAX_OUTPUT_REPLICATION: String(cluster.brokers.length) })
  await joined(member)
  for (let time = 0; time < times; time++) {
    await trial.load.next()
    await sleep(trial.random.next() * 1000)
    const [node] = trial.random.shuffled(cluster.cluster?.nodes ?? []) as [KafkaNode]
    await node.kill()
    await between()
    await node.start()
  }
  await trial.finished()
  assert.equal(await member.end(), 0)
}

describe('killed brokers', { skip: one.skip }, () => {
  test(`one broker, killed and restarted ${kills} times: nothing is lost`, { timeout: 1_800_000 }, async t => {
    const trial = await Trial.create({ input: one, parts: kills })
    t.diagnostic(`seed ${trial.random.seed}`)
    try {
      await lose(one, trial, { times: kills, between: () => sleep(trial.random.next() * 3000) })
      t.diagnostic(JSON.stringify({ brokers: 1, kills, ...(await trial.judge()) }))
    } finally {
      trial.close()
    }
  })

  test(`three brokers, one of them killed ${kills} times: the service continues`, { timeout: 1_800_000 }, async t => {
    const three = await kafka({ nodes: 3 })
    const trial = await Trial.create({ input: three, parts: kills, replication: 3 })
    t.diagnostic(`seed ${trial.random.seed}`)
    try {
      // With one broker down, all input is processed before it restarts.
      await lose(three, trial, { times: kills, between: () => trial.finished() })
      t.diagnostic(JSON.stringify({ brokers: 3, kills, ...(await trial.judge()) }))
    } finally {
      trial.close()
    }
  })
})
