import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lagOf, type PartitionOffsets, position } from '../../../../../src/streams/kafka/client/offsets.ts'
import {
  BacklogGate,
  nightlyTopics,
  nightOf,
  untilNextRefresh
} from '../../../../../src/streams/kafka/consumer/topics/nights.ts'

const [first, second, third] = ['ztf_20240301_programid1', 'ztf_20240302_programid1', 'ztf_20240303_programid1']
const all = [first, second, third] as string[]

function at(topic: string | undefined, committed: number | null, high: number, low = 0): PartitionOffsets {
  const offset = committed === null ? null : BigInt(committed)
  return { topic: topic ?? '', partition: 0, low: BigInt(low), high: BigInt(high), committed: offset }
}

const held = (gate: BacklogGate, offsets: PartitionOffsets[], now = 0, topics = all) => [
  ...gate.decide(topics, offsets, now).heldTopics
]

test('lag counts from what is still there', () => {
  assert.equal(position(at(first, null, 10, 4)), 4n)
  assert.equal(position(at(first, 2, 10, 4)), 4n)
  assert.equal(lagOf(at(first, 7, 10, 4)), 3)
  assert.equal(lagOf(at(first, 12, 10)), 0)
})

test('each night waits until all older ones are at their ends', () => {
  const gate = new BacklogGate()
  assert.deepEqual(held(gate, [at(first, null, 10), at(second, null, 5), at(third, null, 5)]), [second, third])
  assert.deepEqual(held(gate, [at(first, 9, 10), at(second, null, 5), at(third, null, 5)]), [second, third])
  assert.deepEqual(held(gate, [at(first, 10, 10), at(second, null, 5), at(third, null, 5)]), [third])
  assert.deepEqual(held(gate, [at(first, 10, 10), at(second, 5, 5), at(third, null, 5)]), [])
})

test('an empty night, a single night and topics that are no nights hold nothing back', () => {
  assert.deepEqual(held(new BacklogGate(), [at(first, null, 0), at(second, 0, 3), at(third, null, 5)]), [third])
  assert.deepEqual(held(new BacklogGate(), [at(first, 0, 9)], 0, [first as string]), [])
  assert.deepEqual(held(new BacklogGate(), [at('a', 0, 9), at('b', 0, 9)], 0, ['a', 'b']), [])
  assert.deepEqual(held(new BacklogGate(), [at(first, 0, 9)], 0, [first as string, 'alerts']), [])
})

test('a night is done at the end that it had when the waiting began, however much trickles in', () => {
  const gate = new BacklogGate()
  assert.deepEqual(held(gate, [at(first, 0, 10)], 0, all.slice(0, 2)), [second])
  assert.deepEqual(held(gate, [at(first, 9, 14)], 0, all.slice(0, 2)), [second])
  assert.deepEqual(held(gate, [at(first, 11, 17)], 0, all.slice(0, 2)), [])
  assert.deepEqual(held(gate, [at(first, 11, 30)], 0, all.slice(0, 2)), [])
})

test('a night that was done holds back later ones again when it falls far behind', () => {
  const gate = new BacklogGate(1000, 100)
  assert.deepEqual(held(gate, [at(first, 10, 10)], 0, all.slice(0, 2)), [])
  assert.deepEqual(held(gate, [at(first, 10, 110)], 0, all.slice(0, 2)), [])
  assert.deepEqual(held(gate, [at(first, 10, 111)], 0, all.slice(0, 2)), [second])
  assert.deepEqual(held(gate, [at(first, 111, 111)], 0, all.slice(0, 2)), [])
})

test('no progress, or nothing known of its offsets, holds back only for a while', () => {
  const gate = new BacklogGate(1000, 100)
  const topics = all.slice(0, 2)
  assert.deepEqual(held(gate, [at(first, 0, 10)], 0, topics), [second])
  assert.deepEqual(held(gate, [at(first, 1, 10)], 900, topics), [second])
  assert.deepEqual(held(gate, [at(first, 1, 10)], 1800, topics), [second])
  assert.deepEqual(gate.decide(topics, [at(first, 1, 10)], 1901), {
    heldTopics: new Set(),
    givenUp: [{ night: '20240301', lag: 9 }]
  })
  assert.deepEqual(gate.decide(topics, [at(first, 1, 10)], 5000), { heldTopics: new Set(), givenUp: [] })

  const blind = new BacklogGate(1000, 100)
  assert.deepEqual(held(blind, [], 0, topics), [second])
  assert.deepEqual(held(blind, [], 1000, topics), [])
})

test('a night that left the window is forgotten', () => {
  const gate = new BacklogGate()
  assert.deepEqual(held(gate, [at(first, 0, 10), at(second, 5, 5)]), [second, third])
  assert.deepEqual(held(gate, [at(second, 5, 5)], 0, all.slice(1)), [])
})

test('topics of the window, oldest first, over the end of a month and a leap day', () => {
  const now = Date.parse('2024-03-01T00:00:00.000Z')
  assert.deepEqual(nightlyTopics(now, { programs: [1, 3], nightsBack: 1 }), [
    'ztf_20240229_programid1',
    'ztf_20240229_programid3',
    'ztf_20240301_programid1',
    'ztf_20240301_programid3'
  ])
  assert.deepEqual(nightlyTopics(now - 1, { programs: [1], nightsBack: 0 }), ['ztf_20240229_programid1'])
  assert.deepEqual(nightlyTopics(now, { programs: [1], publicPrograms: [3], nightsBack: 1 }), [
    'ztf_20240229_programid1',
    'ztf_20240229_programid3_public',
    'ztf_20240301_programid1',
    'ztf_20240301_programid3_public'
  ])
})

test('the night of a topic, and of what is not one', () => {
  assert.equal(nightOf('ztf_20240229_programid1'), '20240229')
  assert.equal(nightOf('ztf_20240229_programid3_public'), '20240229')
  for (const name of ['ztf_20240229_programid1_copy', 'my_ztf_20240229_programid1', 'alerts', 'ztf_2024_programid1']) {
    assert.equal(nightOf(name), null)
  }
})

test('the next refresh is never later than the interval or midnight, and falls on one of them', () => {
  const time = fc.integer({ min: 0, max: 4_000_000_000_000 })
  fc.assert(
    fc.property(time, fc.constantFrom(1000, 7000, 60_000, 3_600_000), (now, interval) => {
      const wait = untilNextRefresh(now, interval)
      assert.ok(wait > 0 && wait <= interval)
      const next = now + wait
      assert.ok(next % interval === 0 || next % 86_400_000 === 0)
      assert.equal(new Date(next - 1).getUTCDate(), new Date(now).getUTCDate())
    })
  )
})
