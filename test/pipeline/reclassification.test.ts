import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Alert } from '../../src/alerts/alert.ts'
import type { Journal } from '../../src/lightcurves/journal.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import type { Classification } from '../../src/messages/classification.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { Reclassification, type ReclassificationOptions } from '../../src/pipeline/reclassification.ts'
import { reclassificationProgress } from '../../src/pipeline/reclassification-progress.ts'
import type { OutputMessage } from '../../src/streams/types.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { compareAnswers } from '../support/answers.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf, bench, messages, output } from '../support/pipeline.ts'
import { alertStreams } from './streams.ts'

const jd = 2459000.5
const goesOn = new AbortController().signal

function memoryJournal(): Pick<Journal, 'read' | 'write'> {
  const notes = new Map<string, string>()
  return { read: async key => notes.get(key) ?? null, write: async (key, note) => void notes.set(key, note) }
}

/** A store that a service with the model `old` has filled with these alerts. */
async function filled(alerts: ReadonlyMap<string, Alert>): Promise<MemoryStore> {
  const store = new MemoryStore()
  await bench({ alerts, store, classifiers: [fakeClassifier('old')] }).pipeline.process(messages([...alerts.keys()]))
  return store
}

/** Alerts of as many objects, each a day after the one before. */
function nights(objects: number): Map<string, Alert> {
  return new Map(
    Array.from({ length: objects }, (_, day) => {
      const objectId = `ZTF${String(day).padStart(3, '0')}`
      return [objectId, alertOf(objectId, detectionAt(jd + day, { candid: BigInt(day) + 1n }))]
    })
  )
}

/** A reclassification with the model `new`, and what it sent. */
function reclassification(store: MemoryStore, options: Partial<ReclassificationOptions> = {}) {
  const sent: OutputMessage[] = []
  const job = new Reclassification({
    store,
    journal: memoryJournal(),
    classifiers: [fakeClassifier('new')],
    sink: { send: async messages => void sent.push(...messages), close: async () => {} },
    admission,
    output,
    selection: { objectIds: [], since: null, least: null },
    rate: 0,
    total: 0,
    ...options
  })
  const bodies = (): Classification[] =>
    sent.filter(({ topic }) => topic === output.classifications).map(({ value }) => decodeClassification(value, 'avro'))
  return { job, sent, bodies, objects: () => bodies().map(({ objectId }) => objectId) }
}

/** The current message of every object, as a subscriber finds it. */
function currentOf(log: readonly OutputMessage[]): Map<string, string> {
  const best = new Map<string, { body: Classification; text: string }>()
  for (const { topic, value } of log) {
    if (topic !== output.classifications) continue
    const body = decodeClassification(value, 'avro')
    const old = best.get(body.objectId)
    if (!old || compareAnswers(body, old.body) >= 0)
      best.set(body.objectId, { body, text: Buffer.from(value).toString('hex') })
  }
  return new Map([...best].map(([objectId, { text }]) => [objectId, text]).sort() as [string, string][])
}

