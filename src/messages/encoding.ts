import { createHash } from 'node:crypto'
import fs from 'node:fs'
import avro from 'avsc'
import { LRUCache } from 'lru-cache'
import { bigLong } from '../avro/long.ts'
import type { Classification, ClassificationJson } from './classification.ts'

/** A wire format of classifications. */
export interface Format {
  /** What a message's value is, for the documentation of `output.encoding`. */
  readonly meaning: string
  /** Bytes of a classification, a function of nothing else. */
  encode(body: Classification): Buffer
  /** Whether a value is in this format, by its first bytes. */
  recognises(value: Buffer): boolean
  /** What was encoded, by whichever version of Hierax, as plain JSON values. Throws any error. */
  decode(value: Buffer): unknown
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
  }
} satisfies Record<string, Format>

/** How a body becomes bytes. */
export type Encoding = keyof typeof formatsByName

/** All wire formats: writers, readers and the setting `output.encoding` take them from here. */
export const formats: Readonly<Record<Encoding, Format>> = formatsByName

/** A classification's bytes in the given encoding. */
export function encodeClassification(body: Classification, encoding: Encoding): Buffer {
  return formats[encoding].encode(body)
}

/** The classification that `encodeClassification` wrote. */
export function decodeClassification(bytes: Uint8Array, encoding: Encoding): Classification {
  const json = formats[encoding].decode(Buffer.from(bytes)) as ClassificationJson
  return { ...json, candid: BigInt(json.candid) }
}

/** A classification as plain JSON values: the candid as a string, everything else as it is. */
export function toJson(body: Classification): ClassificationJson {
  return { ...body, candid: String(body.candid) }
}

/** The Avro schema of the message, as shipped but without its texts for people: every message carries it. */
export const schemaText: string = JSON.stringify(
  JSON.parse(fs.readFileSync(new URL('../../schemas/classification.avsc', import.meta.url), 'utf8')),
  (name, value) => (name === 'doc' ? undefined : value)
)

const registry = { long: bigLong }
const type = avro.Type.forSchema(JSON.parse(schemaText), { registry: { ...registry } })
const metadataType = avro.Type.forSchema({ type: 'map', values: 'bytes' })
const longType = avro.Type.forSchema('long')

/**
 * Everything of the container before its block. The sync marker is fixed by the schema, not random: the bytes of a
 * message are a function of its body.
 */
const magic = Buffer.from('Obj\x01', 'latin1')
const marker = createHash('md5').update(schemaText).digest()
const metadata = { 'avro.codec': Buffer.from('null'), 'avro.schema': Buffer.from(schemaText) }
const header = Buffer.concat([magic, metadataType.toBuffer(metadata), marker])
const one = longType.toBuffer(1)

let scratch = Buffer.allocUnsafe(16_384)

function toContainer(body: Classification): Buffer {
  const value = { ...body, lightCurve: { ...body.lightCurve, revision: BigInt(body.lightCurve.revision) } }
  let end = type.encode(value, scratch, 0)
  if (end < 0) {
    scratch = Buffer.allocUnsafe(2 * (scratch.length - end))
    end = type.encode(value, scratch, 0)
  }
  return Buffer.concat([header, one, longType.toBuffer(end), scratch.subarray(0, end), marker])
}

const maxSchemaBytes = 256 * 1024

/** Types by the text of their schema: every message carries one, and they are few. */
const types = new LRUCache<string, avro.Type>({ max: 32 })

/** The one record of a container, by the schema in it. */
function fromContainer(bytes: Buffer): unknown {
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

function typeOf(schema: Buffer): avro.Type {
  if (schema.length > maxSchemaBytes) throw new Error(`a schema of ${schema.length} bytes`)
  const text = schema.toString()
  const known = types.get(text)
  if (known) return known
  // A field of that name would set the prototype of what is decoded.
  if (text.includes('__proto__')) throw new Error('an ill-named field')
  const type = avro.Type.forSchema(JSON.parse(text), { registry: { ...registry } })
  types.set(text, type)
  return type
}

/** Decoded values as the JSON encoding has them: the candid a string, other long numbers plain where they fit. */
function plain(value: unknown, name = ''): unknown {
  if (typeof value === 'bigint') {
    const small = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    return small && name !== 'candid' ? Number(value) : String(value)
  }
  if (Array.isArray(value)) return value.map(item => plain(item))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, key)]))
}
