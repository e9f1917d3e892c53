import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Alert } from '../../src/alerts/alert.ts'
import { timeOfJd } from '../../src/julian-date.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { Reclassification } from '../../src/pipeline/reclassification.ts'
import type { OutputMessage } from '../../src/streams/types.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { readDesc } from '../support/desc.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf, bench, messages, output } from '../support/pipeline.ts'

const classifiers = [fakeClassifier('one'), fakeClassifier('two')]
const leaves = new Map([
  ['A', 2222],
  ['B', 2332]
])
const desc = { topic: 'desc', classes: new Map(classifiers.map(({ sha256 }) => [sha256, leaves])) }
const settings = { classifiers, output: { ...output, desc } }

const day = (n: number): number => 2459000.5 + n
const alerts = new Map<string, Alert>([
  ...[1, 2, 3].map((n): [string, Alert] => [`a${n}`, alertOf('A', detectionAt(day(n), { candid: BigInt(n) }))]),
  ['bogus', alertOf('B', detectionAt(day(1), { candid: 9n }), { photometry: { realBogus: 0 } })]
])
const arrival = 1_700_000_000_000
const batch = (names: readonly string[], first: number) =>
  messages(names, first).map((message, index) => ({ ...message, ingested: arrival + first + index, timestamped: true }))

const to = (topic: string, sent: readonly OutputMessage[]) => sent.filter(message => message.topic === topic)
const brief = (sent: readonly OutputMessage[]) =>
  to('desc', sent).map(({ value }) => {
    const { alertId, brokerIngestTimestamp, classifications } = readDesc(value)
    const ingested = brokerIngestTimestamp === null ? null : Number(brokerIngestTimestamp) - arrival
    return [Number(alertId), ingested, classifications.map(({ classId }) => classId).join()]
  })

test('each classification of each model has a message in its order; only the packet of an alert gives its timestamp', async () => {
  const { pipeline, sent } = bench({ alerts, ...settings })
  await pipeline.process(batch(['a3', 'bogus'], 0))
  await pipeline.process(batch(['a1', 'rubbish', 'a2'], 2))
  const of = (...expected: unknown[]) => [...expected, ...expected]
  assert.deepEqual(brief(sent), [
    ...of([3, 0, '2222,2332'], [9, 1, '300']),
    ...of([1, 2, '2222,2332'], [2, 4, '2222,2332'], [3, null, '2222,2332'])
  ])
  assert.deepEqual(
    to('desc', sent).map(({ key, headers }) => [key, headers.id]),
    to('out', sent).map(({ key, headers }) => [key, headers.id])
  )
  const again = to('desc', sent).at(-1)
  assert.equal(Number(readDesc(again?.value ?? null).elasticcPublishTimestamp), Math.round(timeOfJd(day(3))))
})

test('a batch that is repeated after a crash gives the same bytes, also in other portions', async () => {
  const bytesOf = (sent: readonly OutputMessage[]) =>
    new Set(to('desc', sent).map(({ value }) => Buffer.from(value).toString('hex')))
  const store = new MemoryStore()
  await bench({ alerts, store, ...settings }).pipeline.process(batch(['a3', 'a1', 'a2'], 0))
  const once = bench({ alerts, store, ...settings })
  await once.pipeline.process(batch(['a3', 'a1', 'a2'], 0))
  const parts = bench({ alerts, store, ...settings })
  await parts.pipeline.process(batch(['a3'], 0))
  await parts.pipeline.process(batch(['a1', 'a2'], 1))
  assert.equal(bytesOf(once.sent).size, 8, 'a3 with its timestamp and without, of two models')
  assert.deepEqual(bytesOf(parts.sent), bytesOf(once.sent))
})

test('a reclassification gives the bytes of an alert without a timestamp', async () => {
  const store = new MemoryStore()
  const { pipeline, sent } = bench({ alerts, store, ...settings })
  await pipeline.process(batch(['a3', 'a1'], 0))
  const again: OutputMessage[] = []
  const reclassification = new Reclassification({
    ...{ store, journal: store.journal, ...settings, admission, rate: 0, total: 1 },
    selection: { objectIds: [], since: null, least: null },
    sink: { send: async some => void again.push(...some), close: async () => {} }
  })
  await reclassification.run(new AbortController().signal)
  const last = to('desc', sent).filter(({ value }) => readDesc(value).brokerIngestTimestamp === null)
  assert.deepEqual(
    to('desc', again).map(({ value }) => value),
    last.map(({ value }) => value)
  )
  assert.equal(last.length, 2)
})
