import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HieraxError } from '../../../src/errors.ts'
import { kafka } from '../../support/brokers.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection, cluster } = await kafka({
  own: true,
  properties: { 'broker.session.timeout.ms': 2000, 'broker.heartbeat.interval.ms': 500 }
})

const secured = await kafka({ security: { protocol: 'sasl_plaintext', users: { reader: 'secret' } } })

test('a broker that dies under load and comes back: nothing is lost, reading resumes by itself', {
  skip,
  timeout: 240_000
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
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: [topic],
    // Small fetches, so that the broker dies with most of the messages.
    limits: { chunkMessages: 10, partitionBytes: 50_000, fetchBytes: 200_000 },
    before: () => sleep(20)
  })
  await until('some work', () => running.values.length >= 300)
  await node.kill()
  await sleep(4000)
  const before = running.values.length
  await node.start()
  const back = performance.now()
  await until('the first message', () => running.values.length > before, 30_000)
  console.log(`first message ${Math.round(performance.now() - back)} ms after the broker was back`)
  await until('all', () => new Set(running.values).size === 2000, 60_000)
  console.log(`${running.values.length - 2000} of 2000 messages were repeated`)
  await node.stop()
  await until('not ready', () => running.source.health().reason === 'connecting', 30_000)
  assert.equal(running.source.health().ready, false)
  await node.start()
  await until('ready again', () => running.source.health().ready, 30_000)
  await running.source.stop()
  // The consumer outlives an outage or is restarted once; anything but an error of kafkajs would be a fault of ours.
  console.log(`restarts: ${running.restarts.join() || 'none'}, rebalances: ${running.rebalances}`)
  assert.ok(
    running.restarts.every(reason => /KafkaJS/.test(reason)),
    running.restarts.join()
  )
  assert.ok(running.restarts.length <= 2, running.restarts.join())
})

test('a source started while no broker answers waits for it, and can be stopped meanwhile', {
  skip,
  timeout: 120_000
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
  await until('the messages', () => running.values.length >= 3, 30_000)
  await running.source.stop()
})

test('refused credentials end the run with an error that says so', {
  skip: secured.skip,
  timeout: 60_000
}, async () => {
  const sasl = { mechanism: 'scram-sha-256', username: 'reader', password: 'wrong' } as const
  const running = startSource({ ...secured.connection, sasl }, { group: tools.name('group'), topics: ['any'] })
  const error = await running.ended.then(
    () => 'ended without an error',
    (thrown: unknown) => thrown
  )
  assert.ok(error instanceof HieraxError, String(error))
  assert.equal(error.code, 'KAFKA_UNAVAILABLE')
  assert.match(error.message, /refused the credentials/)
  assert.deepEqual(running.source.health(), { ready: false, reason: 'stopped' })
})
