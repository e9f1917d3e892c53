import type { SourceLimits } from './limits.ts'

/** Shorter frames are cheap, and most are no messages. */
const smallestFrame = 32 * 1024
/** Bytes of a response to a fetch beside its messages. */
const responseFields = 64 * 1024
/** How many free frames are kept. */
const mostFree = 16
/** A frame that nobody needed for this time (ms), or twice as long, is left to the garbage collector. */
const idleTime = 30_000

/** A frame in use. */
interface Loan {
  readonly memory: ArrayBufferLike
  /** Holders that have not ended. */
  holders: number
}

/** A free frame. */
interface Free {
  readonly memory: ArrayBufferLike
  /** It was already free when idle frames were looked for last. */
  idle: boolean
}

/**
 * The memory of responses to fetches, used again and again. V8 counts each buffer, and every 64 MB of new ones (a thousand alerts) it
 * marks its whole heap. The pool avoids that, and the page faults of new memory.
 *
 * Who owns a frame:
 *  1. From {@link take} on, whoever reads the response into it.
 *  2. From {@link hold} on, its holders: objects with views of it, here the lists of messages that were cut from it.
 *  3. When each of them has ended ({@link end}), the pool again, and it is overwritten by a later response. So a holder ends only when
 *     nobody reads its views any more: its messages were handled, or nobody has seen them.
 *
 * In any other case, a failure for instance, there is nothing to do: a frame of which nobody says more is not used again, and the garbage
 * collector removes it with its last view. The pool itself refers to free frames only.
 */
export class FramePool {
  readonly #largest: number
  readonly #maxFreeBytes: number
  /** From the smallest to the largest; of equal ones, the one that was used last comes first. */
  #free: Free[] = []
  /** By memory. */
  readonly #loans = new WeakMap<ArrayBufferLike, Loan>()
  /** By holder. */
  readonly #held = new WeakMap<object, Loan>()
  #timer: NodeJS.Timeout | null = null

  /** The pool for fetches of these limits; its free frames take at most `aheadBytes`. */
  constructor({ fetchBytes, aheadBytes }: Pick<SourceLimits, 'fetchBytes' | 'aheadBytes'>) {
    this.#largest = fetchBytes + responseFields
    this.#maxFreeBytes = aheadBytes
  }

  /** Bytes of all free frames. */
  get freeBytes(): number {
    return this.#free.reduce((sum, { memory }) => sum + memory.byteLength, 0)
  }

  /** Memory for a frame, uninitialised; from outside of the pool if it is short, or longer than any fetch. */
  take(length: number): Buffer {
    if (length < smallestFrame || length > this.#largest) return Buffer.allocUnsafe(length)
    const memory = this.#fitting(length)
    this.#loans.set(memory, { memory, holders: 0 })
    return Buffer.from(memory, 0, length)
  }

  /** Says which objects have views of the frame with these bytes, before any of them ends. If there are none, it is free. */
  hold(bytes: Uint8Array, holders: readonly object[]): void {
    const loan = this.#loans.get(bytes.buffer)
    if (loan === undefined) return
    loan.holders = holders.length
    for (const holder of holders) this.#held.set(holder, loan)
    if (holders.length === 0) this.#ended(loan)
  }

  /** Nobody reads the views of this holder any more. Of no effect for an object that holds nothing, or has ended. */
  end(holder: object): void {
    const loan = this.#held.get(holder)
    if (loan === undefined) return
    this.#held.delete(holder)
    if (--loan.holders === 0) this.#ended(loan)
  }

  /** Removes the frames that have been free since the last call. */
  removeIdle(): void {
    this.#free = this.#free.filter(({ idle }) => !idle)
    for (const free of this.#free) free.idle = true
  }

  /** The smallest free memory that is large enough; else new memory, in place of the largest that is not. */
  #fitting(length: number): ArrayBufferLike {
    const at = this.#free.findIndex(({ memory }) => memory.byteLength >= length)
    const [found] = at < 0 ? [] : this.#free.splice(at, 1)
    if (found !== undefined) return found.memory
    this.#free.pop()
    // A power of two, so that responses of varying length fit. Pages that were never written take no memory.
    return Buffer.allocUnsafeSlow(Math.min(2 ** Math.ceil(Math.log2(length)), this.#largest)).buffer
  }

  #ended({ memory }: Loan): void {
    this.#loans.delete(memory)
    this.putBack(memory)
    this.#timer ??= setTimeout(() => this.#idled(), idleTime).unref()
  }

  #idled(): void {
    this.removeIdle()
    this.#timer = this.#free.length === 0 ? null : setTimeout(() => this.#idled(), idleTime).unref()
  }

  /** Takes free memory back. Tests overwrite it first, so that whoever still reads it finds other bytes. */
  private putBack(memory: ArrayBufferLike): void {
    const at = this.#free.findIndex(free => free.memory.byteLength >= memory.byteLength)
    this.#free.splice(at < 0 ? this.#free.length : at, 0, { memory, idle: false })
    while (this.#free.length > mostFree || this.freeBytes > this.#maxFreeBytes) this.#free.shift()
  }
}
