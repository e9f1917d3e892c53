import {
  type AlertContext,
  type AlertPhotometry,
  type AlertRecord,
  bandOf,
  bands,
  type ContextField,
  contextFields,
  type FilterId
} from './observation.ts'

/**
 * An alert record as bytes (little endian): candid i64 · jd, ra, dec f64 · programme i32 · flags u8 · fid u8 · 2 unused ·
 * magnitude, error, real–bogus, star score, star distance, solar-system distance f64 (NaN: null) · context f64 each, in the order
 * of `contextFields` (NaN: null). Doubles, for a message says the same whether it is answered from its packet or from here.
 */
export const alertRecordSize = 88 + 8 * contextFields.length

const numbersFrom = 40
const contextFrom = 88

const flag = { photometry: 1, positive: 2 } as const

/** A record under way: written by a view, which is several times as fast as a buffer's own methods. */
const scratch = Buffer.alloc(alertRecordSize)
const view = new DataView(scratch.buffer, scratch.byteOffset, alertRecordSize)

/** An alert record as bytes; the bytes are the same for the same record. */
export function encodeAlertRecord(record: AlertRecord): Buffer {
  view.setBigInt64(0, record.candid, true)
  view.setFloat64(8, record.jd, true)
  view.setFloat64(16, record.ra, true)
  view.setFloat64(24, record.dec, true)
  view.setInt32(32, record.programId, true)
  const { photometry } = record
  if (photometry === null) scratch.fill(0, 36)
  else {
    view.setUint8(36, flag.photometry | (photometry.positive ? flag.positive : 0))
    view.setUint8(37, bands.indexOf(photometry.band) + 1)
    view.setUint16(38, 0)
    writeNumbers(photometry)
    const { context } = photometry
    for (let index = 0; index < contextFields.length; index++)
      view.setFloat64(contextFrom + 8 * index, context[contextFields[index] as ContextField] ?? Number.NaN, true)
  }
  // From Node's pool: a memory of its own for so few bytes costs more than all that is written.
  const bytes = Buffer.allocUnsafe(alertRecordSize)
  bytes.set(scratch)
  return bytes
}

function writeNumbers(p: AlertPhotometry): void {
  view.setFloat64(numbersFrom, p.magnitude, true)
  view.setFloat64(numbersFrom + 8, p.error, true)
  view.setFloat64(numbersFrom + 16, p.realBogus ?? Number.NaN, true)
  view.setFloat64(numbersFrom + 24, p.starScore ?? Number.NaN, true)
  view.setFloat64(numbersFrom + 32, p.starDistance ?? Number.NaN, true)
  view.setFloat64(numbersFrom + 40, p.solarSystemDistance ?? Number.NaN, true)
}

/** The record that `encodeAlertRecord` wrote at an offset. */
export function decodeAlertRecord(bytes: Buffer, offset = 0): AlertRecord {
  const flags = bytes[offset + 36] as number
  const number = (index: number): number => bytes.readDoubleLE(offset + numbersFrom + 8 * index)
  const nullable = (index: number): number | null => (Number.isNaN(number(index)) ? null : number(index))
  return {
    candid: bytes.readBigInt64LE(offset),
    jd: bytes.readDoubleLE(offset + 8),
    ra: bytes.readDoubleLE(offset + 16),
    dec: bytes.readDoubleLE(offset + 24),
    programId: bytes.readInt32LE(offset + 32),
    photometry:
      (flags & flag.photometry) === 0
        ? null
        : {
            band: bandOf(bytes[offset + 37] as FilterId),
            positive: (flags & flag.positive) !== 0,
            magnitude: number(0),
            error: number(1),
            realBogus: nullable(2),
            starScore: nullable(3),
            starDistance: nullable(4),
            solarSystemDistance: nullable(5),
            context: readContext(bytes, offset + contextFrom)
          }
  }
}

/** How many fields of a record's context are known. */
export function knownContext({ photometry }: AlertRecord): number {
  return photometry === null ? 0 : contextFields.filter(name => photometry.context[name] !== null).length
}

function readContext(bytes: Buffer, at: number): AlertContext {
  const context = {} as Record<keyof AlertContext, number | null>
  for (let index = 0; index < contextFields.length; index++) {
    const value = bytes.readDoubleLE(at + 8 * index)
    context[contextFields[index] as ContextField] = Number.isNaN(value) ? null : value
  }
  return context
}
