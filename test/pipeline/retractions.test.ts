import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Alert } from '../../src/alerts/alert.ts'
import { HieraxError } from '../../src/errors.ts'
import type { Store } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { PipelineOptions } from '../../src/pipeline.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { alertOf, bench, messages, output } from '../support/pipeline.ts'

const day = (number: number): number => 2459000.5 + number
const alerts = new Map<string, Alert>([0, 1, 12, 13, 20].map(at => [`a${at}`, alertOf('ZTF1', detectionAt(day(at)))]))
alerts.set('bogus', alertOf('ZTF1', detectionAt(day(2)), { photometry: { realBogus: 0.01 } }))

/** Objects that were first seen at most ten days before. */
const young = { ...output, routes: [{ topic: 'young', maxAgeDays: 10, minDetections: 1, retract: true }] }

/** What a pipeline sent to the topic: days of alerts, with what was not met if it is a retraction. */
async function sentTo(store: Store, names: readonly string[], parts: Partial<PipelineOptions> = {}): Promise<string[]> {
  const { pipeline, sent } = bench({ alerts, store, output: young, ...parts })
  for (const name of names) await pipeline.process(messages([name]))
  return sent
    .filter(({ topic }) => topic === 'young')
    .map(({ key, headers }) => {
      assert.equal(key, 'ZTF1')
      assert.match(headers.id as string, /^ZTF1:/)
      return `${(Number((headers.id as string).split(':')[1]) - 2459000500) / 1000}${headers.retracted ? ` not ${headers.retracted}` : ''}`
    })
}

describe('a route with retract', () => {
  test('withdraws an object once, when its current answer no longer meets the conditions', async () => {
    const store = new MemoryStore()
    assert.deepEqual(await sentTo(store, ['a0', 'a1', 'a12', 'a12', 'a13']), ['0', '1', '12 not maxAgeDays'])
    const state = await store.get('ZTF1')
    assert.deepEqual(
      state?.routes.map(({ on, jd }) => [on, jd]),
      [[false, day(12)]]
    )
  })

  test('gets no old answer from a late alert', async () => {
    assert.deepEqual(await sentTo(new MemoryStore(), ['a0', 'a12', 'a1']), ['0', '12 not maxAgeDays'])
    assert.deepEqual(await sentTo(new MemoryStore(), ['a12', 'a0']), ['12', '12 not maxAgeDays'])
  })

  test('keeps an object whose newest alert was rejected', async () => {
    const sent = await sentTo(new MemoryStore(), ['a0', 'a1', 'bogus', 'a12'])
    assert.deepEqual(sent, ['0', '1', '1', '12 not maxAgeDays'])
  })

  test('repeats a retraction that was not acknowledged, and does not lose it', async () => {
    const store = new MemoryStore()
    await sentTo(store, ['a0'])
    const send = async (): Promise<void> => {
      throw new HieraxError('PUBLISH_FAILED', 'down')
    }
    await assert.rejects(sentTo(store, ['a12'], { sink: { send, close: async () => {} } }), { code: 'PUBLISH_FAILED' })
    assert.deepEqual(await sentTo(store, ['a12', 'a13']), ['12 not maxAgeDays'])
  })

  test('withdraws what a model sent that is no longer in use', async () => {
    const store = new MemoryStore()
    await sentTo(store, ['a0'], { classifiers: [fakeClassifier('old')] })
    const classifiers = [fakeClassifier('new'), fakeClassifier('other')]
    assert.deepEqual(await sentTo(store, ['a12', 'a13'], { classifiers }), ['12 not maxAgeDays'])
  })

  test('that has changed withdraws what it no longer wants; one that came back knows what it had sent', async () => {
    const store = new MemoryStore()
    await sentTo(store, ['a0'])
    await sentTo(store, ['a1'], { output })
    const stricter = { ...output, routes: [{ topic: 'young', maxAgeDays: 10, minDetections: 9, retract: true }] }
    assert.deepEqual(await sentTo(store, ['a12'], { output: stricter }), ['12 not minDetections,maxAgeDays'])
  })
})

test('messages to topics of routes are counted, with the probability by which they met them', async () => {
  const node = fakeClassifier('net').nodes[0]!.name
  const routes = [
    { topic: 'young', maxAgeDays: 10, minDetections: 1, retract: true },
    { topic: 'likely', node, minProbability: 0, maxAgeDays: 10 }
  ]
  const counted: string[] = []
  const { pipeline, bodies } = bench({
    alerts,
    output: { ...output, routes },
    classifiers: [fakeClassifier('net')],
    onBatch: ({ routed }) =>
      counted.push(
        ...routed.map(
          ({ topic, classifier, probability, retracted }) => `${topic} ${classifier} ${probability} ${retracted}`
        )
      )
  })
  for (const name of ['a0', 'a12']) await pipeline.process(messages([name]))
  const probability = bodies()[0]?.nodes.find(({ name }) => name === node)?.probability
  assert.ok(probability !== undefined)
  assert.deepEqual(counted, [`likely net ${probability} false`, 'young net null false', 'young net null true'])
})
