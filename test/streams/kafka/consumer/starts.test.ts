import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartitionOffsets } from '../../../../src/streams/kafka/client/offsets.ts'
import { startOf, timedStarts } from '../../../../src/streams/kafka/consumer/starts.ts'
import { recorder } from '../../../support/loggers.ts'

const since = Date.parse('2026-11-20T00:00:00Z')

const partition = (topic: string, partition: number, high: bigint, committed: bigint | null = null) =>
  ({ topic, partition, low: 2n, high, committed }) satisfies PartitionOffsets

test('partitions start at a time; the log says how much is left out, and where nothing is that late', async () => {
  const { logger, lines } = recorder()
  const offsets = [partition('a', 0, 10n), partition('a', 1, 6n), partition('a', 2, 9n, 5n), partition('old', 0, 8n)]
  const found = { a: [7n, 6n, 9n], old: [8n] } as const
  const context = {
    since,
    logger,
    offsetsAt: async (topic: string, time: number) => {
      assert.equal(time, since)
      return new Map(found[topic as keyof typeof found].map((offset, index) => [index, offset]))
    }
  }
  const starts = await timedStarts(offsets, ({ committed }) => committed === null, context)
  assert.deepEqual(Object.fromEntries(starts), { 'a/0': 7n, 'a/1': 6n, 'old/0': 8n })
  assert.deepEqual(
    lines.map(({ fields }) => fields),
    [
      { topic: 'a', since: '2026-11-20T00:00:00.000Z', skipped: 9, messages: 3 },
      { topic: 'old', since: '2026-11-20T00:00:00.000Z', skipped: 6, messages: 0 }
    ]
  )
  assert.match(lines[1]?.message ?? '', /^no message of the topic has this Kafka timestamp or a later one/)
})

test('a time counts only where nothing is committed', () => {
  assert.equal(startOf(partition('a', 0, 10n, 4n), false, 7n), 4n)
  assert.equal(startOf(partition('a', 0, 10n), false, 7n), 7n)
  assert.equal(startOf(partition('a', 0, 10n), false, undefined), null, 'not known yet')
  assert.equal(startOf(partition('a', 0, 10n, 4n), true, 7n), 2n, 'of a topic that was deleted')
})
