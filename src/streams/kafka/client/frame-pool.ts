/** Shorter frames are not pooled: they are cheap to allocate, and most hold no messages. */
const smallestFrame = 32 * 1024
/** Room for the other fields of a fetch response, bytes. */
const responseFields = 64 * 1024
/** Maximum number of free frames. */
const mostFree = 16
/** Interval of {@link FramePool.removeIdle}, ms. A frame is removed after it has been free for one to two intervals. */
const idleTime = 30_000

/** Maximum bytes of one fetch, and of all that are made ahead. */
interface FetchLimits {
  readonly fetchBytes: number
  readonly aheadBytes: number
}

/** A frame in use: the memory of one response. */
interface Loan {
  readonly memory: ArrayBufferLike
  /** Number of holders that still use it. */
  holders: number
}

/** A free frame. */
interface Free {
  readonly memory: ArrayBufferLike
  /** It was already free at the last {@link FramePool.removeIdle}. */
  idle: boolean
}

/**
 * Reuses the memory of fetch responses. Without the pool, V8 marks its whole heap after every 64 MB of new buffers (about a thousand alerts),
 * and each new buffer causes page faults.
 *
 * Ownership of a frame:
 *  1. After {@link take}, it belongs to the caller, who reads a response into it.
 *  2. After {@link hold}, it belongs to its holders: the objects with views of it, here the lists of messages of the response.
 *  3. When {@link end} has been called for every holder, it belongs to the pool again, and a later response overwrites it. So call `end` only
 *     when nobody reads the holder's views any more.
 *
 * A frame that is never returned, after a failure for instance, is not reused. The garbage collector frees it with its last view, because
 * the pool refers to free frames only.
 */
export class FramePool {
  readonly #largest: number
  readonly #maxFreeBytes: number
  /** Sorted by size. Of frames of one size, the most recently used is first. */
  #free: Free[] = []
  /** By memory. */
  readonly #loans = new WeakMap<ArrayBufferLike, Loan>()
  /** By holder. */
  readonly #held = new WeakMap<object, Loan>()
  #timer: NodeJS.Timeout | null = null

  /** The pool for fetches of these limits; its free frames take at most `aheadBytes`. */
  constructor({ fetchBytes, aheadBytes }: FetchLimits) {
    this.#largest = fetchBytes + responseFields
    this.#maxFreeBytes = aheadBytes
  }

  /** Bytes of all free frames. */
  get freeBytes(): number {
    return this.#free.reduce((sum, { memory }) => sum + memory.byteLength, 0)
  }

  /** Uninitialised memory for a response of this length. If it is short, or longer than any fetch, the memory is not pooled. */
  take(length: number): Buffer {
    if (length < smallestFrame || length > this.#largest) return Buffer.allocUnsafe(length)
    const memory = this.#fitting(length)
    this.#loans.set(memory, { memory, holders: 0 })
    return Buffer.from(memory, 0, length)
  }

  /** Registers the objects with views of the frame of these bytes. Call it once, before any {@link end}. Without holders, the frame is free. */
  hold(bytes: Uint8Array, holders: readonly object[]): void {
    const loan = this.#loans.get(bytes.buffer)
    if (loan === undefined) return
    loan.holders = holders.length
    for (const holder of holders) this.#held.set(holder, loan)
    if (holders.length === 0) this.#ended(loan)
  }

  /** Declares that nobody reads the views of this holder any more. Has no effect on other objects, or if called again. */
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

  /** The smallest free memory that is large enough. If there is none, new memory, which replaces the largest free one. */
  #fitting(length: number): ArrayBufferLike {
    const at = this.#free.findIndex(({ memory }) => memory.byteLength >= length)
    const [found] = at < 0 ? [] : this.#free.splice(at, 1)
    if (found !== undefined) return found.memory
    this.#free.pop()
    // Rounded up to a power of two, so that responses of other lengths fit. Pages that are never written take no memory.
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

  /** Takes free memory back. Tests replace this method to overwrite the memory first, which exposes views that are still read. */
  private putBack(memory: ArrayBufferLike): void {
    const at = this.#free.findIndex(free => free.memory.byteLength >= memory.byteLength)
    this.#free.splice(at < 0 ? this.#free.length : at, 0, { memory, idle: false })
    while (this.#free.length > mostFree || this.freeBytes > this.#maxFreeBytes) this.#free.shift()
  }
}
