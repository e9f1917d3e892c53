import type { Cursor } from '../../avro/cursor.ts'
import { HieraxError, shown } from '../../errors.ts'
import type { CutoutKind } from '../../lightcurves/cutouts.ts'
import type { Alert } from '../alert.ts'
import type { DecoderLimits } from '../avro/limits.ts'
import { isReadable, type Kind, nullable, numberReader, type Value, valueReader } from '../avro/readers.ts'
import type { RecordSchema, Schema } from '../avro/schema.ts'
import { asSkip, Skippers } from '../avro/skippers.ts'
import { type Skip, simple } from '../avro/steps.ts'
import { namesOf, otherSurvey } from './other-surveys.ts'

/**
 * The packet format of a survey: how its packets are recognised, which fields are read, and how an alert is made of them. `Records` and
 * `Lists` are the names of the fields with records and with arrays in `reads`.
 */
export interface Survey<Records extends string = string, Lists extends string = string> {
  readonly name: string
  /** Whether packets with this writer schema are of this survey. */
  recognises(schema: RecordSchema): boolean
  readonly reads: PacketFields<Records, Lists>
  /** Validates and normalises a packet. It must not keep a reference to it. Throws INVALID_VALUE or MISSING_FIELD. */
  toAlert(packet: Packet<Records, Lists>): Alert
}

/** The fields of a packet that are read. All others are skipped without being decoded. */
export interface PacketFields<Records extends string = string, Lists extends string = string> {
  /** Top-level fields of the packet. */
  readonly head: Fields
  /** Fields of records in the packet. The writer's schema must have each of these records; their values may be null. */
  readonly records: Readonly<Record<Records, Fields>>
  /** Arrays of records in the packet, which the writer's schema may lack. */
  readonly lists: Readonly<Record<Lists, List>>
  /** Images, each the bytes of a field or the `stampData` of a record, which the writer's schema may lack. They are read only if the limits allow it. */
  readonly cutouts?: Readonly<Record<CutoutKind, string>>
}

/** The fields that are read of each record of an array. */
export interface List {
  /** Null if the records are only counted. */
  readonly fields: Fields | null
  /** If the writer's schema lacks this field, the records are only counted. */
  readonly readIf?: string
}

/** The fields that are read of a record, by name. */
export type Fields<Name extends string = string> = Readonly<Record<Name, Field>>

/** How a field is read. */
export interface Field {
  readonly kind: Kind
  /** What happens if the writer's schema lacks the field or has it with another type. */
  readonly how: 'needed' | 'optional' | 'welcome'
}

/** A field that the writer's schema must have. */
export const needed = (kind: Kind): Field => ({ kind, how: 'needed' })
/** A field that may be absent, but must not have another type. */
export const optional = (kind: Kind): Field => ({ kind, how: 'optional' })
/** A field that is ignored if it is absent or has another type. */
export const welcome = (kind: Kind): Field => ({ kind, how: 'welcome' })

/** The column of each field in {@link Rows}. */
export function columnsOf<Name extends string>(fields: Fields<Name>): Readonly<Record<Name, number>> {
  return Object.fromEntries(Object.keys(fields).map((name, column) => [name, column])) as Record<Name, number>
}

/** The values of records. Those of record `i` begin at `i * width`, in the order of the fields. */
export class Rows {
  readonly width: number
  readonly values: Value[] = []
  /** Number of records that were read. */
  count = 0
  /** Number of records that were only counted. */
  unread = 0
  /** Index of the first value of the current record. */
  base = 0

  constructor(fields: Fields | null) {
    this.width = Object.keys(fields ?? {}).length
  }

  clear(): void {
    this.count = 0
    this.unread = 0
    this.next()
    this.count = 0
  }

  /** Begins the next record, whose values are null until they are read. */
  next(): void {
    this.base = this.count++ * this.width
    for (let i = 0; i < this.width; i++) this.values[this.base + i] = null
  }
}

