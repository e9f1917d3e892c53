/** Many readers at once, or one writer alone; a waiting writer is not overtaken. */
export class ReadWriteLock {
  #readers = 0
  #writers = 0
  /** Resolves when the last writer, active or waiting, has released the lock. */
  #lastWriter: Promise<void> = Promise.resolve()
  #noReaders: () => void = () => {}

  /** Resolves with the function that releases the lock, beside other readers. */
  async read(): Promise<() => void> {
    while (this.#writers > 0) await this.#lastWriter
    this.#readers++
    return once(() => {
      if (--this.#readers === 0) this.#noReaders()
    })
  }

  /** Resolves with the function that releases the lock, when nobody else holds it. */
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
