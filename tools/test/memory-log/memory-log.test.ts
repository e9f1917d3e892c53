import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { HieraxError } from 'hierax/errors.ts'
import { until } from '../../../test/support/until.ts'
import { createMemorySink, createMemorySource, MemoryLog } from '../../src/memory-log/memory-log.ts'

const bytes = (text: string) => Buffer.from(text)
const filled = (count: number, partitions = 3): MemoryLog => {
  const log = new MemoryLog({ partitions })
  for (let i = 0; i < count; i++) log.append({ topic: 'in', value: bytes(String(i)) })
  return log
}

test('messages without a key are spread over partitions, those of one key stay in order in one', async () => {
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

test('without follow a source ends after the last message; the next one resumes at the committed offsets', async () => {
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

test('a rejected batch is retried before anything is skipped or committed', async () => {
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

test('with follow a source reads appended messages until it is stopped, and finishes the batch in flight', async () => {
  const log = new MemoryLog()
  const seen: string[] = []
  const source = createMemorySource({ log, topics: ['in'] })
  const steps = new EventEmitter()
  const running = source.run(async batch => {
    steps.emit('started')
    await once(steps, 'finish')
    seen.push(...batch.map(({ value }) => String(value)))
  })
  for (const text of ['a', 'b', 'c']) {
    const started = once(steps, 'started')
    log.append({ topic: 'in', value: bytes(text) })
    await started
    steps.emit('finish')
    await until(() => seen.at(-1) === text)
  }
  const started = once(steps, 'started')
  log.append({ topic: 'in', value: bytes('d') })
  await started
  const stopped = source.stop()
  assert.deepEqual(seen, ['a', 'b', 'c'])
  steps.emit('finish')
  await stopped
  await running
  assert.deepEqual(seen, ['a', 'b', 'c', 'd'])
})

test('a source whose handler always rejects can be stopped', async () => {
  const source = createMemorySource({ log: filled(3), topics: ['in'], retryAfter: 2 ** 30 })
  let calls = 0
  const running = source.run(async () => {
    calls += 1
    throw new Error('no')
  })
  await until(() => calls === 1)
  await source.stop()
  await running
  assert.equal(calls, 1)
})

test('deleted messages are not read; the others keep their offsets', async () => {
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
