import avro from 'avsc'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { bigLong } from '../avro/long.ts'
import { HieraxError } from '../errors.ts'
import { contextFields } from '../lightcurves/observation.ts'

const nullableNumber = z.number().nullish()

const evidence = z.looseObject({ node: z.string(), lightCurve: z.number(), context: z.number(), prior: z.number() })

/**
 * What a subscriber needs of a message; whatever else a later version has is kept as it is. Fields that the first version lacks may be
 * absent.
 */
const shape = z.looseObject({
  id: z.string(),
  objectId: z.string(),
  candid: z.string().regex(/^-?\d{1,19}$/),
  jd: z.number(),
  status: z.string(),
  reason: z.string().nullish(),
  alert: z.looseObject({ band: z.string(), magnitude: z.number(), positive: z.boolean().optional() }).nullish(),
  nodes: z.array(z.looseObject({ name: z.string(), parent: z.string().nullish(), probability: z.number() })),
  prediction: z.looseObject({ node: z.string(), probability: z.number(), path: z.array(z.string()) }).nullish(),
  novelty: nullableNumber,
  classifier: z.looseObject({ name: z.string(), version: z.string(), sha256: z.string(), taxonomy: z.string() }),
  lightCurve: z.looseObject({
    detections: z.number(),
    revision: z.number(),
    firstDetectionJd: nullableNumber,
    lastDetectionJd: nullableNumber
  }),
  evidence: z.array(evidence).optional(),
  context: z.looseObject(Object.fromEntries(contextFields.map(name => [name, nullableNumber]))).nullish(),
  population: z.looseObject({ name: z.string(), shares: z.record(z.string(), z.number()) }).nullish()
})

/** A classification as a subscriber reads it: plain JSON values, the candid a string. */
export type ReadClassification = z.infer<typeof shape>

const magic = Buffer.from('Obj\x01', 'latin1')
const syncBytes = 16
const metadataType = avro.Type.forSchema({ type: 'map', values: 'bytes' })
const longType = avro.Type.forSchema('long')
const maxSchemaBytes = 256 * 1024
const maxBytes = 16 * 1024 * 1024

/** Types by the text of their schema: every message carries one, and they are few. */
const types = new LRUCache<string, avro.Type>({ max: 32 })

/**
 * A message of a topic of classifications, whichever encoding and version it was written with: an Avro container is
 * decoded by the schema in it.
 *
 * @throws HieraxError MESSAGE_UNREADABLE
 */
export function readClassification(value: Uint8Array | null): ReadClassification {
  if (!value?.length) throw unreadable('it has no value')
  if (value.length > maxBytes) throw unreadable(`it has ${value.length} bytes`)
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const body = bytes.subarray(0, magic.length).equals(magic) ? fromAvro(bytes) : fromJson(bytes)
  const result = shape.safeParse(body)
  // Not what the check returns: fields keep their order.
  if (result.success) return body as ReadClassification
  const [issue] = result.error.issues
  throw unreadable(`it is no classification: ${issue?.path.join('.') || 'value'}: ${issue?.message}`)
}

function fromJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    throw unreadable('it is neither an Avro container nor JSON', cause)
  }
}

function fromAvro(bytes: Buffer): unknown {
  try {
    const header = metadataType.decode(bytes, magic.length)
    const metadata = header.value as Record<string, Buffer>
    const codec = metadata['avro.codec']?.toString() ?? 'null'
    if (codec !== 'null') throw new Error(`codec ${codec.slice(0, 32)}`)
    const type = typeOf(metadata['avro.schema'] ?? Buffer.alloc(0))
    const count = longType.decode(bytes, header.offset + syncBytes)
    if (count.value !== 1) throw new Error(`${count.value} records instead of one`)
    const size = longType.decode(bytes, count.offset)
    return plain(type.fromBuffer(bytes.subarray(size.offset, size.offset + size.value)))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw unreadable(`its Avro container can't be decoded (${reason.slice(0, 200)})`, cause)
  }
}

function typeOf(schema: Buffer): avro.Type {
  if (schema.length > maxSchemaBytes) throw new Error(`a schema of ${schema.length} bytes`)
  const text = schema.toString()
  const known = types.get(text)
  if (known) return known
  // A field of that name would set the prototype of what is decoded.
  if (text.includes('__proto__')) throw new Error('an ill-named field')
  const type = avro.Type.forSchema(JSON.parse(text), { registry: { long: bigLong } })
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

function unreadable(reason: string, cause?: unknown): HieraxError {
  return new HieraxError('MESSAGE_UNREADABLE', reason, { cause })
}
