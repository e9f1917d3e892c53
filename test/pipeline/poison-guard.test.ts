import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HieraxError } from '../../src/errors.ts'
import type { Journal } from '../../src/lightcurves/journal.ts'
import { PoisonGuard } from '../../src/pipeline/poison-guard.ts'
import type { BatchControl, InputMessage } from '../../src/streams/types.ts'
import { messages } from '../support/pipeline.ts'

/** A journal that outlives processes. */
class Notes implements Journal {
  readonly notes = new Map<string, string>()
  read = async (partition: string): Promise<string | null> => this.notes.get(partition) ?? null
  write = async (partition: string, note: string): Promise<void> => void this.notes.set(partition, note)
  ready = async (): Promise<void> => {}
}

const batch = (first: number, count: number): InputMessage[] =>
  messages(
    Array.from({ length: count }, () => 'packet'),
    first
  )

const offsetsOf = (taken: readonly InputMessage[]): number[] => taken.map(({ source }) => Number(source.split('/')[2]))

/** Never resolves: the process ends while a handler waits for it. */
const never = () => new Promise<never>(() => {})

const nextTurn = () => new Promise(resolve => setImmediate(resolve))

const control = (): BatchControl => ({ heartbeat: async () => {}, signal: new AbortController().signal })

/** A guard whose handler takes all that it gets; `took` are the offsets of each call, with `refused` before a refused one. */
function guarded(journal: Journal, handle: (offsets: number[]) => Promise<unknown> = async () => {}) {
  const took: (number[] | string)[] = []
  const handler = {
    async handle(messages: readonly InputMessage[], contentsDone: () => Promise<void>): Promise<number> {
      const offsets = offsetsOf(messages)
      took.push(offsets)
      await handle(offsets)
      await contentsDone()
      return messages.length
    },
    async refuse(message: InputMessage): Promise<void> {
      took.push(`refused ${offsetsOf([message])}`)
    }
  }
  return { guard: new PoisonGuard(handler, journal), took }
}

/** A process: handles a batch until `crashes` says that one of the messages ends it. */
async function life(journal: Journal, batch: readonly InputMessage[], crashes: (taken: number[]) => boolean) {
  let died = false
  let end = (): void => {}
  const death = new Promise<void>(resolve => (end = resolve))
  const { guard, took } = guarded(journal, async offsets => {
    if (!crashes(offsets)) return
    died = true
    end()
    await never()
  })
  await Promise.race([guard.process(batch, control()), death])
  return { took, died }
}

describe('a packet that ends the process', () => {
  test('is not what a process is killed for that waits for its store', async () => {
    const notes = new Notes()
    await life(notes, batch(10, 5), () => true)
    // The store takes no writes, and processes that wait for it are killed.
    const held: Journal = { read: notes.read, write: notes.write, ready: never }
    for (let n = 0; n < 6; n++) {
      void guarded(held).guard.process(batch(10, 5), control())
      await nextTurn()
    }
    const failing = { ...held, ready: () => Promise.reject(new HieraxError('STORE_FAILED', 'no answer')) }
    const { guard } = guarded(failing)
    for (let n = 0; n < 2; n++) await assert.rejects(guard.process(batch(10, 5), control()), { code: 'STORE_FAILED' })
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
    let refused = 0
    const handler = {
      handle: never,
      async refuse(): Promise<void> {
        refused++
        await never()
      }
    }
    void new PoisonGuard(handler, journal).process(batch(10, 2), control())
    for (let n = 0; n < 10 && refused === 0; n++) await nextTurn()
    assert.equal(refused, 1)
    const next = await life(journal, batch(10, 2), poison)
    assert.deepEqual(next.took, ['refused 10', [11]])
  })
})

describe('an innocent packet', () => {
  test('in flight beside others whenever a process is killed is never refused', async () => {
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
      let waiting = false
      const handler = {
        async handle(_: readonly InputMessage[], contentsDone: () => Promise<void>): Promise<number> {
          await contentsDone()
          waiting = true
          return never()
        },
        refuse: () => assert.fail('it is innocent')
      }
      void new PoisonGuard(handler, journal).process(batch(10, 1), control())
      for (let turn = 0; turn < 10 && !waiting; turn++) await nextTurn()
      assert.ok(waiting)
    }
  })

  test('whose processing fails without harm stays under suspicion, but no death is counted', async () => {
    const journal = new Notes()
    await life(journal, batch(10, 2), () => true)
    const { guard, took } = guarded(journal, () => Promise.reject(new HieraxError('STORE_FAILED', 'no answer')))
    const here = control()
    for (let n = 0; n < 10; n++) await assert.rejects(guard.process(batch(10, 2), here), { code: 'STORE_FAILED' })
    assert.deepEqual(took, Array(10).fill([10]))
  })

  test('of a partition that goes away and comes back while it is in flight alone is not held for dead', async () => {
    const journal = new Notes()
    await life(journal, batch(10, 2), () => true)
    const { guard, took } = guarded(journal, () => Promise.reject(new HieraxError('STORE_FAILED', 'no answer')))
    // The same process, another assignment each time.
    for (let n = 0; n < 10; n++) await assert.rejects(guard.process(batch(10, 2), control()))
    assert.deepEqual(took, Array(10).fill([10]))
  })
})

test('a suspect is alone in the whole process: batches of other partitions wait', async () => {
  const journal = new Notes()
  await life(journal, batch(10, 1), () => true)
  const elsewhere = batch(0, 3).map(message => ({ ...message, source: message.source.replace('in/0', 'in/1') }))
  const gates: (() => void)[] = []
  const { guard, took } = guarded(journal, () => new Promise<void>(resolve => gates.push(resolve)))
  const pass = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) await nextTurn()
  }
  const first = guard.process(elsewhere)
  await pass()
  const suspect = guard.process(batch(10, 1))
  await pass()
  assert.deepEqual(took, [[0, 1, 2]], 'it waits until the others are through')
  const second = guard.process(elsewhere)
  gates[0]?.()
  await first
  await pass()
  assert.deepEqual(took, [[0, 1, 2], [10]], 'nobody comes in beside it')
  gates[1]?.()
  await suspect
  await pass()
  assert.deepEqual(took.at(-1), [0, 1, 2])
  gates[2]?.()
  await second
})

test('the next owner of a partition finds what was in flight, and what it does not know is left as it is', async () => {
  const journal = new Notes()
  await life(journal, batch(10, 4), () => true)
  const { took } = await life(journal, batch(8, 8), () => false)
  assert.deepEqual(took, [[8, 9], [10], [11], [12], [13], [14, 15]])
  journal.notes.set('in/0', 'not a note')
  assert.deepEqual((await life(journal, batch(16, 2), () => false)).took, [[16, 17]])
})

test('messages from files pass without notes', async () => {
  const journal = new Notes()
  const { guard, took } = guarded(journal)
  await guard.process([{ ...(batch(0, 1)[0] as InputMessage), source: 'some/file.avro' }])
  assert.equal(took.length, 1)
  assert.equal(journal.notes.size, 0)
})
