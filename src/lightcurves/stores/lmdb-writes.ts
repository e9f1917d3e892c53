import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RootDatabase } from 'lmdb'
import { HieraxError } from '../../errors.ts'

/** How long a write may have no answer before it counts as failed, ms. */
const defaultPatience = 20_000

/** How long it may have none before `trouble` reports it, ms. */
const quiet = 10_000

/** How long a write may still have no answer when a new process could write, ms. */
const grace = 5000

/** What LMDB's typed interface leaves out. */
type Environment = Pick<RootDatabase<unknown, string>, 'transaction' | 'close'> & {
  /** Puts on disk all that was committed, at no cost where it is there already. */
  sync(done: (error?: Error) => void): void
  /** The next read looks at the newest state. */
  resetReadTxn(): void
  get(key: string): unknown
}

/** How writes are watched. */
export interface LmdbWritesOptions {
  /** How long a write may have no answer before it counts as failed, ms; 20,000 unless given. */
  readonly patience?: number | undefined
  /** Whether a new process can write to the same environment; resolves when it could, or ended. Without it only errors tell that it is lost. */
  readonly probe?: (() => Promise<boolean>) | undefined
  /** How long a write may still have no answer after a probe, ms; 5,000 unless given. */
  readonly grace?: number
  /** Called once, when the environment is lost. */
  readonly onLost?: ((error: HieraxError) => void) | undefined
}

interface OpenWrite {
  readonly since: number
  late: boolean
}

/**
 * Writes of one LMDB environment, each with an answer within bounded time.
 *
 * The library's promise `flushed` is not used: it is that of the newest transaction, and where that one fails, as on a full
 * disk, it is never settled, neither for its own caller nor for those whose commits went well before.
 *
 * A write may also have no answer at all. Either another process that holds the lock is stopped or hangs: the write goes on when
 * that process does, or ends. Or the environment is lost: when another process is killed while it flushes, LMDB can take the
 * dead process for one of its own threads and refuses the environment from then on (MDB_PANIC), and the library's write thread
 * keeps its lock when a transaction can't begin. A lost environment can be neither written nor closed; a new process can open it
 * again. The two are distinguished by an error that says so, or by a new process that can write while this one can't.
 */
export class LmdbWrites {
  readonly #environment: Environment
  readonly #options: LmdbWritesOptions
  readonly #patience: number
  /** Writes that wait for their answer, by when they began, and whether their caller was told that none came in time. */
  readonly #open = new Set<OpenWrite>()
  #flushing: Promise<void> = Promise.resolve()
  #nextFlush: Promise<void> | null = null
  #lost = false
  #diagnosing = false

  constructor(environment: Environment, options: LmdbWritesOptions = {}) {
    this.#environment = environment
    this.#options = options
    this.#patience = options.patience ?? defaultPatience
  }

  /**
   * Runs `work` inside a write transaction; resolves when that is committed, to be seen by all. Rejects where it fails or has
   * no answer in time; it may be done later all the same.
   */
  async transaction<T>(work: () => T): Promise<T> {
    if (this.#lost) throw lost()
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
    return this.#lost || this.#late() !== undefined || this.#waited() > quiet ? 'writes have no answer' : null
  }

  /** Whether this process can't write to the environment again. */
  lost(): boolean {
    return this.#lost
  }

  /** Closes the environment when all is written. One that does not answer is left to the end of the process. */
  async close(): Promise<void> {
    // The promise of a write that failed is never settled, and closing waits for the last: let that be a good one.
    const settled = await this.transaction(() => {}).then(
      () => true,
      () => this.#open.size === 0 && !this.#lost
    )
    if (settled) await this.#inTime(this.#environment.close())
    else this.#lost = true
  }

  #sync(): Promise<void> {
    return new Promise((resolve, reject) => this.#environment.sync(error => (error ? reject(error) : resolve())))
  }

  /** The first of the writes of which a caller was told that there is no answer: timers run a fraction of a millisecond early. */
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
    // Told to nobody where it comes too late.
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
      if (isPanic(await reasonOf(error))) this.#lose()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Finds out why writes have no answer, and looks again as long as they have none. */
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

/**
 * Whether a new process can write to an environment and flush it: then no other process holds a lock of it. Waits as long as
 * one does. It is never killed: that could lose the environment for others.
 */
export function canBeWritten(folder: string): Promise<boolean> {
  const script = `
    const { open } = await import(${JSON.stringify(import.meta.resolve('lmdb'))})
    const root = open({ path: ${JSON.stringify(folder)}, maxDbs: 8, noSubdir: false, eventTurnBatching: false })
    await root.transaction(() => {})
    root.sync(error => process.exit(error ? 1 : 0))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  child.unref()
  return new Promise(resolve => {
    child.once('error', () => resolve(false))
    child.once('exit', code => resolve(code === 0))
  })
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
