/** Lets many through side by side, or one alone; who waits to be alone is not overtaken. */
export class Turnstile {
  #inside = 0
  /** Resolves when the last one who was, or will be, alone has left. */
  #alone: Promise<void> = Promise.resolve()
  #waiting = 0
  #emptied: () => void = () => {}

  /** Goes in beside others; resolves with how to leave. */
  async shared(): Promise<() => void> {
    while (this.#waiting > 0) await this.#alone
    this.#inside++
    return once(() => {
      if (--this.#inside === 0) this.#emptied()
    })
  }

  /** Goes in when everybody has left, and keeps others out; resolves with how to leave. */
  async alone(): Promise<() => void> {
    const before = this.#alone
    let leave: () => void = () => {}
    this.#alone = new Promise(resolve => {
      leave = resolve
    })
    this.#waiting++
    await before
    if (this.#inside > 0) await new Promise<void>(resolve => (this.#emptied = resolve))
    return once(() => {
      this.#waiting--
      leave()
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
