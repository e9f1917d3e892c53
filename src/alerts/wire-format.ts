import { gunzipSync } from 'node:zlib'
import { HieraxError, shown } from '../errors.ts'
import type { DecoderLimits } from './avro/limits.ts'
import { surveyOfSchemaId } from './surveys/other-surveys.ts'

/** Bytes before a record by which its writer names the schema: Confluent's framing, and Avro's single-object encoding. */
const framings: readonly (readonly [begin: Buffer, length: number])[] = [
  [Buffer.from([0]), 5],
  [Buffer.from('c301', 'hex'), 10]
]

/** Where a bare record may begin in a value: at its start, or after a framing. */
export function recordStarts(value: Buffer): number[] {
  const framed = framings.filter(([begin, length]) => value.length > length && startsWith(value, begin))
  return [0, ...framed.map(([, length]) => length)]
}

const gzip = Buffer.from('1f8b', 'hex')

/** The content of a value that is compressed with gzip; another value as it is. Throws INFLATED_TOO_LARGE or CORRUPT_BLOCK. */
export function gunzipped(value: Buffer, { maxInflatedBytes }: Pick<DecoderLimits, 'maxInflatedBytes'>): Buffer {
  if (!startsWith(value, gzip)) return value
  try {
    return gunzipSync(value, { maxOutputLength: maxInflatedBytes })
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new HieraxError('INFLATED_TOO_LARGE', `the gzip'd value has more than ${maxInflatedBytes} bytes`)
    throw new HieraxError('CORRUPT_BLOCK', 'the value begins like gzip, but is damaged', { cause })
  }
}

/** Whether a message key is the writer schema as JSON, as in Fink's streams. */
export function isSchema(key: Buffer): boolean {
  return /^\s*\{/.test(key.toString('latin1', 0, 64)) && key.includes('"fields"')
}

/** The error for a value that is no container, if the schema of a bare record is not known. */
export function unrecognised(value: Buffer, key: Buffer | null): HieraxError {
  const id = value.length > 5 && value[0] === 0 ? value.readUInt32BE(1) : null
  const survey = id === null ? null : surveyOfSchemaId(id)
  if (survey !== null) {
    const message =
      `the value is a record in Confluent's framing with the schema id ${id}, which is that of ${survey}; ` +
      'if the record is of ZTF, name its schema with input.schema'
    return new HieraxError('WRONG_SURVEY', message)
  }
  const named = key !== null && key.length > 0 ? `, and the key ${keyOf(key)} is not its schema` : ''
  return new HieraxError('NOT_A_CONTAINER', `the value begins with ${appearance(value)}${named}`)
}

function keyOf(key: Buffer): string {
  const text = key.toString('latin1', 0, 64)
  return /^[\x20-\x7e]+$/.test(text) ? shown(text, 40) : `of ${key.length} bytes`
}

/** What the first bytes of a value that is no container look like. */
function appearance(value: Buffer): string {
  const start = value.toString('latin1', 0, 64)
  const hex = `the bytes ${value.toString('hex', 0, 4)}`
  const known = resembles(value)
  if (known !== null) return `${hex}: it looks like ${known}`
  // Schema registries count their ids from 1. A record whose first field may be null also begins with a zero.
  if (value[0] === 0 && value.length > 5) {
    const framed = `a record in Confluent's framing, with the schema id ${value.readUInt32BE(1)}`
    return `${hex}: it looks like ${value[1] === 0 ? framed : 'a bare Avro record'}`
  }
  return /^[\t\n\r\x20-\x7e]{4,}$/.test(start) ? `the text ${shown(start.trimStart())}` : hex
}

/** The format that a value has by its first bytes, with advice; null for bare records, text and unknown formats. */
export function resembles(value: Buffer): string | null {
  const known = signatures.find(([signature]) => startsWith(value, signature))
  if (known !== undefined) return known[1]
  const start = value.toString('latin1', 0, 64).trimStart()
  if (/^<(!doctype html|html|head|body)/i.test(start)) return 'an HTML page'
  if (start.startsWith('<?xml')) return 'XML'
  return /^[[{]\s*["{[\]}]/.test(start) ? 'JSON' : null
}

const signatures: readonly (readonly [Buffer, string])[] = [
  [gzip, 'gzip: decompress it first'],
  [Buffer.from('504b0304', 'hex'), 'a zip archive: unpack it first'],
  [Buffer.from('28b52ffd', 'hex'), 'Zstandard: decompress it first'],
  [Buffer.from('425a68', 'hex'), 'bzip2: decompress it first'],
  [Buffer.from('fd377a585a00', 'hex'), 'xz: decompress it first'],
  [Buffer.from('c301', 'hex'), "a record in Avro's single-object encoding"],
  [Buffer.from('PAR1'), 'a Parquet file'],
  [Buffer.from('SIMPLE  ='), 'a FITS file'],
  [Buffer.from('89484446', 'hex'), 'an HDF5 file']
]

function startsWith(value: Buffer, begin: Buffer): boolean {
  return value.subarray(0, begin.length).equals(begin)
}