describe('reclassification', () => {
  test('publishes the bytes that a service with the new model would have as current', async () => {
    await fc.assert(
      fc.asyncProperty(alertStreams, async alerts => {
        const fresh = bench({ alerts, classifiers: [fakeClassifier('new')] })
        await fresh.pipeline.process(messages([...alerts.keys()]))
        const { job, sent } = reclassification(await filled(alerts))
        const outcome = await job.run(goesOn)
        assert.deepEqual(currentOf(sent), currentOf(fresh.sent))
        assert.ok(outcome.finished)
        assert.equal(outcome.reclassified, new Set([...alerts.values()].map(({ objectId }) => objectId)).size)
      }),
      { numRuns: 40 }
    )
  })

  test('also publishes to routes, and says what it was', async () => {
    const routes = [{ topic: 'likely', node: 'A', minProbability: 0 }]
    const store = await filled(nights(3))
    const { job, sent } = reclassification(store, { output: { ...output, routes } })
    const { messages, results } = await job.run(goesOn)
    assert.deepEqual(Object.fromEntries(messages), { out: 3, likely: 3 })
    assert.deepEqual(
      [...results].map(([model, nodes]) => [model, ...nodes]),
      [['new 1', ['Any', 3]]]
    )
    const [first] = sent
    assert.equal(first?.headers.source, 'reclassify')
    assert.equal(first?.headers.id, decodeClassification(first?.value as Uint8Array, 'avro').id)
    assert.equal(first?.key, 'ZTF000')
  })

  test('an object comes onto the topic of a retracting route, once it is marked', async () => {
    const routes = [{ topic: 'retracting', node: 'A', minProbability: 0, retract: true }]
    const store = await filled(nights(3))
    const { job } = reclassification(store, { output: { ...output, routes } })
    assert.equal((await job.run(goesOn)).messages.get('retracting'), 3)
    assert.deepEqual(
      (await store.get('ZTF000'))?.routes.map(({ on }) => on),
      [true]
    )
  })

  test('selects by object, by the last detection and by probability', async () => {
    const store = await filled(nights(30))
    const ran = async (selection: Partial<ReclassificationOptions['selection']>) => {
      const all = { objectIds: [], since: null, least: null, ...selection }
      const { job, bodies, objects } = reclassification(store, { selection: all })
      await job.run(goesOn)
      return { bodies: bodies(), objects: objects() }
    }
    assert.deepEqual((await ran({ objectIds: ['ZTF007', 'ZTF002', 'none', 'ZTF007'] })).objects, ['ZTF002', 'ZTF007'])
    assert.deepEqual((await ran({ since: jd + 28 })).objects, ['ZTF028', 'ZTF029'])
    const of = (body: Classification) => body.nodes.find(({ name }) => name === 'A')?.probability ?? 0
    const all = (await ran({})).bodies
    const likely = all.filter(body => of(body) >= 0.5).map(({ objectId }) => objectId)
    assert.ok(likely.length > 0 && likely.length < 30)
    assert.deepEqual((await ran({ least: { node: 'A', probability: 0.5 } })).objects, likely)
  })

  test('goes on after the last acknowledged portion, and with the first object if it was finished or is another run', async () => {
    const store = await filled(nights(175))
    const journal = memoryJournal()
    let sends = 0
    const sent: OutputMessage[] = []
    const dying = reclassification(store, {
      journal,
      sink: {
        send: async messages => {
          if (++sends === 3) throw new Error('the process has ended')
          sent.push(...messages)
        },
        close: async () => {}
      }
    })
    await assert.rejects(dying.job.run(goesOn), /has ended/)
    assert.equal(sent.length, 100)
    assert.equal((await reclassificationProgress(journal))?.objects, 100)

    const other = reclassification(store, { journal, classifiers: [fakeClassifier('newer')] })
    assert.equal(await other.job.resume(), null)
    const restarted = reclassification(store, { journal, restart: true })
    assert.equal(await restarted.job.resume(), null)

    const rest = reclassification(store, { journal })
    assert.equal(await rest.job.resume(), 'ZTF099')
    const outcome = await rest.job.run(goesOn)
    assert.deepEqual(rest.objects()[0], 'ZTF100')
    assert.equal(rest.objects().length, 75)
    assert.deepEqual([outcome.objects, outcome.reclassified], [175, 175])
    assert.equal(await reclassification(store, { journal }).job.resume(), null)
  })

  test('ends at a signal without losing what is not acknowledged', async () => {
    const store = await filled(nights(120))
    const journal = memoryJournal()
    const ending = new AbortController()
    const sent: OutputMessage[] = []
    const { job } = reclassification(store, {
      journal,
      sink: {
        async send(messages, signal) {
          if (sent.length > 0) ending.abort()
          signal?.throwIfAborted()
          sent.push(...messages)
        },
        close: async () => {}
      }
    })
    const outcome = await job.run(ending.signal)
    assert.deepEqual([outcome.finished, outcome.reclassified], [false, 50])
    assert.equal(await reclassification(store, { journal }).job.resume(), 'ZTF049')
  })

  test('a new alert that is merged meanwhile has the last word', async () => {
    const alerts = nights(2)
    const store = await filled(alerts)
    const later = alertOf('ZTF001', detectionAt(jd + 9, { candid: 99n }))
    const sent: OutputMessage[] = []
    let merged = false
    const { job } = reclassification(store, {
      sink: {
        async send(computed) {
          if (!merged) {
            merged = true
            const service = bench({ alerts: new Map([['later', later]]), store, classifiers: [fakeClassifier('new')] })
            await service.pipeline.process(messages(['later']))
            sent.push(...service.sent)
          }
          // What was computed before the alert arrives after its message.
          sent.push(...computed)
        },
        close: async () => {}
      }
    })
    const { overtaken, reclassified } = await job.run(goesOn)
    assert.deepEqual([overtaken, reclassified], [1, 2])
    const candids = sent
      .map(({ value }) => decodeClassification(value, 'avro'))
      .filter(({ objectId }) => objectId === 'ZTF001')
      .map(({ candid }) => candid)
    assert.deepEqual(candids, [99n, 2n, 99n])
  })

  test('only the process that began last goes on', async () => {
    const store = await filled(nights(120))
    const journal = memoryJournal()
    const second = reclassification(store, { journal })
    const first = reclassification(store, { journal, onProgress: () => void second.job.run(goesOn) })
    await assert.rejects(first.job.run(goesOn), { code: 'USAGE' })
  })

  test('a dry run counts, but publishes and keeps nothing', async () => {
    const store = await filled(nights(4))
    const journal = memoryJournal()
    const { job } = reclassification(store, { journal, sink: null })
    const outcome = await job.run(goesOn)
    assert.deepEqual([outcome.objects, outcome.reclassified, outcome.messages.get('out')], [4, 4, 4])
    assert.equal(await reclassificationProgress(journal), null)
  })

  test('takes no more objects a second than the rate', async () => {
    const began = performance.now()
    await reclassification(await filled(nights(24)), { rate: 40 }).job.run(goesOn)
    assert.ok(performance.now() - began >= 490)
  })
})
