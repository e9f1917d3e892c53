import { createHash } from 'node:crypto'
import avro from 'avsc'
import { bigLong } from 'hierax/avro/long.ts'
import type { Cutout } from './cutouts.ts'
import { type Fields, surveySchema } from './survey-schema.ts'

const avroLong = avro.Type.forSchema('long')
const avroString = avro.Type.forSchema('string')
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
  readonly cutoutScience: Cutout | null
  readonly cutoutTemplate: Cutout | null
  readonly cutoutDifference: Cutout | null
}

/** The form in which the survey or a broker sends packets. Records are given with the survey's fields. */
export interface PacketForm<Entry = unknown> {
  /** An entry of a history, which all packets of the next 30 days repeat. */
  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Entry
  /** The packet as a message. Throws for a record that does not fit the schema. */
  write(parts: PacketParts<Entry>): SimulatedMessage
}

/** The type of a schema, with exact 64-bit integers. */
export function typeOf(schema: object): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigLong }, wrapUnions: false })
}

/** Writes records as containers of one record, with the schema, uncompressed. */
export interface Container {
  readonly type: avro.types.RecordType
  write(value: object): Buffer
  /** The container of a record of which all parts are encoded already. */
  around(parts: readonly Buffer[]): Buffer
}

export function containerOf(json: object): Container {
  const schema = JSON.stringify(json)
  const type = typeOf(json) as avro.types.RecordType
  // A fixed sync marker (any 16 bytes), so that a seed always gives the same bytes.
  const sync = createHash('sha256').update(schema).digest().subarray(0, 16)
  const metadata = avro.Type.forSchema({ type: 'map', values: 'bytes' })
  const entries = { 'avro.codec': Buffer.from('null'), 'avro.schema': Buffer.from(schema) }
  const header = Buffer.concat([magic, metadata.toBuffer(entries), sync])
  const around = (parts: readonly Buffer[]) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    return Buffer.concat([header, number(1), number(length), ...parts, sync])
  }
  return { type, around, write: value => around([type.toBuffer(value)]) }
}

/** Packets of schema 4.02 as the survey sends them. An entry of a history is encoded once and copied. */
export class SurveyForm implements PacketForm<Buffer> {
  readonly #container = containerOf(surveySchema)

  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Buffer {
    const union = this.#container.type.fields.find(field => field.name === history)
      ?.type as avro.types.UnwrappedUnionType
    // Entries are kept: copies from Node's pool of memory instead of an ArrayBuffer for each, which every full collection would visit.
    return Buffer.from((union.types[1] as avro.types.ArrayType).itemsType.toBuffer(fields))
  }

  write(parts: PacketParts<Buffer>): SimulatedMessage {
    const encoded = this.#container.type.fields.flatMap(({ name, type }) => {
      const value = parts[name as keyof PacketParts<Buffer>]
      if (Array.isArray(value)) return encodedArray(value)
      return isCutout(value) ? encodedCutout(value) : [type.toBuffer(value)]
    })
    return { key: null, bytes: this.#container.around(encoded) }
  }
}

/** A union of null and an array of already encoded items, in parts. */
function encodedArray(items: readonly Buffer[]): readonly Buffer[] {
  return items.length === 0 ? [number(0)] : [number(1), number(items.length), ...items, number(0)]
}

function isCutout(value: unknown): value is Cutout {
  return typeof value === 'object' && value !== null && 'stampData' in value
}

/** A union of null and a cutout, in parts. The image is not copied. */
function encodedCutout({ fileName, stampData }: Cutout): readonly Buffer[] {
  return [number(1), avroString.toBuffer(fileName), number(stampData.length), stampData]
}

/** An integer in Avro's encoding. */
function number(value: number): Buffer {
  return avroLong.toBuffer(value)
}
