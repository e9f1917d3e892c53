import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LmdbWrites } from '../../../src/lightcurves/stores/lmdb-writes.ts'
import { until } from '../../support/until.ts'

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
  const writes = new LmdbWrites(lmdb, { patience: 30 })
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

describe('an environment without answers', () => {
  const options = { patience: 10, grace: 10 }
  const panic = new Error('MDB_PANIC: Update of meta page failed or environment had fatal error')

  test('is lost when a write or a flush fails with a panic of LMDB, and is not written or closed again', async () => {
    const ways = [
      (lmdb: ReturnType<typeof environment>) => lmdb.flushes[0]?.(panic),
      (lmdb: ReturnType<typeof environment>) => lmdb.answers[0]?.reject(panic),
      (lmdb: ReturnType<typeof environment>) =>
        lmdb.answers[0]?.reject(Object.assign(new Error('Commit failed'), { commitError: Promise.reject(panic) }))
    ]
    for (const fail of ways) {
      const lmdb = environment()
      const told: string[] = []
      const writes = new LmdbWrites(lmdb, {
        patience: 500,
        onLost: ({ code, message }) => told.push(`${code}: ${message}`)
      })
      const both = [writes.transaction(() => {}), writes.flush()].map(write => write.catch(() => {}))
      await turn()
      assert.equal(writes.lost(), false)
      fail(lmdb)
      await Promise.race(both)
      await turn()
      assert.equal(writes.lost(), true)
      assert.equal(writes.trouble(), 'writes have no answer')
      assert.match(
        told.join(),
        /^STORE_FAILED: this process can no longer write to the store[^,]*,[^,]*a new process can$/
      )
      const begun = lmdb.answers.length
      await assert.rejects(
        writes.transaction(() => {}),
        /can no longer write/
      )
      await writes.close()
      assert.equal(lmdb.answers.length, begun)
      assert.equal(lmdb.isClosed(), false)
    }
  })

  test('is lost when reading fails with a panic of LMDB', async () => {
    const lmdb = environment()
    const writes = new LmdbWrites(lmdb, options)
    lmdb.get = () => {
      throw panic
    }
    await assert.rejects(writes.transaction(() => 1))
    await until(() => writes.lost())
  })

  test('is lost when a new process can write', async () => {
    const lmdb = environment()
    let told = 0
    const writes = new LmdbWrites(lmdb, { ...options, probe: async () => true, onLost: () => told++ })
    await assert.rejects(writes.transaction(() => 1))
    await until(() => writes.lost())
    assert.equal(told, 1)
  })

  test('is waited for while a new process can not write either: another one holds the lock', async () => {
    const lmdb = environment()
    let probes = 0
    let thaw = (_free: boolean): void => {}
    const probe = () => {
      probes++
      return new Promise<boolean>(resolve => {
        thaw = resolve
      })
    }
    const writes = new LmdbWrites(lmdb, { ...options, probe })
    const write = writes.transaction(() => 1)
    await assert.rejects(write)
    await until(() => probes === 1)
    thaw(false)
    await until(() => probes === 2)
    assert.equal(writes.lost(), false)
    lmdb.answers[0]?.resolve()
    await turn()
    thaw(true)
    await turn()
    const later = writes.transaction(() => 2)
    lmdb.answers[1]?.resolve()
    assert.equal(await later, 2)
    assert.equal(writes.lost(), false)
  })
})

test('an environment that does not answer is not closed: that would wait forever', async () => {
  const lmdb = environment()
  const writes = new LmdbWrites(lmdb, { patience: 20 })
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

describe('work on many items', () => {
  /** An environment that does the work of a transaction at once, and commits when the test says so. */
  function slowCommits() {
    const commit = { resolve: () => {}, reject: (_error: Error) => {} }
    const committed = new Promise<void>((resolve, reject) => Object.assign(commit, { resolve, reject }))
    const lmdb = environment()
    const transaction = async <T>(work: () => T): Promise<T> => {
      await turn()
      const result = work()
      await committed
      return result
    }
    return { commit, writes: new LmdbWrites({ ...lmdb, transaction }, { patience: 500 }) }
  }

  /** Takes longer than a transaction may hold the event loop. */
  const slowly = (item: number): number => {
    for (const began = performance.now(); performance.now() - began < 30; );
    return 10 * item
  }

  test('has results before the transactions are committed', async () => {
    const { commit, writes } = slowCommits()
    const { results, committed } = await writes.inTurns([1, 2, 3], slowly)
    assert.deepEqual(results, [10, 20, 30])
    let isCommitted = false
    const noted = committed.then(() => {
      isCommitted = true
    })
    await turn()
    assert.equal(isCommitted, false)
    commit.resolve()
    await noted
  })

  test('is not committed if one of the transactions is not', async () => {
    const { commit, writes } = slowCommits()
    const { committed } = await writes.inTurns([1, 2], slowly)
    commit.reject(new Error('No space left on device'))
    await assert.rejects(committed, /No space left/)
  })

  test('is not committed if a transaction has no answer in time', async () => {
    const { writes } = slowCommits()
    const { committed } = await writes.inTurns([1], item => item)
    await assert.rejects(committed, /no answer for/)
  })

  test('rejects if the work fails', async () => {
    const { writes } = slowCommits()
    const failing = writes.inTurns([1], () => {
      throw new Error('a damaged record')
    })
    await assert.rejects(failing, /a damaged record/)
  })
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
