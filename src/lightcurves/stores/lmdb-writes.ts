import { setTimeout as sleep } from 'node:timers/promises'
import type { RootDatabase } from 'lmdb'
import { HieraxError } from '../../errors.ts'
import { holdProcessEnd } from '../../process-end.ts'

/** How long a write may have no answer before it counts as failed, ms. */
const defaultPatience = 20_000

/** How long a write may have no answer before `trouble` reports it, ms. */
const quiet = 10_000

/** How long a write may still have no answer when a new process could write, ms. */
const grace = 5000

/** How long one transaction may hold the event loop, ms. */
const longestTurn = 20

type TypedEnvironment = Pick<RootDatabase<unknown, string>, 'transaction' | 'close' | 'get'>

/** With what LMDB's typed interface leaves out. */
interface Environment extends TypedEnvironment {
  /** Puts on disk all that was committed, at no cost where it is there already. */
  sync(done: (error?: Error) => void): void
  /** The next read looks at the newest state. */
  resetReadTxn(): void
}

/** How writes are watched. */
export interface LmdbWritesOptions {
  /** How long a write may have no answer before it counts as failed, ms; 20,000 unless given. */
  readonly patience?: number | undefined
  /** The disk of the environment, asked before every write. */
  readonly disk?: { check(): void; failed(error: unknown): void } | undefined
  /** Whether a new process can write to the same environment. Without it, only errors show that the environment is lost. */
  readonly probe?: (() => Promise<boolean>) | undefined
  /** How long a write may still have no answer after a probe, ms; 5,000 unless given. */
  readonly grace?: number
  /** Called once, when the environment is lost. */
  readonly onLost?: ((error: HieraxError) => void) | undefined
}

interface OpenWrite {
  /** When it began, ms (`performance.now()`). */
  readonly since: number
  /** Whether its caller got an error because the answer did not come in time. */
  late: boolean
}

/**
 * Writes of one LMDB environment. Each is answered within a bounded time.
 *
 * The library's promise `flushed` is not used. It belongs to the newest transaction; if that one fails, as on a full disk, it is
 * never settled, not even for callers whose commits had succeeded.
 *
 * A write may get no answer, for one of two reasons:
 * - Another process holds the lock and is stopped or hangs. The write continues when that process continues or ends.
 * - The environment is lost. When another process is killed while it flushes, LMDB can mistake the dead process for one of its own
 *   threads and refuse the environment from then on (MDB_PANIC). Also, the library's write thread keeps its lock when a
 *   transaction can't begin. A lost environment can be neither written nor closed, but a new process can open it again.
 * An error MDB_PANIC, or a new process that can write while this one can't, shows that the environment is lost.
 */
export class LmdbWrites {
  readonly #environment: Environment
  readonly #options: LmdbWritesOptions
  readonly #patience: number
  /** Writes without an answer. */
  readonly #open = new Set<OpenWrite>()
  #flushing: Promise<void> = Promise.resolve()
  #nextFlush: Promise<void> | null = null
  readonly #release: () => void
  #processEnds = false
  #lost = false
  #diagnosing = false

  constructor(environment: TypedEnvironment, options: LmdbWritesOptions = {}) {
    muteCommitErrors()
    this.#environment = environment as Environment
    this.#options = options
    this.#patience = options.patience ?? defaultPatience
    this.#release = holdProcessEnd(() => this.#settle())
  }

