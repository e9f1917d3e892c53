import { crc32 } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { HieraxError } from '../errors.ts'
import type { Alert } from './alert.ts'
import { type Block, openContainer, readBlocks, recordCodes } from './container.ts'
import { type DecoderLimits, defaultLimits } from './limits.ts'
import { parseSchema } from './schema.ts'
import { type PacketReader, readerFor, type Survey } from './survey.ts'
import { ztf } from './ztf.ts'

/** The surveys whose packets can be decoded, in the order in which they are tried. ZTF is last, because it accepts all packets but Rubin's. */
export const surveys: readonly Survey[] = [ztf]

/** Decodes alert packets. It caches compiled writer schemas, so use one decoder for a whole stream. */
export interface AlertDecoder {
  /**
   * Decodes all records of an Avro object container file, in order. It is synchronous. Time and memory are proportional to the number
   * of bytes, also for malformed input.
   *
   * Throws only `HieraxError` of kind `alert`. If the error concerns one record, `record` is its index.
   */
  decode(bytes: Uint8Array | null): Alert[]
}

/**
 * Creates a decoder for the alerts of the given surveys.
 *
 * It does not use avsc, which is unsafe for malformed input: it trusts array lengths (four bytes that claim 10^8 items block it for ten
 * seconds) and reads past the end before it throws. Tests compare every field with the result of avsc.
 */
export function createDecoder(limits: Partial<DecoderLimits> = {}, of: readonly Survey[] = surveys): AlertDecoder {
  const decoder = new Decoder({ ...defaultLimits, ...limits }, of)
  // A closure, so that callers can pass `decode` as a function.
  return { decode: bytes => decoder.decode(bytes) }
}

class Decoder {
  readonly #limits: DecoderLimits
  readonly #readers: ReaderCache

  constructor(limits: DecoderLimits, of: readonly Survey[]) {
    this.#limits = limits
    this.#readers = new ReaderCache(limits, of)
  }

  decode(bytes: Uint8Array | null): Alert[] {
    try {
      return this.#decode(bytes)
    } catch (thrown) {
      const error = HieraxError.from(thrown, 'DECODE_FAILED')
      throw error.kind === 'alert' ? error : new HieraxError('DECODE_FAILED', error.message, { cause: error })
    }
  }

  #decode(bytes: Uint8Array | null): Alert[] {
    const container = openContainer(bytes, this.#limits)
    const reader = this.#readers.for(container.schema)
    const alerts: Alert[] = []
    let points = 0
    for (const block of readBlocks(container, this.#limits)) {
      for (let i = 0; i < block.count; i++) {
        const { alert, read } = this.#record(block, reader, alerts.length, this.#limits.maxPoints - points)
        alerts.push(alert)
        points += read
      }
      const { remaining } = block.cursor
      if (remaining > 0) throw new HieraxError('CORRUPT_BLOCK', `${remaining} bytes of a block are left over`)
    }
    return alerts
  }

  /** Reads the next record of a block. Returns the alert and the number of history points. Errors get the record's index. */
  #record({ cursor, count }: Block, { survey, read }: SurveyReader, index: number, pointsLeft: number) {
    if (cursor.position === cursor.bytes.length) {
      throw new HieraxError(
        'CORRUPT_BLOCK',
        `a block claims ${count} records and ends before record ${index} of the container, counted from 0`
      )
    }
    const limit = cursor.position + this.#limits.maxRecordBytes
    cursor.codes = limit < cursor.bytes.length ? longRecordCodes : recordCodes
    cursor.end = Math.min(limit, cursor.bytes.length)
    try {
      const packet = read(cursor)
      if (packet.points > pointsLeft) {
        const message = `the histories of the container's records exceed ${this.#limits.maxPoints} points`
        throw new HieraxError('RECORD_TOO_LARGE', message)
      }
      const alert = survey.toAlert(packet)
      const images = this.#limits.maxCutoutBytes > 0
      return { alert: images ? { ...alert, cutouts: packet.cutouts } : alert, read: packet.points }
    } catch (thrown) {
      const { code, message, cause } = HieraxError.from(thrown, 'DECODE_FAILED')
      throw new HieraxError(code, message, { cause, record: index })
    } finally {
      cursor.end = cursor.bytes.length
    }
  }
}

/** Error codes for a record that may exceed the limit on its size. */
const longRecordCodes = { overrun: 'RECORD_TOO_LARGE', corrupt: 'CORRUPT_RECORD' } as const

interface SurveyReader {
  readonly survey: Survey
  readonly read: PacketReader
}

interface CachedReader {
  readonly schema: Buffer
  /** The compiled reader, or why there is none. */
  readonly outcome: SurveyReader | HieraxError
}

/**
 * A cache of compiled readers by the bytes of the writer schema; the least recently used are dropped. Errors are cached too, so packets
 * with an invalid schema are no more expensive than valid ones.
 */
export class ReaderCache {
  readonly #limits: DecoderLimits
  readonly #surveys: readonly Survey[]
  readonly #entries: LRUCache<string, CachedReader>
  /** The entry that was used last, because nearly all packets of a stream have the same schema. */
  #last: CachedReader | null = null

  constructor(limits: DecoderLimits, of: readonly Survey[] = surveys) {
    this.#limits = limits
    this.#surveys = of
    this.#entries = new LRUCache({ max: limits.maxSchemas })
  }

  /** Number of cached schemas. */
  get size(): number {
    return this.#entries.size
  }

  /** The reader for a writer schema. Throws the errors of parsing and compiling, also from the cache. */
  for(schema: Buffer): SurveyReader {
    const entry = this.#last?.schema.equals(schema) ? this.#last : this.#find(schema)
    this.#last = entry
    const { outcome } = entry
    if (outcome instanceof HieraxError) throw new HieraxError(outcome.code, outcome.message, { cause: outcome.cause })
    return outcome
  }

  #find(schema: Buffer): CachedReader {
    const key = `${schema.length}:${crc32(schema)}`
    const known = this.#entries.get(key)
    if (known?.schema.equals(schema)) return known
    // A copy, because a view would keep the whole packet in memory.
    const entry = { schema: Buffer.from(schema), outcome: this.#compile(schema) }
    this.#entries.set(key, entry)
    return entry
  }

  #compile(schema: Buffer): SurveyReader | HieraxError {
    try {
      return readerFor(parseSchema(schema, this.#limits), this.#surveys, this.#limits)
    } catch (thrown) {
      // Any other error is the JavaScript engine's: a stack overflow in spite of the limits.
      return HieraxError.from(thrown, 'SCHEMA_INVALID')
    }
  }
}
