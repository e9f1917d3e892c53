import { HieraxError } from '../errors.ts'
import type { Alert } from './alert.ts'
import { type Block, openContainer, readBlocks, recordCodes } from './container.ts'
import { type DecoderLimits, defaultLimits } from './limits.ts'
import type { Projection } from './projection.ts'
import { Projections } from './projections.ts'
import { toAlert } from './ztf.ts'

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
 * A decoder of ZTF alerts of schema 2.0 to 4.02, original or re-serialised.
 *
 * Reads Avro itself, because a stream may bring anything: avsc trusts counts (an array that claims 10^8 items in four bytes
 * keeps it busy for ten seconds) and reads past the end before it complains. The tests compare every field with avsc's.
 */
export function createDecoder(limits: Partial<DecoderLimits> = {}): AlertDecoder {
  const decoder = new Decoder({ ...defaultLimits, ...limits })
  // Bound, so that it can be handed on as a function.
  return { decode: bytes => decoder.decode(bytes) }
}

class Decoder {
  readonly #limits: DecoderLimits
  readonly #projections: Projections

  constructor(limits: DecoderLimits) {
    this.#limits = limits
    this.#projections = new Projections(limits)
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
    const project = this.#projections.for(container.schema)
    const alerts: Alert[] = []
    let points = 0
    for (const block of readBlocks(container, this.#limits)) {
      for (let i = 0; i < block.count; i++) {
        const { alert, read } = this.#record(block, project, alerts.length, this.#limits.maxPoints - points)
        alerts.push(alert)
        points += read
      }
      const { remaining } = block.cursor
      if (remaining > 0) throw new HieraxError('CORRUPT_BLOCK', `${remaining} bytes of a block are left over`)
    }
    return alerts
  }

  /** The next record of a block and how many history points it claimed. Errors get the record's index. */
  #record({ cursor, count }: Block, project: Projection, index: number, pointsLeft: number) {
    if (cursor.position === cursor.bytes.length) {
      throw new HieraxError('CORRUPT_BLOCK', `a block claims ${count} records and ends before record ${index}`)
    }
    const limit = cursor.position + this.#limits.maxRecordBytes
    cursor.codes = limit < cursor.bytes.length ? longRecordCodes : recordCodes
    cursor.end = Math.min(limit, cursor.bytes.length)
    try {
      const raw = project(cursor)
      if (raw.points > pointsLeft) {
        const message = `the histories of the container's records exceed ${this.#limits.maxPoints} points`
        throw new HieraxError('RECORD_TOO_LARGE', message)
      }
      return { alert: toAlert(raw), read: raw.points }
    } catch (thrown) {
      const { code, message, cause } = HieraxError.from(thrown, 'DECODE_FAILED')
      throw new HieraxError(code, message, { cause, record: index })
    } finally {
      cursor.end = cursor.bytes.length
    }
  }
}

/** A record that goes on where the limit on its size ends it early. */
const longRecordCodes = { overrun: 'RECORD_TOO_LARGE', corrupt: 'CORRUPT_RECORD' } as const
