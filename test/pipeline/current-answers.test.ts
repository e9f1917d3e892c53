import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Store } from '../../src/lightcurves/store.ts'
import { MemoryStore } from '../../src/lightcurves/stores/memory.ts'
import { currentKey, currentTombstone, readCurrentKey } from '../../src/messages/current.ts'
import { decodeClassification } from '../../src/messages/encoding.ts'
import { CurrentCheck } from '../../src/pipeline/current-answers.ts'
import { ObjectClassifier } from '../../src/pipeline/object-classifier.ts'
import type { OutputMessage } from '../../src/streams/types.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, bench, messages, output } from '../support/pipeline.ts'
import { alertStreams } from './streams.ts'

const current = { topic: 'current', group: 'hierax' }
const settings = { ...output, current }
const classifiers = [fakeClassifier('one'), fakeClassifier('two')]
const models = classifiers.map(({ sha256 }) => sha256)

/** A topic of current classifications, with what checks it. */
class Topic {
  readonly log: OutputMessage[] = []
  readonly store = new MemoryStore()
  readonly classifier = new ObjectClassifier({ store: this.store, classifiers, admission })
  #read = 0
  #check = this.#newCheck()

  #newCheck(): CurrentCheck {
    const { store, classifier } = this
    return new CurrentCheck({ store, classifier, models, settings, current })
  }

  write(messages: readonly OutputMessage[]): void {
    this.log.push(...messages.filter(({ topic }) => topic === current.topic))
  }

  /** Checks the next records; the process may be killed before it commits. */
  async check(records: number, killed = false): Promise<void> {
    const part = this.log.slice(this.#read, this.#read + records)
    const read = part.map(({ key, value, tombstone, headers }) => ({ key, value: tombstone ? null : value, headers }))
    await this.#check.correct(read, async corrections => this.write(corrections))
    if (killed) this.#check = this.#newCheck()
    else this.#read += part.length
  }

  async checkAll(): Promise<void> {
    for (let rounds = 0; this.#read < this.log.length; rounds++) {
      assert.ok(rounds < 1000, 'corrections come to an end')
      await this.check(7)
    }
  }

  /** Ids by key, as a compacted topic keeps them. */
  kept(): Map<string, string> {
    const kept = new Map<string, string>()
    for (const { key, value, tombstone } of this.log) {
      if (tombstone) kept.delete(key as string)
      else kept.set(key as string, decodeClassification(value, 'avro').id)
    }
    return kept
  }

  /** Ids by key, by the store. */
  async expected(objectIds: readonly string[]): Promise<Map<string, string>> {
    const expected = new Map<string, string>()
    for (const objectId of objectIds) {
      const state = await this.store.get(objectId)
      for (const body of state ? await this.classifier.currentClassifications(state) : [])
        expected.set(currentKey({ objectId, sha256: body.classifier.sha256 }), body.id)
    }
    return expected
  }
}

test('whatever is written late, twice or not at all, the last record of every key is its current classification', async () => {
  await fc.assert(
    fc.asyncProperty(alertStreams, fc.infiniteStream(fc.nat(999)), async (alerts, chances) => {
      const chance = (): number => chances.next().value / 1000
      const topic = new Topic()
      const names = [...alerts.keys()]
      const waiting: string[][] = []
      while (names.length > 0) waiting.push(names.splice(0, 1 + Math.floor(chance() * 4)))
      /** What suspended processes have not written yet. */
      const late: OutputMessage[][] = []
      while (waiting.length > 0) {
        const batch = waiting.splice(Math.floor(chance() * waiting.length), 1)[0] as string[]
        const { pipeline, sent } = bench({ alerts, classifiers, store: topic.store as Store, output: settings })
        await pipeline.process(messages(batch))
        const fate = chance()
        if (fate < 0.3) {
          // Suspended: the batch is done again by another process, and what this one sends comes at any time after.
          late.push(sent)
          waiting.push(batch)
        } else if (fate < 0.4) {
          // Killed after some of its records.
          topic.write(sent.slice(0, Math.floor(chance() * sent.length)))
          waiting.push(batch)
        } else topic.write(sent)
        if (chance() < 0.3 && late.length > 0) topic.write(late.splice(Math.floor(chance() * late.length), 1)[0] ?? [])
        if (chance() < 0.5) await topic.check(1 + Math.floor(chance() * 10), chance() < 0.3)
        if (chance() < 0.1) {
          const objectId = [...alerts.values()][0]?.objectId as string
          await topic.store.remove([objectId])
          topic.write(models.map(sha256 => currentTombstone({ objectId, sha256 }, current)))
        }
      }
      await topic.checkAll()
      for (const messages of late) topic.write(messages)
      await topic.checkAll()
      const objectIds = [...new Set([...alerts.values()].map(({ objectId }) => objectId))]
      const kept = topic.kept()
      for (const [key, id] of await topic.expected(objectIds)) assert.equal(kept.get(key), id, key)
      for (const key of kept.keys())
        assert.ok(await topic.store.get(readCurrentKey(key).objectId), `${key} was removed`)
    }),
    { numRuns: 20 }
  )
})