  /**
   * Runs `work` inside a write transaction; resolves with its result when it has run. Rejects if it fails or has no answer in time. `committed`
   * resolves when the transaction is committed and visible to all, and rejects if that fails or has no answer in time; it may still be
   * committed later. Its rejection need not be handled.
   */
  async begin<T>(work: () => T): Promise<{ readonly result: T; readonly committed: Promise<void> }> {
    if (this.#lost) throw lost()
    if (this.#processEnds) return new Promise(() => {})
    // Another write would only queue behind the one without an answer.
    if (this.#late() || this.#waited() > this.#patience) throw noAnswer(this.#waited())
    try {
      this.#options.disk?.check()
    } catch (error) {
      // Whoever tries again at once must not keep the event loop from everything else.
      await sleep(1)
      throw error
    }
    return new Promise((resolve, reject) => {
      const transaction = this.#environment.transaction(() => {
        const result = work()
        resolve({ result, committed })
      })
      const committed = this.#inTime(transaction)
      committed.catch(reject)
    })
  }

  /** Runs `work` inside a write transaction; resolves with its result when it is committed. Rejects as `begin` and its `committed` do. */
  async transaction<T>(work: () => T): Promise<T> {
    const { result, committed } = await this.begin(work)
    await committed
    return result
  }

  /**
   * Does `work` on every item, as many in a transaction as fit into one turn of the event loop. Resolves with the results when all work is
   * done, perhaps before it is committed: see {@link begin}.
   */
  async inTurns<T, R>(
    items: readonly T[],
    work: (item: T) => R
  ): Promise<{ results: R[]; committed: Promise<unknown> }> {
    const results: R[] = []
    const commits: Promise<void>[] = []
    while (results.length < items.length) {
      const { committed } = await this.begin(() => {
        const began = performance.now()
        while (results.length < items.length && performance.now() - began < longestTurn) {
          results.push(work(items[results.length] as T))
        }
      })
      commits.push(committed)
    }
    const committed = Promise.all(commits)
    committed.catch(() => {})
    return { results, committed }
  }

  /** Resolves when everything committed so far is on disk. Concurrent callers share a flush. */
  async flush(): Promise<void> {
    // A flush in progress may have begun before the caller's commit, so the caller waits for the next one.
    this.#nextFlush ??= this.#flushing.then(() => {
      this.#nextFlush = null
      const flush = this.#inTime(this.#sync())
      this.#flushing = flush.catch(() => {})
      return flush
    })
    await this.#nextFlush
  }

  /** Why writes are unreliable at present; null if they work as far as is known. */
  trouble(): string | null {
    return this.#lost || this.#late() !== undefined || this.#waited() > quiet ? 'writes have no answer' : null
  }

  /** Whether this process can never write to the environment again. */
  lost(): boolean {
    return this.#lost
  }

  /** Closes the environment when everything is written. An environment that does not answer stays open until the process ends. */
  async close(): Promise<void> {
    // Closing waits for the last write, and the promise of a failed write is never settled: make the last one succeed.
    const settled = await this.transaction(() => {}).then(
      () => true,
      () => this.#open.size === 0 && !this.#lost
    )
    if (settled) {
      await this.#inTime(this.#environment.close())
      this.#release()
    } else this.#lost = true
  }

  /** Lets the process exit: begins no more writes, and waits for those in progress. False if they will not end. */
  async #settle(): Promise<boolean> {
    this.#processEnds = true
    while (this.#open.size > 0 && !this.#lost) await sleep(1)
    return !this.#lost
  }

  #sync(): Promise<void> {
    return new Promise((resolve, reject) => this.#environment.sync(error => (error ? reject(error) : resolve())))
  }

  /** The first write whose caller got an error. Its age is not compared: timers fire a fraction of a millisecond early. */
  #late(): OpenWrite | undefined {
    return [...this.#open].find(write => write.late)
  }

  /** How long the oldest write has waited, ms. */
  #waited(): number {
    const now = performance.now()
    let longest = 0
    for (const { since } of this.#open) longest = Math.max(longest, now - since)
    return longest
  }

  async #inTime<T>(write: PromiseLike<T>): Promise<T> {
    const open: OpenWrite = { since: performance.now(), late: false }
    this.#open.add(open)
    const answered = Promise.resolve(write).finally(() => this.#open.delete(open))
    // If it rejects after the time limit, nobody handles it.
    answered.catch(() => {})
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        open.late = true
        void this.#diagnose()
        reject(noAnswer(this.#patience))
      }, this.#patience)
    })
    try {
      return await Promise.race([answered, late])
    } catch (error) {
      const reason = await reasonOf(error)
      if (isPanic(reason)) this.#lose()
      this.#options.disk?.failed(reason)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Finds out why writes have no answer, and repeats this until they have one. */
  async #diagnose(): Promise<void> {
    if (this.#diagnosing) return
    this.#diagnosing = true
    for (let write = this.#late(); write && !this.#lost; write = this.#late()) {
      const free = this.#readsPanic() || ((await this.#options.probe?.()) ?? false)
      await sleep(free ? (this.#options.grace ?? grace) : this.#patience, undefined, { ref: false })
      if (free && this.#open.has(write)) this.#lose()
    }
    this.#diagnosing = false
  }

  #readsPanic(): boolean {
    try {
      this.#environment.resetReadTxn()
      this.#environment.get('meta')
      return false
    } catch (error) {
      return isPanic(error)
    }
  }

  #lose(): void {
    if (this.#lost) return
    this.#lost = true
    this.#options.onLost?.(new HieraxError('STORE_FAILED', lost().message))
  }
}

let muted = false

/** The library prints the error of a failed commit with its stack, besides rejecting with it: that is left out. */
function muteCommitErrors(): void {
  if (muted) return
  muted = true
  const print = console.error
  console.error = (...things: unknown[]): void => {
    const [error] = things
    const isCommitError = error instanceof Error && 'code' in error && /[\\/]lmdb[\\/]/.test(error.stack ?? '')
    if (things.length > 1 || !isCommitError) print(...things)
  }
}

function isPanic(error: unknown): boolean {
  return /MDB_PANIC/.test(String(error))
}

function lost(): Error {
  return new Error(
    'this process can no longer write to the store, probably because another process was killed in the middle of a write; a new process can'
  )
}

function noAnswer(ms: number): Error {
  return new Error(
    `no answer for ${Math.round(ms / 1000)} s: another process of this store may be stopped in the middle of a write, or the disk hangs`
  )
}

/** Runs `work`. Rejects with its HieraxError, or with a STORE_FAILED that begins with `what` and says why. */
export async function orFailed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof HieraxError) throw thrown
    const cause = await reasonOf(thrown)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new HieraxError('STORE_FAILED', `${what}: ${reason}`, { cause })
  }
}

/** If a commit fails, LMDB gives the reason by a second promise that it has just rejected; unhandled, it would end the process. */
async function reasonOf(thrown: unknown): Promise<unknown> {
  const { commitError } = thrown as { commitError?: Promise<never> }
  if (!commitError) return thrown
  const unknown = new Promise(resolve => setImmediate(resolve, thrown))
  return Promise.race([commitError.catch((reason: unknown) => reason), unknown])
}
