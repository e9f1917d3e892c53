import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafka } from '../../../support/brokers.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection, cluster } = await kafka({ own: true })

/** Offset that a group has committed, by partition. */
async function committed(group: string, topic: string): Promise<Map<number, number>> {
  const admin = await tools.admin()
  const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  return new Map(offsets?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
}

test('a broker that dies under load and comes back: nothing is lost, reading resumes by itself', {
  skip
}, async () => {
  const node = cluster!.nodes[0]!
  const topic = await tools.topic(tools.name(), { partitions: 4 })
  for (let i = 0; i < 10; i++) {
    const messages = numbered(`m${i}`, 200, 4)
    await tools.produce(
      topic,
      messages.map(message => ({ ...message, value: message.value.padEnd(2000, '.') }))
    )
  }
  const group = tools.name('group')
  const running = startSource(connection, {
    group,
    topics: [topic],
    // Small fetches, so that the broker dies with most of the messages.
    limits: { chunkMessages: 10, partitionBytes: 50_000, fetchBytes: 200_000 },
    before: () => sleep(20)
  })
  await until('some work', () => running.values.length >= 300)
  const beforeKill = await committed(group, topic)
  await node.kill()
  await sleep(4000)
  await node.start()
  await until('all', () => new Set(running.values).size === 2000)
  const allCommitted = async () => {
    const offsets = await committed(group, topic).catch(() => new Map<number, number>())
    return offsets.size === 4 && [...offsets.values()].every(offset => offset === 500)
  }
  await until('the commit of all', allCommitted)
  const handled = running.values.length
  await node.stop()
  await until('not ready', () => running.source.health().reason === 'connecting')
  assert.equal(running.source.health().ready, false)
  await node.start()
  await until('ready again', () => running.source.health().ready)
  await running.source.stop()
  assert.equal(running.values.length, handled, 'what is committed is not repeated')
  const times = new Map<string, number>()
  for (const { source } of running.messages) times.set(source, (times.get(source) ?? 0) + 1)
  for (const [source, count] of times) {
    const [, partition, offset] = source.split('/').map(Number) as [number, number, number]
    assert.ok(count <= running.rebalances, `${source} was handled ${count} times in ${running.rebalances} assignments`)
    if (count > 1) assert.ok(offset >= (beforeKill.get(partition) ?? 0), `${source} was repeated after its commit`)
  }
  // The consumer outlives an outage or is restarted once; anything but an error of kafkajs would be a fault of ours.
  console.log(
    `repeated: ${handled - 2000}, restarts: ${running.restarts.join() || 'none'}, rebalances: ${running.rebalances}`
  )
  assert.ok(
    running.restarts.every(reason => /KafkaJS/.test(reason)),
    running.restarts.join()
  )
  assert.ok(running.restarts.length <= 2, running.restarts.join())
})

test('a source started while no broker answers waits for it, and can be stopped meanwhile', {
  skip
}, async () => {
  const node = cluster!.nodes[0]!
  const topic = await tools.topic()
  await tools.produce(topic, numbered('m', 3))
  await node.stop()
  const stopped = startSource(connection, { group: tools.name('group'), topics: [topic] })
  const running = startSource(connection, { group: tools.name('group'), topics: [topic] })
  const attempts = ({ lines }: typeof running) =>
    lines.filter(({ message }) => /does not answer, retrying/.test(message))
  await until('two attempts', () => [stopped, running].every(one => attempts(one).length >= 2))
  assert.deepEqual(running.source.health(), { ready: false, reason: 'connecting' })
  // Before a broker is back: this would not return if it waited for one.
  await stopped.source.stop()
  await node.start()
  await until('the messages', () => running.values.length >= 3)
  await running.source.stop()
})
