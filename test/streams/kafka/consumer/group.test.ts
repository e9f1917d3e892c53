import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { EachBatchPayload } from 'kafkajs'
import { Heartbeats, newAssignment, OffsetCommits, spread } from '../../../../src/streams/kafka/consumer/group.ts'
import { silent } from '../../../support/loggers.ts'
import { limitsOf } from './source-harness.ts'

const limits = limitsOf({ sessionTimeout: 300, rebalanceTimeout: 400 })

test('partitions go to subscribers only, each to one, and evenly', () => {
  const topics = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c'), { minLength: 1 })
  const member = fc.record({ memberId: fc.string({ minLength: 1 }), topics })
  const members = fc.uniqueArray(member, { minLength: 1, maxLength: 5, selector: m => m.memberId })
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 9 }), (subscribers, count) => {
      const known = ['c', 'a', 'b'].map(topic => ({ topic, partitions: Array.from({ length: count }, (_, i) => i) }))
      const assignment = spread(subscribers, known)
      for (const topic of ['a', 'b', 'c']) {
        const takers = subscribers.filter(subscriber => subscriber.topics.includes(topic))
        const shares = takers.map(({ memberId }) => assignment.get(memberId)?.[topic] ?? [])
        const expected = takers.length === 0 ? [] : Array.from({ length: count }, (_, i) => i)
        assert.deepEqual(
          [...assignment.values()].flatMap(owned => owned[topic] ?? []).sort((a, b) => a - b),
          expected
        )
        const sizes = shares.map(share => share.length)
        if (takers.length > 0) assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      }
    })
  )
})

function payloadThat(answer: () => unknown): EachBatchPayload {
  return {
    heartbeat: async () => {
      const thrown = answer()
      if (thrown !== undefined) throw thrown
    }
  } as EachBatchPayload
}

const protocolError = (type: string) => Object.assign(new Error(type), { type })

/** A clock that stands still: timers fire, and `performance.now` advances, only by `advance`. */
function stoppedClock(t: TestContext): { advance(ms: number): Promise<void> } {
  let now = 1000
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  t.mock.method(performance, 'now', () => now)
  return {
    async advance(ms) {
      now += ms
      t.mock.timers.tick(ms)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

test('heartbeats: an unknown member has lost its partitions at once', async t => {
  stoppedClock(t)
  for (const type of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']) {
    const assignment = newAssignment()
    const heartbeats = new Heartbeats(limits, silent, () => assert.fail('the session did not expire'))
    const error = protocolError(type)
    heartbeats.begin(
      payloadThat(() => error),
      assignment
    )
    await heartbeats.beat()
    assert.equal(assignment.leave.signal.aborted, true)
    assert.equal(assignment.lost.signal.aborted, true)
    assert.equal(assignment.rejoin, error)
    heartbeats.close()
  }
})

test('heartbeats: a rebalance lets a member finish its work for half of the rebalance time-out', async t => {
  const clock = stoppedClock(t)
  const assignment = newAssignment()
  const heartbeats = new Heartbeats(limits, silent, () => assert.fail('the session did not expire'))
  const error = protocolError('REBALANCE_IN_PROGRESS')
  heartbeats.begin(
    payloadThat(() => error),
    assignment
  )
  await heartbeats.beat()
  assert.equal(assignment.leave.signal.aborted, true)
  assert.equal(assignment.rejoin, error)
  await clock.advance(limits.rebalanceTimeout / 2 - 1)
  assert.equal(assignment.lost.signal.aborted, false)
  await clock.advance(1)
  assert.equal(assignment.lost.signal.aborted, true)
  heartbeats.close()
})

test('heartbeats: the session expires when none was answered for a whole session time-out, and not before', async t => {
  const clock = stoppedClock(t)
  const interval = limits.sessionTimeout / 15
  let expired = 0
  let away = true
  const heartbeats = new Heartbeats(limits, silent, () => void expired++)
  heartbeats.begin(
    payloadThat(() => (away ? new Error('connection closed') : undefined)),
    newAssignment()
  )
  for (let elapsed = 0; elapsed < limits.sessionTimeout; elapsed += interval) await clock.advance(interval)
  assert.equal(expired, 0)
  await clock.advance(interval)
  assert.equal(expired, 1)
  away = false
  for (let elapsed = 0; elapsed < 3 * limits.sessionTimeout; elapsed += interval) await clock.advance(interval)
  assert.equal(expired, 1)
  heartbeats.close()
})

test('commits are gathered; a failed one is repeated with the newest offset, and not after a loss', async t => {
  const clock = stoppedClock(t)
  const sent: string[] = []
  let broken = false
  const commits = new OffsetCommits(20, silent, async ({ topics }) => {
    sent.push(topics.flatMap(t => t.partitions.map(p => `${t.topic}/${p.partition}:${p.offset}`)).join(' '))
    if (broken) throw new Error('coordinator away')
  })
  commits.add('a', 0, '1')
  commits.add('a', 0, '2')
  commits.add('b', 1, '7')
  await clock.advance(19)
  assert.deepEqual(sent, [])
  await clock.advance(1)
  assert.deepEqual(sent, ['a/0:2 b/1:7'])
  broken = true
  commits.add('a', 0, '3')
  await commits.flush()
  broken = false
  commits.add('a', 0, '4')
  await commits.flush()
  assert.deepEqual(sent.slice(1), ['a/0:3', 'a/0:4'])
  await clock.advance(10_000)
  assert.equal(sent.length, 3)
  broken = true
  commits.add('a', 0, '5')
  const failing = commits.flush()
  commits.drop()
  await failing
  broken = false
  await clock.advance(10_000)
  assert.deepEqual(sent.slice(3), ['a/0:5'])
})

test('a commit that failed is repeated without being asked', async t => {
  const clock = stoppedClock(t)
  const offsets: string[] = []
  const commits = new OffsetCommits(20, silent, async ({ topics }) => {
    offsets.push(topics[0]?.partitions[0]?.offset ?? '')
    if (offsets.length === 1) throw new Error('coordinator away')
  })
  commits.add('a', 0, '1')
  await clock.advance(20)
  await clock.advance(499)
  assert.deepEqual(offsets, ['1'])
  await clock.advance(1)
  assert.deepEqual(offsets, ['1', '1'])
})
