import type { Cursor } from '../../avro/cursor.ts'
import { HieraxError, shown } from '../../errors.ts'
import type { Schema } from './schema.ts'
import type { Simple } from './steps.ts'

/** A decoded value; null if the packet has null or lacks the field. */
export type Value = number | bigint | string | null

/**
 * How a field is read: any Avro number as a number, or as a double (which a float is too coarse for), an int or long exactly as a bigint,
 * a string, a text (a string that is ignored if it is too long), or a word as a string (also the symbol of an enum), a number, or a
 * boolean as 1 or 0.
 */
export type Kind = 'number' | 'double' | 'long' | 'string' | 'text' | 'word'

const kindNames: Record<Kind, string> = {
  number: 'a number',
  double: 'a double',
  long: 'a whole number',
  string: 'a string',
  text: 'a string',
  word: 'a string, a boolean or a whole number'
}

/**
 * Compiles a reader of one value. Throws WRONG_TYPE if the writer's type cannot be read as `kind`. If only some types of a union cannot,
 * the reader throws for values of these types.
 *
 * @param path name of the field in error messages, for example `candidate.jd`
 */
export function valueReader(
  schema: Schema,
  kind: Kind,
  path: string,
  maxStringBytes: number
): (cursor: Cursor) => Value {
  return nullable<Value>(schema, path, kindNames[kind], null, of => {
    const { type } = of
    if (!accepts(type, kind)) return null
    if (type === 'enum') return cursor => of.symbols[cursor.branch(of.symbols.length)]!
    if (kind === 'text') return cursor => cursor.text(maxStringBytes)
    if (type === 'string') return cursor => cursor.string(maxStringBytes, path)
    if (type === 'boolean') return cursor => cursor.boolean()
    if (kind === 'long') return cursor => cursor.bigLong()
    if (type === 'float') return cursor => cursor.float()
    if (type === 'double') return cursor => cursor.double()
    return cursor => cursor.long()
  })
}

/** How numbers of a type are read without a call; undefined if the values are no numbers, or more than numbers and null. */
export function numberReader(schema: Schema, kind: Kind): Pick<Simple, 'kind' | 'present'> | undefined {
  if (schema.type === 'union') {
    const present = schema.branches[0]!.type === 'null' ? 1 : 0
    const [value, none] = [schema.branches[present], schema.branches[1 - present]]
    if (schema.branches.length !== 2 || none!.type !== 'null') return undefined
    const reader = numberReader(value!, kind)
    return reader && { ...reader, present }
  }
  const { type } = schema
  if (kind === 'long' || !accepts(type, kind)) return undefined
  if (type === 'float') return { kind: 'readFloat' }
  if (type === 'double') return { kind: 'readDouble' }
  return type === 'int' || type === 'long' ? { kind: 'readInteger' } : undefined
}

/** Whether every value of a writer's type is null or can be read as `kind`. */
export function isReadable(schema: Schema, kind: Kind): boolean {
  if (schema.type === 'union') return schema.branches.every(branch => isReadable(branch, kind))
  return schema.type === 'null' || accepts(schema.type, kind)
}

function accepts(type: Schema['type'], kind: Kind): boolean {
  if (type === 'string') return kind === 'string' || kind === 'text' || kind === 'word'
  if (kind === 'string' || kind === 'text') return false
  if (type === 'boolean' || type === 'enum') return kind === 'word'
  if (type === 'int' || type === 'long') return true
  return (kind === 'number' && type === 'float') || ((kind === 'number' || kind === 'double') && type === 'double')
}

/**
 * Compiles a reader of a value whose type may be null or a union with null. `of` compiles the reader for any other type, or returns
 * null if that type cannot be read. Throws WRONG_TYPE if no type other than null can be read.
 *
 * @param wanted the expected type, for error messages
 * @param none the result for null
 */
export function nullable<Result>(
  schema: Schema,
  path: string,
  wanted: string,
  none: Result,
  of: (schema: Schema) => ((cursor: Cursor) => Result) | null
): (cursor: Cursor) => Result {
  const wrong = ({ type }: Schema) =>
    new HieraxError('WRONG_TYPE', `${path} should be ${wanted}, but the writer's type is ${shown(type)}`)
  if (schema.type === 'null') return () => none
  if (schema.type !== 'union') {
    const reader = of(schema)
    if (reader === null) throw wrong(schema)
    return reader
  }
  const { branches } = schema
  const readers = branches.map(branch => (branch.type === 'null' ? () => none : of(branch)))
  const values = branches.filter(branch => branch.type !== 'null')
  if (values.length > 0 && values.every(branch => readers[branches.indexOf(branch)] === null)) throw wrong(schema)
  const complete = readers.map(
    (reader, index) =>
      reader ??
      (() => {
        throw wrong(branches[index]!)
      })
  )
  return cursor => complete[cursor.branch(complete.length)]!(cursor)
}
