import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HieraxError } from '../../src/errors.ts'
import type { Journal } from '../../src/lightcurves/stores/store.ts'
import { Quarantine } from '../../src/pipeline/quarantine.ts'
import type { BatchControl, InputMessage } from '../../src/streams/types.ts'
import { messages } from '../support/pipeline.ts'

/** A journal that outlives processes. */
class Notes implements Journal {
  readonly notes = new Map<string, string>()
  read = async (partition: string): Promise<string | null> => this.notes.get(partition) ?? null
  write = async (partition: string, note: string): Promise<void> => void this.notes.set(partition, note)
}

const batch = (first: number, count: number): InputMessage[] =>
  messages(
    Array.from({ length: count }, () => 'packet'),
    first
  )

const offsetsOf = (taken: readonly InputMessage[]): number[] => taken.map(({ source }) => Number(source.split('/')[2]))

const control = (): BatchControl => ({ heartbeat: async () => {}, signal: new AbortController().signal })

/**
 * A process: takes a batch until `dies` says that one of the messages ends it. What it took, in portions, with `refused` where a
 * message was not looked at.
 */
async function life(journal: Journal, todo: readonly InputMessage[], dies: (taken: number[]) => boolean) {
  const quarantine = new Quarantine(journal)
  const here = control()
  const took: (number[] | string)[] = []
  for (let left = todo; left.length > 0; ) {
    const passage = await quarantine.enter(left, here)
    const offsets = offsetsOf(passage.messages)
    took.push(passage.refused ? `refused ${offsets}` : offsets)
    if (!passage.refused && dies(offsets)) return { took, died: true }
    await passage.leave(true)
    left = left.slice(passage.messages.length)
  }
  return { took, died: false }
}

describe('a packet that ends the process', () => {
  test('is not what a process is killed for that waits for its store', async () => {
    const notes = new Notes()
    await life(notes, batch(10, 5), () => true)
    // The store takes no writes, and processes that wait for it are killed.
    const held: Journal = { read: notes.read, write: notes.write, ready: () => new Promise(() => {}) }
    for (let n = 0; n < 6; n++) {
      void new Quarantine(held).enter(batch(10, 5), control())
      await new Promise(resolve => setImmediate(resolve))
    }
    const failing = { ...held, ready: () => Promise.reject(new HieraxError('STORE_FAILED', 'no answer')) }
    const quarantine = new Quarantine(failing)
    for (let n = 0; n < 2; n++)
      await assert.rejects(quarantine.enter(batch(10, 5), control()), { code: 'STORE_FAILED' })
    const { took } = await life(notes, batch(10, 5), () => false)
    assert.deepEqual(took, [[10], [11], [12], [13], [14]])
  })

  test('is taken alone after the first death, refused after three more, and the others get their turn', async () => {
    const journal = new Notes()
    const poison = (taken: number[]): boolean => taken.includes(12)
    const lives = []
    for (let n = 0; n < 5; n++) lives.push(await life(journal, batch(10, 5), poison))
    assert.deepEqual(
      lives.map(({ died }) => died),
      [true, true, true, true, false]
    )
    assert.deepEqual(lives[0]?.took, [[10, 11, 12, 13, 14]])
    assert.deepEqual(lives[1]?.took, [[10], [11], [12]])
    assert.deepEqual(lives[3]?.took, [[10, 11], [12]], 'what came through once is no longer suspected')
    assert.deepEqual(lives[4]?.took, [[10, 11], 'refused 12', [13], [14]])
    const after = await life(journal, batch(15, 3), () => false)
    assert.deepEqual(after.took, [[15, 16, 17]], 'afterwards all is as before')
  })

  test('is found among several', async () => {
    const journal = new Notes()
    const refused = new Set<string>()
    const poison = (taken: number[]): boolean => taken.includes(11) || taken.includes(13)
    for (let n = 0; n < 12; n++) {
      const { took, died } = await life(journal, batch(10, 5), poison)
      for (const entry of took) if (typeof entry === 'string') refused.add(entry)
      if (!died) break
    }
    assert.deepEqual([...refused], ['refused 11', 'refused 13'])
  })

  test('is refused again when the process ends before its dead letter was acknowledged', async () => {
    const journal = new Notes()
    const poison = (taken: number[]): boolean => taken.includes(10)
    for (let n = 0; n < 4; n++) await life(journal, batch(10, 2), poison)
    const quarantine = new Quarantine(journal)
    assert.ok((await quarantine.enter(batch(10, 2), control())).refused)
    const next = await life(journal, batch(10, 2), poison)
    assert.deepEqual(next.took, ['refused 10', [11]])
  })
})

