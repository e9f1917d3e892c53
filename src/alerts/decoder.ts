import { crc32 } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { HieraxError } from '../errors.ts'
import type { Alert } from './alert.ts'
import { type Block, openContainer, readBlocks, recordCodes } from './container.ts'
import { type DecoderLimits, defaultLimits } from './limits.ts'
import { parseSchema } from './schema.ts'
import { type PacketReader, readerFor, type Survey } from './survey.ts'
import { ztf } from './ztf.ts'

/** The surveys whose packets are read, in the order in which they are asked. ZTF comes last: it takes what no other one does. */
export const surveys: readonly Survey[] = [ztf]

/** Decodes alert packets. It keeps compiled writer schemas, so use one for a whole stream. */
export interface AlertDecoder {
  /**
   * All records of an Avro object container file, in its order. Synchronous; takes time and memory in proportion to the
   * bytes, whatever they are.
   *
   * Throws only `HieraxError` of kind `alert`; its `record` is the index of the record at fault, where it is one record's.
   */
  decode(bytes: Uint8Array | null): Alert[]
}

/**
 * A decoder of the alerts of some surveys.
 *
 * It reads Avro itself, because a stream may bring anything: avsc trusts counts (an array that claims 10^8 items in four
 * bytes keeps it busy for ten seconds) and reads past the end before it complains. The tests compare every field with avsc's.
 */
export function createDecoder(limits: Partial<DecoderLimits> = {}, of: readonly Survey[] = surveys): AlertDecoder {
  const decoder = new Decoder({ ...defaultLimits, ...limits }, of)
  // Bound, so that it can be handed on as a function.
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

  /** The next record of a block and how many history points it claimed. Errors get the record's index. */
  #record({ cursor, count }: Block, { survey, read }: SurveyReader, index: number, pointsLeft: number) {
    if (cursor.position === cursor.bytes.length) {
      throw new HieraxError('CORRUPT_BLOCK', `a block claims ${count} records and ends before record ${index}`)
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
      return { alert: survey.toAlert(packet), read: packet.points }
    } catch (thrown) {
      const { code, message, cause } = HieraxError.from(thrown, 'DECODE_FAILED')
      throw new HieraxError(code, message, { cause, record: index })
    } finally {
      cursor.end = cursor.bytes.length
    }
  }
}

/** Codes for a record that does not end before the limit on its size. */
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
 * Compiled readers by the bytes of the writer schema, the least recently used dropped first. A schema that is refused is
 * remembered as well, so that a stream of them costs no more than one of good packets.
 */
export class ReaderCache {
  readonly #limits: DecoderLimits
  readonly #surveys: readonly Survey[]
  readonly #entries: LRUCache<string, CachedReader>
  /** The entry used last: nearly all packets of a stream have the same schema. */
  #last: CachedReader | null = null

  constructor(limits: DecoderLimits, of: readonly Survey[] = surveys) {
    this.#limits = limits
    this.#surveys = of
    this.#entries = new LRUCache({ max: limits.maxSchemas })
  }

  /** Schemas remembered at the moment. */
  get size(): number {
    return this.#entries.size
  }

  /** The reader for a writer schema. Throws what parsing and compiling throw, again for the same bytes. */
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
    // A copy: a view would keep the whole packet.
    const entry = { schema: Buffer.from(schema), outcome: this.#compile(schema) }
    this.#entries.set(key, entry)
    return entry
  }

  #compile(schema: Buffer): SurveyReader | HieraxError {
    try {
      return readerFor(parseSchema(schema, this.#limits), this.#surveys, this.#limits)
    } catch (thrown) {
      // Anything else is the engine's: a stack that overflows in spite of the limits.
      return HieraxError.from(thrown, 'SCHEMA_INVALID')
    }
  }
}
