import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { retryDecision } from '../../../../src/streams/kafka/producer/producer.ts'
import { KafkaSink } from '../../../../src/streams/kafka/producer/sink.ts'
import type { OutputMessage } from '../../../../src/streams/types.ts'
import { kafka } from '../../../support/brokers.ts'
import { silent } from '../../../support/loggers.ts'

const broker = await kafka({ nodes: 3 })
const partitions = 6
const callers = 6
const keysEach = 20
const batchSize = 100

/** Each key belongs to one caller; values count the caller's messages. */
function batchOf(topic: string, caller: number, from: number, size: number): OutputMessage[] {
  return Array.from({ length: size }, (_, i) => ({
    topic,
    key: `${caller}-${(from + i) % keysEach}`,
    value: Buffer.from(String(from + i).padEnd(800)),
    headers: {}
  }))
}

/** The messages of each key in the order of the log. */
async function numbersByKey(topic: string): Promise<Map<string, number[]>> {
  const byKey = new Map<string, number[]>()
  for (const { key, value } of await broker.tools.read(topic)) {
    const numbers = byKey.get(key ?? '') ?? []
    numbers.push(Number(value))
    byKey.set(key ?? '', numbers)
  }
  return byKey
}

test('no acknowledged message is lost and keys stay in order while brokers die', {
  skip: broker.skip
}, async () => {
  const config = { 'min.insync.replicas': '2' }
  const topic = await broker.tools.topic(undefined, { partitions, replication: 3, config })
  let retries = 0
  let renewals = 0
  const sink = new KafkaSink({
    connection: broker.connection,
    logger: silent,
    onRetry: (_topic, error) => {
      retries++
      if (retryDecision(error.cause) === 'renew') renewals++
    }
  })
  let going = true
  const acknowledged: number[] = []
  const work = Array.from({ length: callers }, async (_, caller) => {
    for (let from = 0; going || from < 8000; from += batchSize) {
      await sink.send(batchOf(topic, caller, from, batchSize))
      acknowledged[caller] = from + batchSize
    }
  })
  const nodes = broker.cluster?.nodes ?? []
  // Two are killed, one is shut down; each is back before the next goes.
  for (const [i, end] of (['kill', 'stop', 'kill'] as const).entries()) {
    await sleep(500)
    await nodes[i]?.[end]()
    await sleep(1500)
    await nodes[i]?.start()
    await sleep(2000)
  }
  going = false
  await Promise.all(work)
  await sink.close()

  const byKey = await numbersByKey(topic)
  let lost = 0
  let repeated = 0
  for (let caller = 0; caller < callers; caller++)
    for (let key = 0; key < keysEach; key++) {
      const numbers = byKey.get(`${caller}-${key}`) ?? []
      const distinct = new Set(numbers)
      for (let n = key; n < (acknowledged[caller] ?? 0); n += keysEach) if (!distinct.has(n)) lost++
      repeated += numbers.length - distinct.size
      const firsts = [...distinct]
      assert.deepEqual(
        firsts,
        firsts.toSorted((a, b) => a - b),
        `key ${caller}-${key} is out of order`
      )
    }
  const total = acknowledged.reduce((sum, count) => sum + count, 0)
  const requests = `${retries} requests retried, ${renewals} of them under a new producer`
  console.log(`${total} acknowledged, ${lost} lost, ${repeated} repeated, ${requests}`)
  assert.ok(total >= callers * 8000)
  assert.equal(lost, 0)
  // The broker recognizes repeated requests by their sequence numbers, unless the producer had to be replaced. Such a
  // request holds at most what all callers wait for.
  assert.ok(repeated <= renewals * callers * batchSize, `${repeated} repeated, ${requests}`)
})
