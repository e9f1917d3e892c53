import type { ClassificationJson } from '../messages/classification.ts'

/**
 * The latest classifications, in a ring buffer for the API. They are converted to JSON only for a request or a listener, so
 * that the feed costs little without them.
 */
export class ClassificationFeed<T> {
  readonly #toJson: (message: T) => ClassificationJson
  readonly #ring: T[] = []
  readonly #capacity: number
  readonly #listeners = new Set<(classification: ClassificationJson) => void>()
  #next = 0

  constructor(toJson: (message: T) => ClassificationJson, capacity = 1000) {
    this.#toJson = toJson
    this.#capacity = capacity
  }

  /** Adds published messages, oldest first. */
  push(messages: readonly T[]): void {
    for (const message of messages) {
      this.#ring[this.#next] = message
      this.#next = (this.#next + 1) % this.#capacity
    }
    if (this.#listeners.size === 0) return
    for (const message of messages) {
      const json = this.#toJson(message)
      for (const listener of this.#listeners) listener(json)
    }
  }

  /** The latest accepted classifications, at most `limit`, newest first. */
  recent(limit: number, accept: (classification: ClassificationJson) => boolean = () => true): ClassificationJson[] {
    const found: ClassificationJson[] = []
    for (let back = 0; back < this.#ring.length && found.length < limit; back++) {
      const place = (this.#next - 1 - back + 2 * this.#capacity) % this.#capacity
      const json = this.#toJson(this.#ring[place] as T)
      if (accept(json)) found.push(json)
    }
    return found
  }

  /** Calls the listener for every message from now on. The returned function ends this. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void {
    // A new function, because a listener may subscribe twice.
    const own = (classification: ClassificationJson): void => listener(classification)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }
}
