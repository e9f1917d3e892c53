import { crc32 } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { Cursor } from '../avro/cursor.ts'
import { HieraxError } from '../errors.ts'
import type { Alert } from './alert.ts'
import { type Block, isContainer, openContainer, readBlocks, recordCodes } from './avro/container.ts'
import { type DecoderLimits, defaultLimits } from './avro/limits.ts'
import { parseSchema, schemaJson } from './avro/schema.ts'
import { boom } from './surveys/boom.ts'
import { namesOfJson, otherSurvey } from './surveys/other-surveys.ts'
import { type PacketReader, readerFor, type Survey } from './surveys/survey.ts'
import { ztf } from './surveys/ztf.ts'
import { gunzipped, isSchema, recordStarts, resembles, unrecognised } from './wire-format.ts'

/** The surveys whose packets can be decoded, in the order in which they are tried. ZTF is last, because it accepts all but known others. */
export const surveys: readonly Survey[] = [boom, ztf]

/** Decodes alert packets. It caches compiled writer schemas, so use one decoder for a whole stream. */
export interface AlertDecoder {
  /**
   * Decodes all records of a message, in order. Its value is an Avro object container file, or a bare record whose schema is known: as
   * JSON in the message key, or from the settings. Either may be compressed with gzip. It is synchronous. Time and memory are
   * proportional to the number of bytes, also for malformed input.
   *
   * Throws only `HieraxError` of kind `alert`. If the error concerns one record, `record` is its index.
   */
  decode(bytes: Uint8Array | null, key?: Uint8Array | null): Alert[]
}

export interface DecoderOptions extends Partial<DecoderLimits> {
  /** The JSON of the writer schema of bare records, for messages whose key does not contain it. */
  readonly schema?: Buffer | null
}

/**
 * Creates a decoder for the alerts of the given surveys.
 *
 * It does not use avsc, which is unsafe for malformed input: it trusts array lengths (four bytes that claim 10^8 items block it for ten
 * seconds) and reads past the end before it throws. Tests compare every field with the result of avsc.
 */
export function createDecoder(options: DecoderOptions = {}, of: readonly Survey[] = surveys): AlertDecoder {
  const { schema = null, ...limits } = options
  const decoder = new Decoder({ ...defaultLimits, ...limits }, of, schema)
  // A closure, so that callers can pass `decode` as a function.
  return { decode: (bytes, key) => decoder.decode(bytes, key ?? null) }
}

/** Checks that records with this writer schema can be decoded. Throws SCHEMA_INVALID, SCHEMA_TOO_LARGE, WRONG_SURVEY and others. */
export function checkSchema(schema: Buffer): void {
  new ReaderCache(defaultLimits).for(schema)
}

class Decoder {
  readonly #limits: DecoderLimits
  readonly #readers: ReaderCache
  readonly #schema: Buffer | null

  constructor(limits: DecoderLimits, of: readonly Survey[], schema: Buffer | null) {
    this.#limits = limits
    this.#readers = new ReaderCache(limits, of)
    this.#schema = schema
  }

  decode(bytes: Uint8Array | null, key: Uint8Array | null): Alert[] {
    try {
      return this.#decode(bytes, key)
    } catch (thrown) {
      const error = HieraxError.from(thrown, 'DECODE_FAILED')
      throw error.kind === 'alert' ? error : new HieraxError('DECODE_FAILED', error.message, { cause: error })
    }
  }

  #decode(bytes: Uint8Array | null, key: Uint8Array | null): Alert[] {
    if (!bytes?.length) throw new HieraxError('EMPTY_VALUE', 'the message has no value')
    const value = gunzipped(asBuffer(bytes), this.#limits)
    if (isContainer(value)) return this.#container(value)
    return [this.#bareRecord(value, key === null ? null : asBuffer(key))]
  }

  /** A bare record. Its schema is in the key, else in the settings; a framing before the record is skipped. */
  #bareRecord(value: Buffer, key: Buffer | null): Alert {
    const inKey = key !== null && isSchema(key)
    const schema = inKey ? key : this.#schema
    if (schema === null) throw unrecognised(value, key)
    const reader = this.#readers.for(schema)
    const failures: unknown[] = []
    for (const start of inKey ? [0] : recordStarts(value)) {
      try {
        const block = { count: 1, cursor: new Cursor(value.subarray(start), recordCodes) }
        const { alert } = this.#record(block, reader, 0, this.#limits.maxPoints)
        const { remaining } = block.cursor
        if (remaining > 0)
          throw new HieraxError('CORRUPT_RECORD', `${remaining} bytes are left over after the record`, { record: 0 })
        return alert
      } catch (thrown) {
        failures.push(thrown)
      }
    }
    if (resembles(value) !== null) throw unrecognised(value, key)
    // Of a framed record, the error after the framing says more.
    throw failures.at(value[0] === 0 && value[1] === 0 ? -1 : 0)
  }

  #container(value: Buffer): Alert[] {
    const container = openContainer(value, this.#limits)
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

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
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

/** How many schemas a stream may have in turn without a checksum of each. */
const mostRecent = 4

/**
 * A cache of compiled readers by the bytes of the writer schema; the least recently used are dropped. Errors are cached too, so packets
 * with an invalid schema are no more expensive than valid ones.
 */
export class ReaderCache {
  readonly #limits: DecoderLimits
  readonly #surveys: readonly Survey[]
  readonly #entries: LRUCache<string, CachedReader>
  /** The entries that were used last, newest first: comparing a schema with a few costs less than its checksum. */
  readonly #recent: CachedReader[] = []

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
    const { maxSchemaBytes } = this.#limits
    if (schema.length > maxSchemaBytes) {
      const message = `the writer schema has ${schema.length} bytes, more than ${maxSchemaBytes}`
      throw new HieraxError('SCHEMA_TOO_LARGE', message)
    }
    const { outcome } = this.#find(schema)
    if (outcome instanceof HieraxError) throw new HieraxError(outcome.code, outcome.message, { cause: outcome.cause })
    return outcome
  }

  #find(schema: Buffer): CachedReader {
    const recent = this.#recent
    for (let i = 0; i < recent.length; i++) {
      const entry = recent[i] as CachedReader
      if (!entry.schema.equals(schema)) continue
      for (let j = i; j > 0; j--) recent[j] = recent[j - 1] as CachedReader
      recent[0] = entry
      return entry
    }
    const entry = this.#cached(schema)
    recent.unshift(entry)
    if (recent.length > mostRecent) recent.pop()
    return entry
  }

  #cached(schema: Buffer): CachedReader {
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
      const error = HieraxError.from(thrown, 'SCHEMA_INVALID')
      return error.code === 'SCHEMA_INVALID' ? (otherSurveyOf(schema) ?? error) : error
    }
  }
}

/** The error for an invalid schema of another survey; null if it is of none that is known. */
function otherSurveyOf(schema: Buffer): HieraxError | null {
  try {
    const survey = otherSurvey(namesOfJson(schemaJson(schema)))
    return survey === null ? null : new HieraxError('WRONG_SURVEY', survey)
  } catch {
    return null
  }
}
