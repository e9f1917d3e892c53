import { z } from 'zod'
import { classificationSchema } from '../../src/messages/classification.ts'
import { code, page, table } from './markdown.ts'
import { messageText } from './message-text.ts'

export type Schema = string | readonly Schema[] | Complex

export interface Complex {
  readonly type: string
  readonly name?: string
  readonly namespace?: string
  readonly doc?: string
  readonly fields?: readonly Field[]
  readonly items?: Schema
  readonly values?: Schema
  readonly symbols?: readonly string[]
}

interface Field {
  readonly name: string
  readonly type: Schema
  readonly default?: unknown
  readonly doc?: string
}

type JsonSchema = z.core.JSONSchema.JSONSchema

/** The message's schema in Avro, with which schemas/classification.avsc must agree. */
export function avroSchema(): Complex {
  const { type, name, ...rest } = avroOf(z.toJSONSchema(classificationSchema)) as Complex
  const doc = classificationSchema.meta()?.description as string
  return { type, name: name as string, namespace: 'hierax', doc, ...rest }
}

function avroOf(schema: JsonSchema): Schema {
  const { type, anyOf, title, properties, items, additionalProperties } = schema
  if (anyOf) return ['null', avroOf(anyOf.find(branch => (branch as JsonSchema).type !== 'null') as JsonSchema)]
  if (Array.isArray(type))
    return ['null', avroOf({ ...schema, type: type.find(name => name !== 'null') } as JsonSchema)]
  if (properties) return { type: 'record', name: title as string, fields: Object.entries(properties).map(fieldOf) }
  if (type === 'object') return { type: 'map', values: avroOf(additionalProperties as JsonSchema) }
  if (type === 'array') return { type: 'array', items: avroOf(items as JsonSchema) }
  if (type === 'integer') return (schema.maximum as number) < 2 ** 31 ? 'int' : 'long'
  if (type === 'number') return 'double'
  if (title && schema.enum) return { type: 'enum', name: title, symbols: schema.enum as string[] }
  // A string of digits is a number too large for JSON readers.
  return schema.pattern ? 'long' : (type as string)
}

function fieldOf([name, property]: [string, unknown]): Field {
  const schema = property as JsonSchema
  const type = avroOf(schema)
  const fallback = isUnion(type) ? { default: null } : 'default' in schema ? { default: schema.default } : {}
  return { name, type, ...fallback, ...(schema.description ? { doc: schema.description } : {}) }
}

const plain: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'boolean',
  double: 'number',
  int: 'number',
  null: 'null'
}

/** TypeScript types of the message. */
export function messageTypes(): string {
  const records: string[] = []
  typeOf(avroSchema(), '', records)
  return `// Made by scripts/generate-docs.ts from src/messages/classification.ts: change that, not this file.

/* Types of a message in its JSON encoding (Kafka with output.encoding json, the API, \`hierax tail --json\`). */

${records.join('\n\n')}

/** The same from an Avro reader that reads a long as a bigint. */
export interface AvroClassification extends Omit<Classification, 'candid' | 'lightCurve'> {
  readonly candid: bigint
  readonly lightCurve: Omit<LightCurveSummary, 'revision'> & { readonly revision: bigint }
}
`
}

/** The type's name in TypeScript; records are added to the list, outer ones first. */
function typeOf(type: Schema, field: string, records: string[]): string {
  if (typeof type === 'string') return type === 'long' ? (field === 'candid' ? 'string' : 'number') : plain[type]!
  if (isUnion(type)) {
    const names = type.map(branch => typeOf(branch, field, records))
    return [...names.filter(name => name !== 'null'), 'null'].join(' | ')
  }
  if (type.type === 'array') return `readonly ${typeOf(type.items!, field, records)}[]`
  if (type.type === 'map') return `Readonly<Record<string, ${typeOf(type.values!, field, records)}>>`
  if (type.type === 'enum') return type.symbols!.map(symbol => `'${symbol}'`).join(' | ')
  const place = records.push('') - 1
  const lines = type.fields!.flatMap(({ name, type, doc }) => [
    ...(doc ? [`  /** ${doc} */`] : []),
    `  readonly ${name}: ${typeOf(type, name, records)}`
  ])
  const head = type.doc ? `/** ${type.doc} */\n` : ''
  records[place] = `${head}export interface ${type.name} {\n${lines.join('\n')}\n}`
  return type.name!
}

export function isUnion(type: Schema): type is readonly Schema[] {
  return Array.isArray(type)
}

/** The reference page of the message. */
export function messagePage(): string {
  const rows: string[][] = []
  addRows(avroSchema(), '', rows)
  return page(
    'The message',
    `The fields of a classification ([schemas/classification.avsc](../schemas/classification.avsc)). In the JSON encoding \`candid\` is
a string; everything else is the same. [subscribe.md](subscribe.md) shows how to read it.

${table(['Field', 'Avro type', 'Meaning'], rows)}

The TypeScript types are exported as \`hierax/classification\`. Schemas of earlier releases are kept in \`schemas/history\`. A test checks that
the current release reads the messages of all earlier ones, and that a reader of the first release reads current messages.

${messageText()}`
  )
}

function addRows({ fields = [] }: Complex, path: string, rows: string[][]): void {
  for (const { name, type, doc = '' } of fields) {
    const inner = recordIn(type)
    const suffix = shownType(type).startsWith('array') ? '[]' : ''
    rows.push([code(path + name), shownType(type), doc])
    if (inner) addRows(inner, `${path}${name}${suffix}.`, rows)
  }
}

function recordIn(type: Schema): Complex | undefined {
  if (typeof type === 'string') return undefined
  if (isUnion(type)) return type.map(recordIn).find(found => found !== undefined)
  if (type.type === 'record') return type
  return type.items === undefined ? undefined : recordIn(type.items)
}

function shownType(type: Schema): string {
  if (typeof type === 'string') return type
  if (isUnion(type)) return type.map(shownType).join(' or ')
  if (type.type === 'array') return `array of ${shownType(type.items!)}`
  if (type.type === 'map') return `map of ${shownType(type.values!)}`
  if (type.type === 'enum') return `enum ${type.symbols!.join(', ')}`
  return `record ${type.name}`
}
