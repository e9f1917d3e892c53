import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InputMessage } from '../../../../src/streams/types.ts'
import { kafka } from '../../../support/brokers.ts'
import { startSource, until } from '../consumer/source-harness.ts'

const { skip, tools, connection } = await kafka()

const count = 120
const textOf = (at: number) => `value-${at} `.repeat(5000)

/** A message's bytes as the handler got them, and as they were then. */
const seen = ({ value }: InputMessage) => ({
  view: Buffer.from(value!.buffer, value!.byteOffset, value!.length),
  text: String(value)
})

test('fetches reuse the memory of handled messages, and not that of messages which a handler rejected', {
  skip
}, async () => {
  const partitions = 2
  const topic = await tools.topic(tools.name(), { partitions })
  for (let at = 0; at < count; at += 4) {
    const some = [at, at + 1, at + 2, at + 3]
    await tools.produce(
      topic,
      some.map(each => ({ partition: each % partitions, value: textOf(each) }))
    )
  }
  const rejected: ReturnType<typeof seen>[] = []
  const handled: ReturnType<typeof seen>[] = []
  const running = startSource(connection, {
    group: tools.name('group'),
    topics: [topic],
    limits: { partitionBytes: 300_000, fetchBytes: 600_000, aheadBytes: 2_400_000 },
    before: batch => {
      if (rejected.length === 0) {
        rejected.push(...batch.map(seen))
        throw new Error('rejected once')
      }
      handled.push(...batch.map(seen))
    }
  })
  await until('all messages', () => running.values.length >= count)
  await running.source.stop()
  assert.deepEqual(running.values.toSorted(), Array.from({ length: count }, (_, at) => textOf(at)).toSorted())
  assert.ok(rejected.every(({ view, text }) => view.toString() === text))
  const memories = new Set(handled.map(({ view }) => view.buffer))
  const overwritten = handled.filter(({ view, text }) => view.toString() !== text)
  assert.ok(overwritten.length > count / 2, `${overwritten.length} of ${count} messages were overwritten later`)
  assert.ok(memories.size <= 8, `${count} messages were in ${memories.size} frames`)
})
