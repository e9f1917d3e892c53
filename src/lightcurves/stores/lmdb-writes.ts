import type { RootDatabase } from 'lmdb'
import { HieraxError } from '../../errors.ts'

/** How long a write may have no answer before it counts as failed, ms. */
const defaultPatience = 20_000

/** How long it may have none before that is told, ms. */
const quiet = 10_000

/** What LMDB's typed interface leaves out. */
type Environment = Pick<RootDatabase<unknown, string>, 'transaction' | 'close'> & {
  /** Puts on disk all that was committed, at no cost where it is there already. */
  sync(done: (error?: Error) => void): void
  /** The next read looks at the newest state. */
  resetReadTxn(): void
  get(key: string): unknown
}

/**
 * Writes of one LMDB environment, each with an answer within bounded time.
 *
 * The library's promise `flushed` is not used: it is that of the newest transaction, and where that one fails, as on a full
 * disk, it is never settled, neither for its own caller nor for those whose commits went well before.
 *
 * A write may yet have no answer: while another process that holds the lock of the environment is stopped or hangs, and
 * where LMDB gave the environment up (the write of its first page failed). The first ends with that process; in the second
 * nothing but a new process helps, for an environment that waits for its lock can't be closed.
 */
export class LmdbWrites {
  readonly #environment: Environment
  readonly #patience: number
  /** Writes that wait for their answer, by when they began, and whether their caller was told that none came in time. */
  readonly #open = new Set<{ readonly since: number; late: boolean }>()
  #flushing: Promise<void> = Promise.resolve()
  #nextFlush: Promise<void> | null = null

  constructor(environment: Environment, patience = defaultPatience) {
    this.#environment = environment
    this.#patience = patience
  }

  /**
   * Runs `work` inside a write transaction; resolves when that is committed, to be seen by all. Rejects where it fails or has
   * no answer in time; it may be done later all the same.
   */
  async transaction<T>(work: () => T): Promise<T> {
    // Another one would only wait behind it, and all of them be done one day.
    if (this.#late() || this.#waited() > this.#patience) throw noAnswer(this.#waited())
    return await this.#inTime(this.#environment.transaction(work))
  }

  /** Resolves when all that was committed until now is on disk. Several who wait share a flush. */
  async flush(): Promise<void> {
    // One that has begun may have looked before the caller's commit: the next is theirs.
    this.#nextFlush ??= this.#flushing.then(() => {
      this.#nextFlush = null
      const flush = this.#inTime(this.#sync())
      this.#flushing = flush.catch(() => {})
      return flush
    })
    await this.#nextFlush
  }

  /** Why writes can't be relied on at present; null where nothing is known against them. */
  trouble(): string | null {
    return this.#late() || this.#waited() > quiet ? 'writes have no answer' : null
  }

  /** Whether LMDB gave the environment up; looked into only while writes have no answer. */
  lost(): boolean {
    if (this.trouble() === null) return false
    try {
      this.#environment.resetReadTxn()
      this.#environment.get('meta')
      return false
    } catch (error) {
      return /MDB_PANIC/.test(String(error))
    }
  }

  /** Closes the environment when all is written. One that does not answer is left to the end of the process. */
  async close(): Promise<void> {
    // The promise of a write that failed is never settled, and closing waits for the last: let that be a good one.
    const settled = await this.transaction(() => {}).then(
      () => true,
      () => this.#open.size === 0
    )
    if (settled) await this.#inTime(this.#environment.close())
  }

  #sync(): Promise<void> {
    return new Promise((resolve, reject) => this.#environment.sync(error => (error ? reject(error) : resolve())))
  }

  /** Whether a caller was told that there is no answer: timers run a fraction of a millisecond ahead of what is measured. */
  #late(): boolean {
    return [...this.#open].some(write => write.late)
  }

  /** How long the oldest write has waited, ms. */
  #waited(): number {
    const now = performance.now()
    let longest = 0
    for (const { since } of this.#open) longest = Math.max(longest, now - since)
    return longest
  }

  async #inTime<T>(write: PromiseLike<T>): Promise<T> {
    const open = { since: performance.now(), late: false }
    this.#open.add(open)
    const answered = Promise.resolve(write).finally(() => this.#open.delete(open))
    // Told to nobody where it comes too late.
    answered.catch(() => {})
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        open.late = true
        reject(noAnswer(this.#patience))
      }, this.#patience)
    })
    try {
      return await Promise.race([answered, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

function noAnswer(ms: number): Error {
  return new Error(
    `no answer for ${Math.round(ms / 1000)} s: another process of this store may be stopped in the middle of a write, or the disk hangs`
  )
}

/** Turns whatever a write threw into a STORE_FAILED that says why. */
export async function failed(what: string, thrown: unknown): Promise<HieraxError> {
  if (thrown instanceof HieraxError) return thrown
  const cause = await reasonOf(thrown)
  return new HieraxError('STORE_FAILED', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause
  })
}

/** Where a commit fails, LMDB tells why by a second promise, rejected just now: unheard, it would end the process. */
async function reasonOf(thrown: unknown): Promise<unknown> {
  const { commitError } = thrown as { commitError?: Promise<never> }
  if (!commitError) return thrown
  const unknown = new Promise(resolve => setImmediate(resolve, thrown))
  return Promise.race([commitError.catch((reason: unknown) => reason), unknown])
}