/** The values that were read of one packet. The object is reused for the next packet. */
export interface Packet<Records extends string = string, Lists extends string = string> {
  /** One row of values; its `count` is not used. */
  readonly head: Rows
  /** One row of values each. `count` is 1, or 0 if the record is null; its values are null then. */
  readonly records: Readonly<Record<Records, Rows>>
  readonly lists: Readonly<Record<Lists, Rows>>
  /** Number of records read from all lists. */
  points: number
  /** Images, as views of the packet. Another object for each packet. */
  cutouts: Partial<Record<CutoutKind, Uint8Array>>
}

/** Reads the next packet of a block. The result is valid until the next call. */
export type PacketReader = (cursor: Cursor) => Packet

/**
 * The first survey that recognises the packets of a writer schema, with a reader of them. Throws WRONG_TYPE, WRONG_SURVEY
 * or MISSING_FIELD.
 */
export function readerFor(
  schema: Schema,
  surveys: readonly Survey[],
  limits: DecoderLimits
): { survey: Survey; read: PacketReader } {
  if (schema.type !== 'record') {
    throw new HieraxError('WRONG_TYPE', `the packet should be a record, but the writer's type is ${shown(schema.type)}`)
  }
  const survey = surveys.find(each => each.recognises(schema))
  if (survey !== undefined) return { survey, read: new Compiler(survey.reads, limits).packet(schema) }
  const unknown = `the packet is ${shown(schema.name)} of no survey that this version reads`
  throw new HieraxError('WRONG_SURVEY', otherSurvey(namesOf(schema)) ?? unknown)
}

/** Compiles a reader of the wanted fields of a packet from the writer's schema. */
class Compiler {
  readonly #reads: PacketFields
  readonly #limits: DecoderLimits
  readonly #skippers: Skippers
  readonly #packet: Packet

