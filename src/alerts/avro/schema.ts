import { HieraxError, shown } from '../../errors.ts'
import type { DecoderLimits } from './limits.ts'

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const
type Primitive = (typeof primitives)[number]

export interface ArraySchema {
  readonly type: 'array'
  readonly items: Schema
}
export interface UnionSchema {
  readonly type: 'union'
  readonly branches: readonly Schema[]
}
export interface RecordSchema {
  readonly type: 'record'
  /** Full name, namespace included. */
  readonly name: string
  /** In the writer's order. The map is filled during parsing, because a record may refer to itself. */
  readonly fields: Map<string, Schema>
}

/** The parts of an Avro schema that decoding needs, without defaults, documentation and logical types. It may be cyclic. */
export type Schema =
  | { readonly type: Primitive }
  | { readonly type: 'fixed'; readonly size: number }
  | { readonly type: 'enum'; readonly symbols: readonly string[] }
  | { readonly type: 'map'; readonly values: Schema }
  | ArraySchema
  | UnionSchema
  | RecordSchema

type SchemaLimits = Pick<DecoderLimits, 'maxSchemaNodes' | 'maxDepth'>

/** The JSON of a writer schema. Throws SCHEMA_INVALID. */
export function schemaJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'))
  } catch (cause) {
    throw new HieraxError('SCHEMA_INVALID', 'the writer schema is not JSON', { cause })
  }
}

/**
 * Parses the text of a writer schema. It accepts defaults of the wrong type, which occur in real packets and which strict parsers
 * refuse. Throws SCHEMA_INVALID, or SCHEMA_TOO_LARGE if there are too many types or they are nested too deeply.
 */
export function parseSchema(text: Buffer, limits: SchemaLimits): Schema {
  return new SchemaParser(limits).parse(schemaJson(text), '', 0)
}

export type Json = Record<string, unknown>

class SchemaParser {
  readonly #limits: SchemaLimits
  readonly #named = new Map<string, Schema>()
  #nodes = 0

  constructor(limits: SchemaLimits) {
    this.#limits = limits
  }

  parse(json: unknown, namespace: string, depth: number): Schema {
    this.#count(depth)
    if (typeof json === 'string') return this.#lookUp(json, namespace)
    if (Array.isArray(json)) return this.#union(json, namespace, depth)
    if (!isObject(json)) throw invalid(`a type is ${shown(json)}`)
    switch (json.type) {
      case 'record':
      case 'error':
        return this.#record(json, namespace, depth)
      case 'enum':
        return this.#enum(json, namespace)
      case 'fixed':
        return this.#fixed(json, namespace)
      case 'array':
        return { type: 'array', items: this.parse(json.items, namespace, depth + 1) }
      case 'map':
        return { type: 'map', values: this.parse(json.values, namespace, depth + 1) }
      default:
        // {"type": "double", "logicalType": …}, or a type in another object.
        return this.parse(json.type, namespace, depth + 1)
    }
  }

  #count(depth: number): void {
    const { maxDepth, maxSchemaNodes } = this.#limits
    if (depth > maxDepth) {
      throw new HieraxError('SCHEMA_TOO_LARGE', `the writer schema nests deeper than ${maxDepth}`)
    }
    if (++this.#nodes > maxSchemaNodes) {
      throw new HieraxError('SCHEMA_TOO_LARGE', `the writer schema has more than ${maxSchemaNodes} types`)
    }
  }

  #lookUp(name: string, namespace: string): Schema {
    if ((primitives as readonly string[]).includes(name)) return { type: name as Primitive }
    const known = this.#named.get(fullName(name, namespace)) ?? this.#named.get(name)
    if (known === undefined) throw invalid(`a type is named ${shown(name)}, which is not defined`)
    return known
  }

  #union(json: unknown[], namespace: string, depth: number): UnionSchema {
    if (json.length === 0) throw invalid('a union has no types')
    const branches = json.map(branch => this.parse(branch, namespace, depth + 1))
    if (branches.some(branch => branch.type === 'union')) throw invalid('a union holds a union')
    return { type: 'union', branches }
  }

  #record(json: Json, namespace: string, depth: number): RecordSchema {
    const record: RecordSchema = { type: 'record', name: nameOf(json, namespace), fields: new Map() }
    this.#define(record.name, record)
    if (!Array.isArray(json.fields)) throw invalid(`record ${shown(record.name)} has no fields`)
    const inner = record.name.slice(0, Math.max(record.name.lastIndexOf('.'), 0))
    for (const field of json.fields as unknown[]) {
      if (!isObject(field) || !isName(field.name)) throw invalid(`record ${shown(record.name)} has an ill-named field`)
      if (record.fields.has(field.name)) throw invalid(`record ${shown(record.name)} has two fields ${field.name}`)
      record.fields.set(field.name, this.parse(field.type, inner, depth + 1))
    }
    return record
  }

  #enum(json: Json, namespace: string): Schema {
    if (!Array.isArray(json.symbols) || json.symbols.length === 0) throw invalid('an enum has no symbols')
    const schema: Schema = { type: 'enum', symbols: json.symbols.map(String) }
    this.#define(nameOf(json, namespace), schema)
    return schema
  }

  #fixed(json: Json, namespace: string): Schema {
    const size = json.size
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
      throw invalid(`a fixed has size ${shown(size)}`)
    const schema: Schema = { type: 'fixed', size }
    this.#define(nameOf(json, namespace), schema)
    return schema
  }

  #define(name: string, schema: Schema): void {
    if (this.#named.has(name)) throw invalid(`${shown(name)} is defined twice`)
    this.#named.set(name, schema)
  }
}

function invalid(what: string): HieraxError {
  return new HieraxError('SCHEMA_INVALID', `in the writer schema, ${what}`)
}

export function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** Whether a name is a valid Avro name that is also safe as a property of an object. */
function isName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= 256 && /^[A-Za-z_]\w*$/.test(name) && name !== '__proto__'
}

/** Full name of a definition. A name with dots is already full; otherwise its own namespace applies, else the enclosing one. */
function nameOf(json: Json, namespace: string): string {
  const { name } = json
  if (typeof name !== 'string' || !name.split('.').every(isName)) throw invalid(`a type is named ${shown(name)}`)
  return fullName(name, typeof json.namespace === 'string' ? json.namespace : namespace)
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}