describe('an innocent packet', () => {
  test('in work beside others whenever a process is killed is never refused', async () => {
    const journal = new Notes()
    for (let n = 0; n < 20; n++) {
      const { took } = await life(journal, batch(10 + n, 5), taken => taken.length > 1 || taken[0] === 10 + n)
      assert.ok(took.every(entry => typeof entry !== 'string'))
    }
  })

  test('that waits for an acknowledgement when the process is killed is never refused', async () => {
    const journal = new Notes()
    await life(journal, batch(10, 1), () => true)
    for (let n = 0; n < 10; n++) {
      const quarantine = new Quarantine(journal)
      const passage = await quarantine.enter(batch(10, 1), control())
      assert.equal(passage.refused, false)
      await passage.leave(true) // then its message is sent, and the process killed
    }
  })

  test('whose processing fails without harm stays under suspicion, but no death is counted', async () => {
    const journal = new Notes()
    await life(journal, batch(10, 2), () => true)
    const quarantine = new Quarantine(journal)
    const here = control()
    for (let n = 0; n < 10; n++) {
      const passage = await quarantine.enter(batch(10, 2), here)
      assert.deepEqual([offsetsOf(passage.messages), passage.refused], [[10], false])
      await passage.leave(false)
    }
  })

  test('of a partition that goes away and comes back while it is in work alone is not held for dead', async () => {
    const journal = new Notes()
    await life(journal, batch(10, 2), () => true)
    const quarantine = new Quarantine(journal)
    for (let n = 0; n < 10; n++) {
      const passage = await quarantine.enter(batch(10, 2), control())
      assert.equal(passage.refused, false)
      void passage.leave(false) // the same process, another tenure
    }
  })
})

test('a suspect is alone in the whole process: batches of other partitions wait', async () => {
  const journal = new Notes()
  await life(journal, batch(10, 1), () => true)
  const quarantine = new Quarantine(journal)
  const elsewhere = batch(0, 3).map(message => ({ ...message, source: message.source.replace('in/0', 'in/1') }))
  const first = await quarantine.enter(elsewhere)
  let alone = false
  const suspect = quarantine.enter(batch(10, 1)).then(passage => {
    alone = true
    return passage
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(alone, false, 'it waits until the others are through')
  let late = false
  const second = quarantine.enter(elsewhere).then(passage => {
    late = true
    return passage
  })
  await first.leave(true)
  const passage = await suspect
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(late, false, 'nobody comes in beside it')
  await passage.leave(true)
  await (await second).leave(true)
})

test('the next owner of a partition finds what was in work, and what it does not know is left as it is', async () => {
  const journal = new Notes()
  await life(journal, batch(10, 4), () => true)
  const { took } = await life(journal, batch(8, 8), () => false)
  assert.deepEqual(took, [[8, 9], [10], [11], [12], [13], [14, 15]])
  journal.notes.set('in/0', 'not a note')
  assert.deepEqual((await life(journal, batch(16, 2), () => false)).took, [[16, 17]])
})

test('messages from files pass without notes', async () => {
  const journal = new Notes()
  const passage = await new Quarantine(journal).enter([
    { ...(batch(0, 1)[0] as InputMessage), source: 'some/file.avro' }
  ])
  await passage.leave(true)
  assert.equal(journal.notes.size, 0)
})