  constructor(reads: PacketFields, limits: DecoderLimits) {
    this.#reads = reads
    this.#limits = limits
    this.#skippers = new Skippers(limits.maxDepth)
    const { head, records, lists } = reads
    this.#packet = {
      head: new Rows(head),
      records: mapValues(records, fields => new Rows(fields)),
      lists: mapValues(lists, ({ fields }) => new Rows(fields)),
      points: 0,
      cutouts: {}
    }
  }

  packet({ fields }: RecordSchema): PacketReader {
    const packet = this.#packet
    const wanted = this.#fields(fields, this.#reads.head, '', packet.head)
    for (const [name, of] of Object.entries(this.#reads.records)) {
      const schema = fields.get(name)
      if (schema === undefined) throw missing(name)
      const rows = packet.records[name]!
      const present = () => {
        rows.count = 1
      }
      wanted.set(name, this.#record(schema, of, name, rows, present))
    }
    for (const [name, list] of Object.entries(this.#reads.lists)) {
      const schema = fields.get(name)
      if (schema !== undefined) wanted.set(name, this.#list(schema, list, name, packet.lists[name]!))
    }
    const images = this.#limits.maxCutoutBytes > 0 ? Object.entries(this.#reads.cutouts ?? {}) : []
    for (const [kind, name] of images as [CutoutKind, string][]) {
      const schema = fields.get(name)
      if (schema !== undefined) wanted.set(name, this.#image(schema, kind))
    }
    const read = this.#skippers.record(fields, wanted)
    const all = [packet.head, ...Object.values(packet.records), ...Object.values(packet.lists)]
    return cursor => {
      for (let i = 0; i < all.length; i++) all[i]!.clear()
      packet.points = 0
      if (images.length > 0) packet.cutouts = {}
      read(cursor)
      return packet
    }
  }

  /** Compiles a reader of an image. A field of another type is skipped. */
  #image(schema: Schema, kind: CutoutKind): Skip {
    const packet = this.#packet
    const { maxCutoutBytes } = this.#limits
    const bytes: Skip = cursor => {
      const length = cursor.length()
      const start = cursor.position
      cursor.skip(length)
      if (length > 0 && length <= maxCutoutBytes) packet.cutouts[kind] = cursor.bytes.subarray(start, start + length)
    }
    const orSkip = (of: Schema, read: (branch: Schema) => Skip | null): Skip =>
      nullable<void>(of, kind, 'an image', undefined, branch => read(branch) ?? asSkip(this.#skippers.of(branch)))
    return orSkip(schema, branch => {
      if (branch.type === 'bytes') return bytes
      const data = branch.type === 'record' ? branch.fields.get('stampData') : undefined
      if (branch.type !== 'record' || data === undefined) return null
      const read = orSkip(data, type => (type.type === 'bytes' ? bytes : null))
      return this.#skippers.record(branch.fields, new Map([['stampData', read]]))
    })
  }

  /** Compiles readers of fields into the current row. Throws MISSING_FIELD if the writer's schema lacks a needed field. */
  #fields(schemas: ReadonlyMap<string, Schema>, fields: Fields, prefix: string, rows: Rows): Map<string, Skip> {
    const lacking = Object.keys(fields).find(name => fields[name]!.how === 'needed' && !schemas.has(name))
    if (lacking !== undefined) throw missing(`${prefix}${lacking}`)
    const readers = new Map<string, Skip>()
    for (const [column, [name, { kind, how }]] of Object.entries(fields).entries()) {
      const schema = schemas.get(name)
      if (schema === undefined || (how === 'welcome' && !isReadable(schema, kind))) continue
      const read = valueReader(schema, kind, `${prefix}${name}`, this.#limits.maxStringBytes)
      const step: Skip = cursor => {
        rows.values[rows.base + column] = read(cursor)
      }
      const number = numberReader(schema, kind)
      readers.set(name, number === undefined ? step : simple(step, { ...number, target: { row: rows, column } }))
    }
    return readers
  }

  #list(schema: Schema, { fields, readIf }: List, path: string, rows: Rows): Skip {
    return nullable<void>(schema, path, 'an array', undefined, branch => {
      if (branch.type !== 'array') return null
      const { items } = branch
      const lacks = readIf !== undefined && items.type === 'record' && !items.fields.has(readIf)
      if (fields === null || lacks) {
        const count = this.#skippers.countedArray(branch)
        return cursor => {
          rows.unread += count(cursor)
        }
      }
      const item = this.#record(items, fields, `${path}[]`, rows)
      return cursor => {
        for (let count = this.#itemCount(cursor, path); count > 0; count = this.#itemCount(cursor, path)) {
          for (let i = 0; i < count; i++) {
            rows.next()
            item(cursor)
          }
        }
      }
    })
  }

  /** Compiles a reader of a record into the current row. If the record is not null, `begin` is called first. */
  #record(schema: Schema, fields: Fields, path: string, rows: Rows, begin?: Skip): Skip {
    return nullable<void>(schema, path, 'a record', undefined, branch => {
      if (branch.type !== 'record') return null
      const read = this.#fields(branch.fields, fields, `${path}.`, rows)
      const steps = this.#skippers.record(branch.fields, read)
      return begin === undefined
        ? steps
        : cursor => {
            begin(cursor)
            steps(cursor)
          }
    })
  }

  /** Reads the item count of the next block of an array. A negative count is followed by the size in bytes, which is not needed. */
  #itemCount(cursor: Cursor, path: string): number {
    const signed = cursor.long()
    if (signed < 0) cursor.length()
    const count = Math.abs(signed)
    this.#packet.points += count
    if (this.#packet.points > this.#limits.maxHistory) {
      const message = `${path} claims ${this.#packet.points} points, more than ${this.#limits.maxHistory}`
      throw new HieraxError('RECORD_TOO_LARGE', message)
    }
    return count
  }
}

function missing(path: string): HieraxError {
  return new HieraxError('MISSING_FIELD', `${path} is not in the packet's schema`)
}

function mapValues<From, To>(from: Readonly<Record<string, From>>, to: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, to(value)]))
}
