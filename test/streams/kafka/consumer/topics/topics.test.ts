import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicState } from '../../../../../src/streams/kafka/client/admin.ts'
import { TopicDiscovery, type TopicSelection } from '../../../../../src/streams/kafka/consumer/topics/topics.ts'
import { recorder } from '../../../../support/loggers.ts'

const [first, second, other] = ['babamul.ztf.lsst-match.hosted', 'babamul.ztf.no-lsst-match.stellar', 'babamul.lsst.x']

/** A cluster with these topics, and the discovery of a selection on it. */
function discoveryOf(topics: readonly string[], more: Partial<TopicSelection> = {}) {
  const states = new Map<string, TopicState>()
  const { logger, lines } = recorder()
  const cluster = {
    // Of a topic without a leader the brokers know the name.
    topicNames: async () => [...states.keys()],
    topicStates: async (names: readonly string[]) => new Map(names.map(name => [name, states.get(name) ?? 'absent']))
  }
  const selection = { topics, programs: [1], nightsBack: 2, clock: Date, ...more }
  return { discovery: new TopicDiscovery(selection, cluster, logger), states, lines }
}

test('a pattern finds the topics that exist at each lookup, and a deleted one leaves', async () => {
  const { discovery, states } = discoveryOf(['babamul.ztf.*'])
  assert.deepEqual(await discovery.refresh(), [])
  states.set(second, 'present').set(other, 'present')
  assert.deepEqual(await discovery.refresh(), [second])
  states.set(first, 'present')
  assert.deepEqual(await discovery.refresh(), [first, second])
  states.delete(second)
  assert.deepEqual(await discovery.refresh(), [first])
  assert.deepEqual(discovery.known(), [first])
})

test('a topic that a pattern matches is dropped when it stays without a leader, and is back with it', async () => {
  const { discovery, states, lines } = discoveryOf(['babamul.ztf.*'])
  states.set(first, 'present').set(second, 'present')
  await discovery.refresh()
  states.set(second, 'dead')
  assert.deepEqual(await discovery.refresh(), [first, second], 'an election')
  assert.deepEqual(await discovery.refresh(), [first])
  assert.equal(lines.filter(({ level, message }) => level === 'warn' && /no leader/.test(message)).length, 1)
  states.set(second, 'present')
  assert.deepEqual(await discovery.refresh(), [first, second])
})

test('names and patterns are read together, each topic once, nights in their order', async () => {
  const { discovery, states } = discoveryOf(['alerts', 'ztf_*_programid1', 'ztf_20240301_*'])
  const nights = ['ztf_20240302_programid1', 'ztf_20240301_programid1', 'ztf_20240301_programid3_public']
  for (const topic of [...nights, 'alerts']) states.set(topic, 'present')
  assert.deepEqual(await discovery.refresh(), ['alerts', nights[1], nights[0], nights[2]])
})

test('no pattern matches what Hierax writes, nor Kafka’s own topics', async () => {
  const { discovery, states } = discoveryOf(['*'], { exclude: ['hierax.classifications'] })
  for (const topic of ['hierax.classifications', '__consumer_offsets', 'alerts']) states.set(topic, 'present')
  assert.deepEqual(await discovery.refresh(), ['alerts'])
})

test('a lookup without patterns does not ask for all topics', async () => {
  const { discovery, states } = discoveryOf(['alerts'])
  states.keys = () => assert.fail('asked')
  states.set('alerts', 'present')
  assert.deepEqual(await discovery.refresh(), ['alerts'])
})

test('a named topic that does not exist is logged after ten minutes, then with growing pauses, and when it appears', async () => {
  const minute = 60_000
  let now = 0
  const dated = ['ztf_20240301_programid1', 'alerts-2024-03-01']
  const topics = ['alerts', 'late', ...dated, 'babamul.*']
  const { discovery, states, lines } = discoveryOf(topics, { clock: { now: () => now } })
  states.set('alerts', 'present')
  const said = () =>
    lines.splice(0).flatMap(({ level, message, fields }) => (level === 'debug' ? [] : [{ level, message, fields }]))
  const warned: number[] = []
  for (; now < 6 * 24 * 60 * minute; now += minute) {
    await discovery.refresh()
    for (const { level, message, fields } of said()) {
      assert.equal(level, 'warn')
      assert.match(message, /does not exist/)
      assert.equal((fields as { topic: string }).topic, 'late')
      warned.push(now / minute)
    }
  }
  const hours = [0, 1, 3, 7, 15, 31, 55, 79, 103, 127]
  assert.deepEqual(
    warned,
    hours.map(hour => 10 + 60 * hour)
  )
  states.set('late', 'present')
  assert.deepEqual(await discovery.refresh(), ['alerts', 'late'])
  assert.deepEqual(said(), [
    {
      level: 'info',
      message: 'the missing input topic exists now',
      fields: { topic: 'late', missingMinutes: 6 * 24 * 60 }
    }
  ])
  states.delete('late')
  await discovery.refresh()
  assert.deepEqual(said(), [], 'it may come back within ten minutes')
})

test('topics are counted by what they are to the source', async () => {
  const { discovery, states } = discoveryOf([
    'alerts',
    'gone',
    'ztf_20240301_programid1',
    'ztf_*_programid3',
    'dead',
    'secret'
  ])
  for (const topic of ['alerts', 'ztf_20240301_programid3', 'ztf_20240302_programid3']) states.set(topic, 'present')
  states.set('dead', 'dead').set('secret', 'denied')
  await discovery.refresh()
  assert.deepEqual(discovery.counts(), { read: 3, missing: 1, absent: 1, dead: 1, denied: 1 })
  const nights = discoveryOf([], { topics: 'nightly' })
  await nights.discovery.refresh()
  assert.deepEqual(nights.discovery.counts(), { read: 0, missing: 0, absent: 3, dead: 0, denied: 0 })
})
