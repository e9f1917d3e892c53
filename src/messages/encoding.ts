import { createHash } from 'node:crypto'
import fs from 'node:fs'
import avro from 'avsc'
import { LRUCache } from 'lru-cache'
import { Cursor } from '../avro/cursor.ts'
import { decoderOf } from '../avro/decoder.ts'
import { type AvroSchema, encoderOf, Output } from '../avro/encoder.ts'
import { bigLong, numberIfSafe } from '../avro/long.ts'
import { HieraxError } from '../errors.ts'
import type { Classification, ClassificationJson } from './classification.ts'

/** A wire format of classifications. */
export interface Format {
  /** Description of a message's value, for the documentation of `output.encoding`. */
  readonly meaning: string
  /** The bytes of a classification. The same body always gives the same bytes. `schemaId`: see {@link framed}. */
  encode(body: Classification, schemaId?: number): Buffer
  /** Whether the first bytes of a value are those of this format. */
  recognises(value: Buffer): boolean
  /**
   * Decodes a value written by any version of Hierax into JSON values. May throw any error. `schema`: the writer's, where a value has only
   * its id; by default that of this version.
   */
  decode(value: Buffer, schema?: string): unknown
}

const formatsByName = {
  avro: {
    meaning: 'object container file with its schema',
    encode: toContainer,
    recognises: value => value.subarray(0, magic.length).equals(magic),
    decode: fromContainer
  },
  json: {
    meaning: 'one JSON object',
    encode: body => Buffer.from(JSON.stringify(toJson(body))),
    recognises: value => /^\s*\{/.test(value.toString('latin1', 0, 64)),
    decode: value => JSON.parse(value.toString())
  },
  confluent: {
    meaning: 'Avro without its schema, which is in the schema registry `output.registry.url`',
    encode: (body, schemaId = 0) => framed(recordOf(body), schemaId),
    recognises: value => schemaIdOf(value) !== null,
    decode: (value, schema = schemaText) => decodedRecord(value.subarray(frameBytes), schema)
  }
} satisfies Record<string, Format>

/** Name of a wire format. */
export type Encoding = keyof typeof formatsByName

/** All wire formats, for writers, readers and the setting `output.encoding`. */
export const formats: Readonly<Record<Encoding, Format>> = formatsByName

/** A classification's bytes in the given encoding. */
export function encodeClassification(body: Classification, encoding: Encoding, schemaId?: number): Buffer {
  return formats[encoding].encode(body, schemaId)
}

/** Decodes the bytes that `encodeClassification` returned. */
export function decodeClassification(bytes: Uint8Array, encoding: Encoding): Classification {
  return fromJson(formats[encoding].decode(Buffer.from(bytes)) as ClassificationJson)
}

/** A classification as JSON values: the candid becomes a string. */
export function toJson(body: Classification): ClassificationJson {
  return { ...body, candid: String(body.candid) }
}

/** The classification that `toJson` converted. */
export function fromJson(json: ClassificationJson): Classification {
  return { ...json, candid: BigInt(json.candid) }
}

/** The Avro schema of the message as it is published. */
export const publishedSchema: string = fs.readFileSync(
  new URL('../../schemas/classification.avsc', import.meta.url),
  'utf8'
)

/** The Avro schema of the message without its descriptions, because every message contains it. */
export const schemaText: string = JSON.stringify(JSON.parse(publishedSchema), (name, value) =>
  name === 'doc' ? undefined : value
)

const registry = { long: bigLong }
const metadataType = avro.Type.forSchema({ type: 'map', values: 'bytes' })
const longType = avro.Type.forSchema('long')

/*
 * Parts of an Avro container with one record. The sync marker is a hash of the schema instead of random bytes, so that a message's
 * bytes depend only on its body.
 */
const magic = Buffer.from('Obj\x01', 'latin1')
const marker = createHash('md5').update(schemaText).digest()
const metadata = { 'avro.codec': Buffer.from('null'), 'avro.schema': Buffer.from(schemaText) }
const header = Buffer.concat([magic, metadataType.toBuffer(metadata), marker, longType.toBuffer(1)])

function toContainer(body: Classification): Buffer {
  const record = recordOf(body)
  sizeOutput.length = 0
  sizeOutput.int(record.length)
  const size = sizeOutput.written
  const container = allocate(header.length + size.length + record.length + marker.length)
  let at = 0
  for (const part of [header, size, record, marker]) {
    container.set(part, at)
    at += part.length
  }
  return container
}

/** Memory for many containers: a separate buffer for each would cost as much as all writing. */
const blockBytes = 128 * 1024
let block = Buffer.alloc(0)
let used = 0

function allocate(size: number): Buffer {
  if (used + size > block.length) {
    block = Buffer.allocUnsafeSlow(Math.max(blockBytes, size))
    used = 0
  }
  used += size
  return block.subarray(used - size, used)
}

/** Bytes before a record whose schema is in a registry. */
const frameBytes = 5

/** Confluent's framing: a zero byte and the schema's id in its registry (32 bits, big-endian) before the record. */
function framed(record: Buffer, schemaId: number): Buffer {
  const frame = Buffer.alloc(frameBytes)
  frame.writeUInt32BE(schemaId, 1)
  return Buffer.concat([frame, record])
}

/** The id of the schema of a framed value, see {@link framed}; null if the value is not framed. */
export function schemaIdOf(value: Buffer): number | null {
  return value.length > frameBytes && value[0] === 0 ? value.readUInt32BE(1) : null
}

const ownSchema: AvroSchema = JSON.parse(schemaText)
const encode = encoderOf(ownSchema)
const decode = decoderOf(ownSchema)
const recordOutput = new Output()
const sizeOutput = new Output()

/** The record's bytes, valid until the next call. */
function recordOf(body: Classification): Buffer {
  recordOutput.length = 0
  encode(body, recordOutput)
  return recordOutput.written
}

const maxSchemaBytes = 256 * 1024

/** Parsed schemas by their text: every message contains one, and there are few different ones. */
const types = new LRUCache<string, avro.Type>({ max: 32 })

/** Decodes the only record of a container with the container's schema. */
function fromContainer(bytes: Buffer): unknown {
  // By far the most are of this version.
  if (header.equals(bytes.subarray(0, header.length))) {
    const size = longType.decode(bytes, header.length)
    return decodedRecord(bytes.subarray(size.offset, size.offset + size.value), schemaText)
  }
  const { value, offset } = metadataType.decode(bytes, magic.length)
  const metadata = value as Record<string, Buffer>
  const codec = metadata['avro.codec']?.toString() ?? 'null'
  if (codec !== 'null') throw new Error(`codec ${codec.slice(0, 32)}`)
  const type = typeOf(metadata['avro.schema'] ?? Buffer.alloc(0))
  const count = longType.decode(bytes, offset + marker.length)
  if (count.value !== 1) throw new Error(`${count.value} records instead of one`)
  const size = longType.decode(bytes, count.offset)
  return plain(type.fromBuffer(bytes.subarray(size.offset, size.offset + size.value)))
}

const unreadable = { overrun: 'MESSAGE_UNREADABLE', corrupt: 'MESSAGE_UNREADABLE' } as const

/** Decodes a record of a schema. For that of this version, avsc would need twice the time. */
function decodedRecord(bytes: Buffer, schema: string): unknown {
  if (schema === schemaText) {
    try {
      const cursor = new Cursor(bytes, unreadable)
      const record = decode(cursor) as Classification
      if (cursor.remaining === 0) return { ...record, candid: String(record.candid) }
    } catch (error) {
      if (!(error instanceof HieraxError)) throw error
    }
    // Not as it is written here: avsc decodes it, or says what is wrong.
  }
  return plain(typeOf(Buffer.from(schema)).fromBuffer(bytes))
}

function typeOf(schema: Buffer): avro.Type {
  if (schema.length > maxSchemaBytes) throw new Error(`a schema of ${schema.length} bytes`)
  const text = schema.toString()
  const known = types.get(text)
  if (known) return known
  // A field with this name would set the prototype of the decoded object.
  if (text.includes('__proto__')) throw new Error('an ill-named field')
  const type = avro.Type.forSchema(JSON.parse(text), { registry: { ...registry } })
  types.set(text, type)
  return type
}

/** Decoded values as in the JSON encoding: the candid as a string, other longs as numbers if they are safe integers. */
function plain(value: unknown, name = ''): unknown {
  if (typeof value === 'bigint') {
    const number = numberIfSafe(value)
    return typeof number === 'number' && name !== 'candid' ? number : String(value)
  }
  if (Array.isArray(value)) return value.map(item => plain(item))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, key)]))
}
