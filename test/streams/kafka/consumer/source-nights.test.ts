import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchControl } from '../../../../src/streams/types.ts'
import { kafka } from '../../../support/brokers.ts'
import { numbered, startSource, until } from './source-harness.ts'

const { skip, tools, connection } = await kafka()

const day = 86_400_000

/** A programme that no other test uses, so that the names of its nightly topics are its own. */
const someProgram = () => randomInt(1000, 2_000_000_000)

/** A clock that starts at `start` and can be put forward. */
function clockAt(start: string): { now(): number; forward(ms: number): void } {
  let offset = Date.parse(start) - Date.now()
  return {
    now: () => Date.now() + offset,
    forward(ms) {
      offset += ms
    }
  }
}

const nightly = (night: string, program: number) => `ztf_${night}_programid${program}`

test('nights that do not exist are waited for; midnight adds the next and drops the oldest', { skip }, async () => {
  const [program, other] = [someProgram(), someProgram()]
  const group = tools.name('group')
  const clock = clockAt('2024-02-27T12:00:00Z')
  const running = startSource(connection, {
    group,
    topics: 'nightly',
    programs: [program, other],
    nightsBack: 1,
    clock
  })
  await until('waiting', () => running.source.health().reason === 'waiting for a topic')
  assert.equal(running.source.health().ready, true)

  const first = await tools.topic(nightly('20240226', program))
  await tools.produce(first, numbered('first', 5))
  await until('the night that appeared', () => running.values.length >= 5)
  assert.deepEqual(running.source.subscribed(), [first])

  // Midnight: the 26th leaves, the 27th and 28th may come; the 28th appears late, the 27th was cloudy.
  clock.forward(day / 2)
  await until('waiting again', () => running.source.health().reason === 'waiting for a topic')
  await until('the night that left the window to have no lag', () => !running.lags.has(`${first}/0`))
  const third = await tools.topic(nightly('20240228', program), { partitions: 2 })
  await tools.topic(nightly('20240228', other))
  await tools.produce(third, numbered('third', 6, 2))
  await tools.produce(first, numbered('expired', 3))
  await until('the new night', () => running.values.length >= 11)

  // The next midnight, with leap day and work in progress: what is in flight is finished and committed first.
  clock.forward(day)
  const fourth = await tools.topic(nightly('20240229', program))
  await tools.produce(fourth, numbered('fourth', 4))
  await tools.produce(third, numbered('late', 2))
  await until('both nights', () => running.values.length >= 17)
  await running.source.stop()
  assert.equal(new Set(running.values).size, 17)
  assert.ok(!running.values.some(value => value.startsWith('expired')))
  const topics = await tools.topics()
  assert.ok(!topics.includes(nightly('20240227', program)), 'no topic was made')
  assert.deepEqual(running.restarts, [], JSON.stringify(running.lines.filter(({ level }) => level === 'warn')))
})

test('with several nights behind, older ones come first, in a group of two as well', { skip }, async () => {
  const program = someProgram()
  const group = tools.name('group')
  const clock = clockAt('2024-03-03T12:00:00Z')
  const nights = ['20240301', '20240302', '20240303'].map(night => nightly(night, program))
  for (const [i, topic] of nights.entries()) {
    await tools.topic(topic, { partitions: i === 1 ? 1 : 2 })
    await tools.produce(topic, numbered(`night${i}`, 60, i === 1 ? 1 : 2))
  }
  const order: string[] = []
  const options = {
    group,
    topics: 'nightly',
    programs: [program],
    clock,
    limits: { chunkMessages: 10 },
    before: async (batch: readonly { topic: string }[]) => {
      await sleep(20)
      order.push(...batch.map(({ topic }) => topic))
    }
  } as const
  const members = [startSource(connection, options), startSource(connection, options)]
  const done = () => members.flatMap(({ values }) => values)
  await until('all nights', () => new Set(done()).size === 180)
  const last = (topic: string) => order.lastIndexOf(topic)
  assert.ok(last(nights[0]!) < order.indexOf(nights[1]!), 'the second night began before the first was done')
  assert.ok(last(nights[1]!) < order.indexOf(nights[2]!), 'the third night began before the second was done')

  // All are at their ends: a late alert of an old night holds nothing back.
  await tools.produce(nights[0]!, numbered('late', 1))
  await tools.produce(nights[2]!, numbered('new', 4, 2))
  await until('the rest', () => new Set(done()).size === 185)
  await Promise.all(members.map(({ source }) => source.stop()))
})

test('together: no night waits for another', { skip }, async () => {
  const program = someProgram()
  const nights = ['20240301', '20240302'].map(night => nightly(night, program))
  for (const topic of nights) await tools.produce(await tools.topic(topic), numbered(topic, 3))
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: nights,
    backlog: 'together',
    before: async batch => {
      // The older night does not get on before the newer one is done.
      if (batch[0]?.topic === nights[0]) await until('the newer night', () => running.values.length >= 3)
    }
  })
  await until('both', () => running.values.length >= 6)
  await running.source.stop()
})

test('an older night without progress is given up after a while', { skip }, async () => {
  const program = someProgram()
  const nights = ['20240301', '20240302'].map(night => nightly(night, program))
  for (const topic of nights) await tools.produce(await tools.topic(topic), numbered(topic, 3))
  const group = tools.name('group')
  // One member hangs with the older night's partition, the other owns the newer night.
  const stuck = { yes: true }
  const options = {
    group,
    topics: nights,
    limits: { backlogPatience: 1500, stopTimeout: 500, rebalanceTimeout: 3000 },
    before: async (batch: readonly { topic: string }[], { signal }: BatchControl) => {
      if (batch[0]?.topic !== nights[0]) return
      await until('release', () => !stuck.yes || signal.aborted)
      signal.throwIfAborted()
    }
  }
  const members = [startSource(connection, options), startSource(connection, options)]
  const done = () => members.flatMap(({ values }) => values)
  await until('the newer night', () => done().length >= 3)
  assert.ok(done().every(value => value.startsWith(nights[1]!)))
  assert.ok(members.some(({ lines }) => lines.some(({ message }) => /makes no progress/.test(message))))
  stuck.yes = false
  await until('the older night', () => new Set(done()).size === 6)
  await Promise.all(members.map(({ source }) => source.stop()))
})
