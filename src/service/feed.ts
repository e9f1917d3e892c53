import type { Classification, ClassificationJson } from '../messages/classification.ts'
import { decodeClassification, type Encoding, toJson } from '../messages/encoding.ts'

/** A place of the ring. Its memory is reused for later values. */
interface Place {
  memory: Buffer
  length: number
  /** The value as JSON, once it was asked for. */
  json: ClassificationJson | null
}

/** Memory of a place, relative to its first value: most later ones are not longer. */
const spare = 1.25

/**
 * The latest classifications, in a ring buffer for the API. Their encoded values are kept, not their objects and numbers, which the garbage
 * collector would visit again and again. They are decoded only for a request.
 */
export class ClassificationFeed {
  readonly #encoding: Encoding
  readonly #capacity: number
  readonly #ring: Place[] = []
  readonly #listeners = new Set<(classification: ClassificationJson) => void>()
  #next = 0

  /** `encoding`: that of the values. */
  constructor(encoding: Encoding, capacity = 1000) {
    this.#encoding = encoding
    this.#capacity = capacity
  }

  /** Adds published classifications with their encoded values, oldest first. */
  push(classifications: readonly Classification[], values: readonly Uint8Array[]): void {
    for (const value of values) {
      this.#keep(value)
      this.#next = (this.#next + 1) % this.#capacity
    }
    if (this.#listeners.size === 0) return
    for (const classification of classifications) {
      const json = toJson(classification)
      for (const listener of this.#listeners) listener(json)
    }
  }

  /** The latest accepted classifications, at most `limit`, newest first. */
  recent(limit: number, accept: (classification: ClassificationJson) => boolean = () => true): ClassificationJson[] {
    const found: ClassificationJson[] = []
    for (let back = 0; back < this.#ring.length && found.length < limit; back++) {
      const place = this.#ring[(this.#next - 1 - back + 2 * this.#capacity) % this.#capacity] as Place
      const json = this.#jsonOf(place)
      if (accept(json)) found.push(json)
    }
    return found
  }

  /** Calls the listener for every classification from now on. The returned function ends this. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void {
    // A new function, because a listener may subscribe twice.
    const own = (classification: ClassificationJson): void => listener(classification)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  #keep(value: Uint8Array): void {
    const place = this.#ring[this.#next] ?? { memory: Buffer.alloc(0), length: 0, json: null }
    this.#ring[this.#next] = place
    if (place.memory.length < value.length) place.memory = Buffer.allocUnsafeSlow(Math.ceil(spare * value.length))
    place.memory.set(value)
    place.length = value.length
    place.json = null
  }

  #jsonOf(place: Place): ClassificationJson {
    place.json ??= toJson(decodeClassification(place.memory.subarray(0, place.length), this.#encoding))
    return place.json
  }
}
