import { crc32 } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { HieraxError } from '../errors.ts'
import type { DecoderLimits } from './limits.ts'
import { compileProjection, type Projection } from './projection.ts'
import { parseSchema } from './schema.ts'

interface Entry {
  readonly schema: Buffer
  /** The compiled projection, or why there is none. */
  readonly outcome: Projection | HieraxError
}

/**
 * Compiled projections by the bytes of the writer schema, the least recently used dropped first. A schema that is refused
 * is remembered as well, so that a stream of them costs no more than one of good packets.
 */
export class Projections {
  readonly #limits: DecoderLimits
  readonly #entries: LRUCache<string, Entry>
  /** The entry used last: nearly all packets of a stream have the same schema. */
  #last: Entry | null = null

  constructor(limits: DecoderLimits) {
    this.#limits = limits
    this.#entries = new LRUCache({ max: limits.maxSchemas })
  }

  /** Schemas remembered at the moment. */
  get size(): number {
    return this.#entries.size
  }

  /** The projection for a writer schema. Throws what parsing and compiling throw, again for the same bytes. */
  for(schema: Buffer): Projection {
    const entry = this.#last?.schema.equals(schema) ? this.#last : this.#find(schema)
    this.#last = entry
    const { outcome } = entry
    if (outcome instanceof HieraxError) throw new HieraxError(outcome.code, outcome.message, { cause: outcome.cause })
    return outcome
  }

  #find(schema: Buffer): Entry {
    const key = `${schema.length}:${crc32(schema)}`
    const known = this.#entries.get(key)
    if (known?.schema.equals(schema)) return known
    // A copy: a view would keep the whole packet.
    const entry = { schema: Buffer.from(schema), outcome: this.#compile(schema) }
    this.#entries.set(key, entry)
    return entry
  }

  #compile(schema: Buffer): Projection | HieraxError {
    try {
      return compileProjection(parseSchema(schema, this.#limits), this.#limits)
    } catch (thrown) {
      // Anything else is the engine's: a stack that overflows in spite of the limits.
      return HieraxError.from(thrown, 'SCHEMA_INVALID')
    }
  }
}