test('a correction that was not written when the group was rebalanced is made again', async () => {
  const topic = new Topic()
  const [alerts = new Map()] = fc.sample(alertStreams, { numRuns: 1, seed: 1 })
  const { pipeline } = bench({ alerts, classifiers, store: topic.store as Store, output: settings })
  await pipeline.process(messages([...alerts.keys()]))
  const objectId = [...alerts.values()][0]?.objectId as string
  const sha256 = models[0] as string
  const stale = { key: currentKey({ objectId, sha256 }), value: new Uint8Array(1), headers: { group: current.group } }
  const { classifier } = topic
  let atRead = (): void => {}
  const store = {
    get(id: string) {
      atRead()
      return topic.store.get(id)
    }
  }
  const check = new CurrentCheck({ store, classifier, models, settings, current })
  const lost = () => Promise.reject(new Error('the group was rebalanced'))
  // While the records are compared, and while the correction is sent.
  atRead = () => check.forget()
  await assert.rejects(check.correct([stale], lost), /rebalanced/)
  atRead = () => {}
  const sent: OutputMessage[] = []
  await assert.rejects(check.correct([stale], lost), /rebalanced/)
  await check.correct([stale], async corrections => void sent.push(...corrections))
  assert.deepEqual(
    sent.map(({ key }) => key),
    [stale.key]
  )
  await check.correct([stale], async corrections => assert.deepEqual(corrections, [], 'it comes later in the topic'))
  check.forget()
  await check.correct([stale], async corrections => assert.equal(corrections.length, 1))
})

test('a record of equal rank from before the object was deleted is corrected', async () => {
  const topic = new Topic()
  const [alerts = new Map()] = fc.sample(alertStreams, { numRuns: 1, seed: 1 })
  const { pipeline, sent } = bench({ alerts, classifiers, store: topic.store as Store, output: settings })
  await pipeline.process(messages([...alerts.keys()]))
  topic.write(sent)
  const { key = null, value, headers } = topic.log.at(-1) as OutputMessage
  const { store, classifier } = topic
  const check = new CurrentCheck({ store, classifier, models, settings, current })
  const corrected: (string | null)[] = []
  const send = async (corrections: readonly OutputMessage[]) =>
    void corrected.push(...corrections.map(({ key }) => key))
  await check.correct([{ key, value, headers }], send)
  assert.deepEqual(corrected, [])
  await check.correct(
    [{ key, value, headers: { ...headers, id: `${headers.id?.slice(0, -16)}0123456789abcdef` } }],
    send
  )
  assert.deepEqual(corrected, [key])
})

test('records of other groups and models are left alone', async () => {
  const topic = new Topic()
  const other = { topic: 'current', group: 'other' }
  topic.write([currentTombstone({ objectId: 'A', sha256: models[0] as string }, other)])
  await topic.checkAll()
  assert.equal(topic.log.length, 1)
})

test('a key is read as it was written, whatever the name of the object', () => {
  fc.assert(
    fc.property(fc.string(), objectId => {
      const key = { objectId, sha256: 'a'.repeat(64) }
      assert.deepEqual(readCurrentKey(currentKey(key)), key)
    })
  )
})
