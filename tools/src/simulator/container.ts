import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { bigLong } from 'hierax/avro/long.ts'
import type { Fields } from './candidate.ts'

const schemaFile = new URL('../../../schemas/ztf/alert-4.02.avsc', import.meta.url)
const avroLong = avro.Type.forSchema('long')
const magic = Buffer.from('Obj\x01', 'latin1')

/** Value and key of a message. */
export interface SimulatedMessage {
  readonly bytes: Buffer
  /** Null where messages have none. */
  readonly key: Buffer | null
}

/** A packet's record with entries of its histories made by {@link PacketForm.entry}. */
export interface PacketParts<Entry = unknown> {
  readonly schemavsn: string
  readonly publisher: string
  readonly objectId: string
  readonly candid: bigint
  readonly candidate: Fields
  /** Empty lists are written as null, as in the survey's packets. */
  readonly prv_candidates: readonly Entry[]
  readonly fp_hists: readonly Entry[]
  readonly cutoutScience: object | null
  readonly cutoutTemplate: object | null
  readonly cutoutDifference: object | null
}

/** The form in which the survey or a broker sends packets. Records are given with the survey's fields. */
export interface PacketForm<Entry = unknown> {
  /** An entry of a history, which all packets of the next 30 days repeat. */
  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Entry
  /** The packet as a message. Throws for a record that does not fit the schema. */
  write(parts: PacketParts<Entry>): SimulatedMessage
}

/** JSON of the survey's schema 4.02. */
export function surveySchema(): object {
  return JSON.parse(readFileSync(schemaFile, 'utf8'))
}

/** The type of a schema, with exact 64-bit integers. */
export function typeOf(schema: object): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigLong }, wrapUnions: false })
}

/** Writes records as containers of one record, with the schema, uncompressed. */
export interface Container {
  readonly type: avro.types.RecordType
  write(value: object): Buffer
  /** The container of a record that is encoded already. */
  around(body: Buffer): Buffer
}

export function containerOf(json: object): Container {
  const schema = JSON.stringify(json)
  const type = typeOf(json) as avro.types.RecordType
  // A fixed sync marker (any 16 bytes), so that a seed always gives the same bytes.
  const sync = createHash('sha256').update(schema).digest().subarray(0, 16)
  const metadata = avro.Type.forSchema({ type: 'map', values: 'bytes' })
  const entries = { 'avro.codec': Buffer.from('null'), 'avro.schema': Buffer.from(schema) }
  const header = Buffer.concat([magic, metadata.toBuffer(entries), sync])
  const around = (body: Buffer) => Buffer.concat([header, number(1), number(body.length), body, sync])
  return { type, around, write: value => around(type.toBuffer(value)) }
}

/** Packets of schema 4.02 as the survey sends them. An entry of a history is encoded once and copied. */
export class SurveyForm implements PacketForm<Buffer> {
  readonly #container = containerOf(surveySchema())

  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Buffer {
    const union = this.#container.type.fields.find(field => field.name === history)
      ?.type as avro.types.UnwrappedUnionType
    return (union.types[1] as avro.types.ArrayType).itemsType.toBuffer(fields)
  }

  write(parts: PacketParts<Buffer>): SimulatedMessage {
    const body = Buffer.concat(
      this.#container.type.fields.map(({ name, type }) => {
        const value = parts[name as keyof PacketParts<Buffer>]
        return Array.isArray(value) ? encodedArray(value) : type.toBuffer(value)
      })
    )
    return { key: null, bytes: this.#container.around(body) }
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
