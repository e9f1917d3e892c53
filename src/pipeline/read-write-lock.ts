/** A read–write lock: several readers or one writer. Readers wait while a writer is waiting. */
export class ReadWriteLock {
  #readers = 0
  #writers = 0
  /** Resolves when the last writer, active or waiting, has released the lock. */
  #lastWriter: Promise<void> = Promise.resolve()
  #noReaders: () => void = () => {}

  /** Resolves when a shared lock is acquired, with the function that releases it. */
  async read(): Promise<() => void> {
    while (this.#writers > 0) await this.#lastWriter
    this.#readers++
    return once(() => {
      if (--this.#readers === 0) this.#noReaders()
    })
  }

  /** Resolves when the exclusive lock is acquired, with the function that releases it. */
  async write(): Promise<() => void> {
    const before = this.#lastWriter
    let release: () => void = () => {}
    this.#lastWriter = new Promise(resolve => {
      release = resolve
    })
    this.#writers++
    await before
    if (this.#readers > 0) await new Promise<void>(resolve => (this.#noReaders = resolve))
    return once(() => {
      this.#writers--
      release()
    })
  }
}

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}
