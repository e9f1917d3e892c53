import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LmdbWrites } from '../../../src/lightcurves/stores/lmdb-writes.ts'

/** An environment whose writes are answered when the test says so. */
function environment() {
  const answers: { resolve(): void; reject(error: Error): void }[] = []
  const flushes: ((error?: Error) => void)[] = []
  let closed = false
  return {
    answers,
    flushes,
    isClosed: () => closed,
    transaction: <T>(work: () => T): Promise<T> =>
      new Promise((resolve, reject) => answers.push({ resolve: () => resolve(work()), reject })),
    resetReadTxn: () => {},
    get: (_key: string): unknown => null,
    sync: (done: (error?: Error) => void) => void flushes.push(done),
    close: async () => {
      closed = true
    }
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('a write without an answer is a failure after its time, and no other is begun until it is answered', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb, 30)
  await assert.rejects(
    writes.transaction(() => 1),
    /no answer for/
  )
  assert.equal(writes.trouble(), 'writes have no answer')
  await assert.rejects(
    writes.transaction(() => 2),
    /no answer for/
  )
  assert.equal(lmdb.answers.length, 1, 'retries do not pile up behind it')
  lmdb.answers[0]?.resolve()
  await turn()
  assert.equal(writes.trouble(), null)
  const later = writes.transaction(() => 3)
  lmdb.answers[1]?.resolve()
  assert.equal(await later, 3)
})

test('an environment that LMDB gave up is told from one that waits', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb, 20)
  assert.equal(writes.lost(), false)
  await assert.rejects(writes.transaction(() => 1))
  assert.equal(writes.lost(), false, 'its lock is held elsewhere')
  lmdb.get = () => {
    throw new Error('MDB_PANIC: Update of meta page failed or environment had fatal error')
  }
  assert.equal(writes.lost(), true)
})

test('an environment that does not answer is not closed: that would wait for ever', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb, 20)
  await writes.close()
  assert.equal(lmdb.isClosed(), false)
})

test('closing waits for a write that went well, since what failed is never settled', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb)
  const closing = writes.close()
  await turn()
  assert.equal(lmdb.isClosed(), false)
  lmdb.answers[0]?.resolve()
  await closing
  assert.equal(lmdb.isClosed(), true)
})

test('who commits while a flush runs waits for the next one, shared with all who do', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb)
  let done = 0
  const flush = () => writes.flush().then(() => void done++)
  const first = flush()
  await turn()
  const others = [flush(), flush()]
  await turn()
  assert.equal(lmdb.flushes.length, 1)
  lmdb.flushes[0]?.()
  await first
  await turn()
  assert.equal(done, 1)
  assert.equal(lmdb.flushes.length, 2)
  lmdb.flushes[1]?.()
  await Promise.all(others)
  assert.equal(done, 3)
})

test('a flush that fails rejects for those who waited for it, and not for others', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb)
  const first = assert.rejects(writes.flush(), /No space left/)
  await turn()
  const second = writes.flush()
  lmdb.flushes[0]?.(new Error('No space left on device'))
  await first
  await turn()
  lmdb.flushes[1]?.()
  await second
})
