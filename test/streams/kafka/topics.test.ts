import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nightlyTopics, nightOf, untilNextRefresh } from '../../../src/streams/kafka/topics.ts'

test('topics of the window, oldest first, over the end of a month and a leap day', () => {
  const now = Date.parse('2024-03-01T00:00:00.000Z')
  assert.deepEqual(nightlyTopics(now, { programs: [1, 3], nightsBack: 1 }), [
    'ztf_20240229_programid1',
    'ztf_20240229_programid3',
    'ztf_20240301_programid1',
    'ztf_20240301_programid3'
  ])
  assert.deepEqual(nightlyTopics(now - 1, { programs: [1], nightsBack: 0 }), ['ztf_20240229_programid1'])
})

test('the night of a topic, and of what is not one', () => {
  assert.equal(nightOf('ztf_20240229_programid1'), '20240229')
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
