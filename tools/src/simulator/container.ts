import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { bigLong } from 'hierax/avro/long.ts'
import type { Fields } from './candidate.ts'

const schemaFile = new URL('../../../schemas/ztf/alert-4.02.avsc', import.meta.url)
const avroLong = avro.Type.forSchema('long')
const magic = Buffer.from('Obj\x01', 'latin1')

/** A packet's record with history entries encoded by {@link PacketWriter}. */
export interface PacketParts {
  readonly schemavsn: string
  readonly publisher: string
  readonly objectId: string
  readonly candid: bigint
  readonly candidate: Fields
  /** Empty lists are written as null, as in the survey's packets. */
  readonly prv_candidates: readonly Buffer[]
  readonly fp_hists: readonly Buffer[]
  readonly cutoutScience: object | null
  readonly cutoutTemplate: object | null
  readonly cutoutDifference: object | null
}

/**
 * Writes packets of schema 4.02 as the survey does: a container of one record, with the schema, uncompressed. The next 30 days' packets
 * repeat a point in their histories, so its entry is encoded once and copied.
 */
export class PacketWriter {
  readonly #fields: readonly avro.types.Field[]
  readonly #header: Buffer
  readonly #sync: Buffer

  constructor() {
    const schema = JSON.stringify(JSON.parse(readFileSync(schemaFile, 'utf8')))
    const type = avro.Type.forSchema(JSON.parse(schema), { registry: { long: bigLong }, wrapUnions: false })
    this.#fields = (type as avro.types.RecordType).fields
    // A fixed sync marker (any 16 bytes), so that a seed always gives the same bytes.
    this.#sync = createHash('sha256').update(schema).digest().subarray(0, 16)
    const metadata = avro.Type.forSchema({ type: 'map', values: 'bytes' })
    const entries = { 'avro.codec': Buffer.from('null'), 'avro.schema': Buffer.from(schema) }
    this.#header = Buffer.concat([magic, metadata.toBuffer(entries), this.#sync])
  }

  /** Encodes an entry of a history. Throws for fields that do not fit the schema. */
  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Buffer {
    const union = this.#fields.find(field => field.name === history)?.type as avro.types.UnwrappedUnionType
    return (union.types[1] as avro.types.ArrayType).itemsType.toBuffer(fields)
  }

  /** The packet's bytes. Throws for a record that does not fit the schema. */
  write(parts: PacketParts): Buffer {
    const body = Buffer.concat(
      this.#fields.map(({ name, type }) => {
        const value = parts[name as keyof PacketParts]
        return Array.isArray(value) ? encodedArray(value) : type.toBuffer(value)
      })
    )
    return Buffer.concat([this.#header, number(1), number(body.length), body, this.#sync])
  }
}

/** A union of null and an array of already encoded items. */
function encodedArray(items: readonly Buffer[]): Buffer {
  if (items.length === 0) return number(0)
  return Buffer.concat([number(1), number(items.length), ...items, number(0)])
}

/** An integer in Avro's encoding. */
function number(value: number): Buffer {
  return avroLong.toBuffer(value)
}
