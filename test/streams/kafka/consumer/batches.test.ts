import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Batch, KafkaMessage } from 'kafkajs'
import { arrivalTime, chunks, processBatch } from '../../../../src/streams/kafka/consumer/batches.ts'
import { newAssignment } from '../../../../src/streams/kafka/consumer/group.ts'
import type { BatchHandler } from '../../../../src/streams/types.ts'
import { limitsOf } from './source-harness.ts'

test('chunks keep every message in order and stay within their bounds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 50 }))),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 90 }),
      (sizes, chunkMessages, chunkBytes) => {
        const messages = sizes.map(size => ({ value: size === null ? null : Buffer.alloc(size) }))
        const cut = [...chunks(messages, { chunkMessages, chunkBytes })]
        assert.deepEqual(cut.flat(), messages)
        for (const chunk of cut) {
          assert.ok(chunk.length > 0 && chunk.length <= chunkMessages)
          const bytes = chunk.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
          assert.ok(bytes <= chunkBytes || chunk.length === 1)
        }
      }
    )
  )
})

function batchOf(count: number): Batch {
  const messages = Array.from({ length: count }, (_, i) => ({
    key: i === 0 ? Buffer.from('a key') : null,
    value: Buffer.from(String(i)),
    offset: String(100 + i),
    timestamp: '1700000000005'
  }))
  return { topic: 't', partition: 2, messages: messages as unknown as KafkaMessage[] } as Batch
}

async function work(handler: BatchHandler, assignment = newAssignment()): Promise<string[]> {
  const done: string[] = []
  await processBatch({
    batch: batchOf(6),
    assignment,
    handler,
    limits: limitsOf({ retryFirst: 5, chunkMessages: 2 }),
    heartbeat: async () => undefined,
    onHandled: offset => done.push(offset),
    onRejected: () => undefined
  })
  return done
}

test('messages carry their source and time; a member that must leave stops between chunks', async () => {
  const assignment = newAssignment()
  const seen: string[] = []
  const keys: (string | null)[] = []
  const done = await work(async batch => {
    seen.push(...batch.map(({ source, ingested }) => `${source}@${ingested}`))
    keys.push(...batch.map(({ key }) => (key ? String(key) : null)))
    if (seen.length === 4) assignment.leave.abort()
  }, assignment)
  assert.deepEqual(keys, ['a key', null, null, null])
  assert.deepEqual(
    seen,
    [100, 101, 102, 103].map(offset => `t/2/${offset}@1700000000005`)
  )
  assert.deepEqual(done, ['101', '103'])
})

test('what a handler did after its partition was lost does not count', async () => {
  const assignment = newAssignment()
  const done = await work(async batch => {
    if (batch[0]!.source === 't/2/102') assignment.lost.abort()
  }, assignment)
  assert.deepEqual(done, ['101'])
})

test('messages may still be read after a rejection, a loss or a partial batch, and only then', async () => {
  const released = (handler: BatchHandler, assignment = newAssignment()) =>
    processBatch({
      batch: batchOf(6),
      assignment,
      handler,
      limits: limitsOf({ retryFirst: 5, chunkMessages: 2 }),
      heartbeat: async () => undefined,
      onHandled: () => undefined,
      onRejected: () => undefined
    })
  assert.equal(await released(async () => {}), true)
  let rejections = 1
  const rejectsOnce = async () => {
    if (rejections-- > 0) throw new Error('once')
  }
  assert.equal(await released(rejectsOnce), false)
  for (const end of ['lost', 'leave'] as const) {
    const assignment = newAssignment()
    const ends = async () => assignment[end].abort()
    assert.equal(await released(ends, assignment), false)
  }
})

test('a timestamp that is none, in seconds, or in the future is replaced by the time of arrival', () => {
  const now = Date.UTC(2026, 0, 1)
  for (const none of [-1, 0, 1_700_000_000, Number.NaN, now + 3_600_000, 4e12, 1_700_000_000_000_000])
    assert.equal(arrivalTime(none, now), now, `${none}`)
  for (const real of [Date.UTC(2018, 5, 1), now - 1, now, now + 60_000]) assert.equal(arrivalTime(real, now), real)
})

test('messages without a valid timestamp are counted once, however often they are retried', async () => {
  const invalid: unknown[] = []
  const message = (offset: number, timestamp: string) =>
    ({
      offset: String(offset),
      timestamp,
      key: null,
      value: Buffer.from('x'),
      attributes: 0,
      headers: {}
    }) as KafkaMessage
  const batch = {
    topic: 't',
    partition: 0,
    messages: [message(0, String(Date.now())), message(1, '-1'), message(2, '0')]
  }
  let attempts = 0
  await processBatch({
    batch: batch as Batch,
    assignment: newAssignment(),
    limits: limitsOf({ retryFirst: 1 }),
    heartbeat: async () => {},
    handler: async () => {
      if (++attempts < 3) throw new Error('not yet')
    },
    onHandled: () => {},
    onRejected: () => {},
    onInvalidTimestamps: (count, timestamp) => invalid.push({ count, timestamp })
  })
  assert.equal(attempts, 3)
  assert.deepEqual(invalid, [{ count: 2, timestamp: '-1' }])
})
