import { createHash } from 'node:crypto'
import fs from 'node:fs'
import avro from 'avsc'
import { bigLong } from '../avro/long.ts'
import type { Classification, ClassificationJson } from './schema.ts'

/** How a body becomes bytes: `avro` is an object container file with its schema, `json` one JSON object. */
export type Encoding = 'avro' | 'json'

/** The Avro schema of the message, as shipped but without its texts for people: every message carries it. */
export const schemaText: string = JSON.stringify(
  JSON.parse(fs.readFileSync(new URL('../../schemas/classification.avsc', import.meta.url), 'utf8')),
  (name, value) => (name === 'doc' ? undefined : value)
)

const type = avro.Type.forSchema(JSON.parse(schemaText), { registry: { long: bigLong } })

/**
 * Everything of the container before its block. The sync marker is fixed by the schema, not random: the bytes of a
 * message are a function of its body.
 */
const marker = createHash('md5').update(schemaText).digest()
const header = Buffer.concat([
  Buffer.from('Obj\x01', 'latin1'),
  avro.Type.forSchema({ type: 'map', values: 'bytes' }).toBuffer({
    'avro.codec': Buffer.from('null'),
    'avro.schema': Buffer.from(schemaText)
  }),
  marker
])

let scratch = Buffer.allocUnsafe(16_384)

/** A classification's bytes in the given encoding. */
export function encodeClassification(body: Classification, encoding: Encoding): Buffer {
  return encoding === 'avro' ? toContainer(body) : Buffer.from(JSON.stringify(toJson(body)))
}

/** A classification as plain JSON values: the candid as a string, everything else as it is. */
export function toJson(body: Classification): ClassificationJson {
  return { ...body, candid: String(body.candid) }
}

/** The classification that `encodeClassification` wrote. */
export function decodeClassification(bytes: Uint8Array, encoding: Encoding): Classification {
  if (encoding === 'json') {
    const json = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
    return { ...json, candid: BigInt(json.candid as string) } as unknown as Classification
  }
  const block = Buffer.from(bytes).subarray(header.length)
  const long = avro.Type.forSchema('long')
  const count = long.decode(block, 0)
  const size = long.decode(block, count.offset)
  const raw = type.fromBuffer(block.subarray(size.offset, size.offset + size.value)) as Record<string, unknown>
  const lightCurve = raw.lightCurve as { revision: bigint }
  return { ...raw, lightCurve: { ...lightCurve, revision: Number(lightCurve.revision) } } as unknown as Classification
}

function toContainer(body: Classification): Buffer {
  const value = { ...body, lightCurve: { ...body.lightCurve, revision: BigInt(body.lightCurve.revision) } }
  let end = type.encode(value, scratch, 0)
  if (end < 0) {
    scratch = Buffer.allocUnsafe(2 * (scratch.length - end))
    end = type.encode(value, scratch, 0)
  }
  const length = zigzag(end)
  const container = Buffer.allocUnsafe(header.length + 1 + length.length + end + marker.length)
  let offset = header.copy(container)
  container[offset++] = 2 // one record: the long 1 in zigzag
  offset += length.copy(container, offset)
  offset += scratch.copy(container, offset, 0, end)
  marker.copy(container, offset)
  return container
}

/** A small non-negative number as an Avro long. */
function zigzag(value: number): Buffer {
  const bytes: number[] = []
  let rest = value * 2
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
