import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HieraxError } from 'hierax/errors.ts'
import { MemoryLog } from '../../src/memory-log/log.ts'
import { createMemorySink } from '../../src/memory-log/sink.ts'
import { createMemorySource } from '../../src/memory-log/source.ts'

const bytes = (text: string) => Buffer.from(text)
const filled = (count: number, partitions = 3): MemoryLog => {
  const log = new MemoryLog({ partitions })
  for (let i = 0; i < count; i++) log.append({ topic: 'in', value: bytes(String(i)) })
  return log
}

test('messages without a key are spread, those of one key stay together and in order', async () => {
  const log = new MemoryLog({ partitions: 3 })
  const sink = createMemorySink(log)
  const message = (key: string | null, text: string) => ({
    topic: 'out',
    key,
    value: bytes(text),
    headers: { id: text }
  })
  for (let i = 0; i < 9; i++) await sink.send([message(null, `n${i}`), message('a', `a${i}`)])
  assert.equal(log.partitions('out'), 3)
  const keyed = log.records('out').filter(({ key }) => key === 'a')
  assert.equal(new Set(keyed.map(({ partition }) => partition)).size, 1)
  assert.deepEqual(
    keyed.map(({ headers }) => headers.id),
    Array.from({ length: 9 }, (_, i) => `a${i}`)
  )
  const spread = log.records('out').filter(({ key }) => key === null)
  assert.equal(new Set(spread.map(({ partition }) => partition)).size, 3)
  await sink.close()
  await assert.rejects(
    sink.send([message(null, 'late')]),
    (error: unknown) => error instanceof HieraxError && error.code === 'PUBLISH_FAILED'
  )
})

test('a source that does not follow ends after the last message; a later one goes on after its commits', async () => {
  const log = filled(20)
  const seen: string[] = []
  const options = { log, topics: ['in', 'absent'], follow: false, batch: 3 }
  await createMemorySource(options).run(async batch => {
    assert.ok(batch.length <= 3)
    seen.push(...batch.map(({ source }) => source))
  })
  assert.equal(new Set(seen).size, 20)
  assert.equal(seen.length, 20)
  log.append({ topic: 'in', value: null, partition: 1 })
  const later: unknown[] = []
  await createMemorySource(options).run(async batch => void later.push(...batch.map(({ value }) => value)))
  assert.deepEqual(later, [null])
})

test('a rejected batch comes again; nothing is skipped or committed before', async () => {
  const log = filled(9)
  let failures = 0
  const seen: string[] = []
  const lags: number[] = []
  const source = createMemorySource({
    log,
    topics: ['in'],
    follow: false,
    retryAfter: 1,
    onLag: (_topic, _partition, lag) => lags.push(lag)
  })
  await source.run(async batch => {
    if (batch[0]!.source.startsWith('in/1/') && failures++ < 3) {
      assert.equal(log.committed('hierax', 'in', 1), 0)
      throw new Error('no')
    }
    seen.push(...batch.map(({ source }) => source))
  })
  assert.equal(failures, 4)
  assert.equal(new Set(seen).size, 9)
  assert.equal(seen.length, 9)
  assert.deepEqual(lags, [0, 0, 0])
})

test('a source that follows takes what is appended until it is stopped, and finishes the batch in work', async () => {
  const log = new MemoryLog()
  const seen: string[] = []
  const source = createMemorySource({ log, topics: ['in'] })
  const running = source.run(async batch => {
    await sleep(30)
    seen.push(...batch.map(({ value }) => String(value)))
  })
  for (const text of ['a', 'b', 'c']) {
    log.append({ topic: 'in', value: bytes(text) })
    await sleep(60)
  }
  assert.deepEqual(seen, ['a', 'b', 'c'])
  log.append({ topic: 'in', value: bytes('d') })
  await sleep(10)
  await source.stop()
  await running
  assert.deepEqual(seen, ['a', 'b', 'c', 'd'])
})

test('a source whose handler always rejects can be stopped', async () => {
  const source = createMemorySource({ log: filled(3), topics: ['in'], retryAfter: 60_000 })
  const running = source.run(async () => {
    throw new Error('no')
  })
  await sleep(20)
  await source.stop()
  await running
})

test('messages that were deleted are gone; the others keep their offsets', async () => {
  const log = filled(6, 1)
  log.deleteBefore('in', 0, 4)
  log.deleteBefore('in', 0, 2)
  log.deleteBefore('absent', 0, 2)
  assert.deepEqual(
    log.read('in', 0, 0, 10).map(({ offset, value }) => [offset, String(value)]),
    [
      [4, '4'],
      [5, '5']
    ]
  )
  assert.equal(log.append({ topic: 'in', value: null }).offset, 6)
  assert.equal(log.end('in', 0), 7)
  assert.equal(log.end('absent', 0), 0)
  const lags: number[] = []
  const seen: string[] = []
  const onLag = (_topic: string, _partition: number, lag: number) => void lags.push(lag)
  await createMemorySource({ log, topics: ['in'], follow: false, batch: 2, onLag }).run(async batch => {
    seen.push(...batch.map(({ source }) => source))
  })
  assert.deepEqual(seen, ['in/0/4', 'in/0/5', 'in/0/6'])
  assert.deepEqual(lags, [1, 0])
})
