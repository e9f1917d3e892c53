import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafka } from '../../../support/brokers.ts'
import { beyondSession, startSource, until } from './source-harness.ts'

const broker = await kafka()

const mebibyte = 1024 * 1024
const partitions = 4
const perPartition = 40
const messageBytes = mebibyte / 2

test('what is fetched and not handled is bounded, and a slow handler stays in its group', {
  skip: broker.skip
}, async () => {
  const { tools } = broker
  const topic = await tools.topic(undefined, { partitions })
  for (let at = 0; at < perPartition; at++)
    for (let partition = 0; partition < partitions; partition++)
      await tools.produce(topic, [{ partition, value: Buffer.alloc(messageBytes, at) }])
  const all = partitions * perPartition * messageBytes

  let release = (): void => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const before = process.memoryUsage().arrayBuffers
  let handed = 0
  const running = startSource(broker.connection, {
    group: topic,
    topics: [topic],
    // A value is not kept: that would be the memory of the test.
    before: async batch => {
      handed += batch.length
      await released
      for (const message of batch) Object.assign(message, { value: null })
    },
    limits: { fetchBytes: 4 * mebibyte, partitionBytes: mebibyte }
  })
  await until('the first batches', () => handed > 0)
  await sleep(beyondSession)
  const held = process.memoryUsage().arrayBuffers - before
  assert.ok(held < all / 2, `${Math.round(held / mebibyte)} of ${all / mebibyte} MiB are held`)
  assert.ok(handed * messageBytes <= 8 * mebibyte, `${handed} messages were handed over`)
  assert.equal(running.rebalances, 1, 'heartbeats go on')
  release()
  await until('all messages', () => running.values.length === partitions * perPartition)
  assert.equal(running.rebalances, 1)
  await running.source.stop()
})
