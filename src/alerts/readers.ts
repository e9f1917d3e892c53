import { HieraxError, shown } from '../errors.ts'
import type { Cursor } from './cursor.ts'
import type { Schema, UnionSchema } from './schema.ts'
import type { Skippers } from './skippers.ts'

/** Reads something at the cursor into a target. */
export type Reader<Target> = (cursor: Cursor, target: Target) => void

/** A decoded value: null where the writer's union says so or its field is absent. */
export type Value = number | bigint | string | null

/** What a field is read as: any Avro number, a whole number exactly, or a string. */
export type Kind = 'number' | 'long' | 'string'

const kindNames: Record<Kind, string> = { number: 'a number', long: 'a whole number', string: 'a string' }

/**
 * A reader of a record's wanted fields that skips the others. Neighbouring skips of known size become one.
 */
export function recordReader<Target>(
  fields: ReadonlyMap<string, Schema>,
  wanted: ReadonlyMap<string, Reader<Target>>,
  skippers: Skippers
): Reader<Target> {
  const steps: Reader<Target>[] = []
  let skipped: Schema[] = []
  const flush = () => {
    steps.push(...skippers.sequence(skipped))
    skipped = []
  }
  for (const [name, schema] of fields) {
    const reader = wanted.get(name)
    if (reader === undefined) skipped.push(schema)
    else {
      flush()
      steps.push(reader)
    }
  }
  flush()
  return (cursor, target) => {
    for (let i = 0; i < steps.length; i++) steps[i]!(cursor, target)
  }
}

/**
 * A reader of one value, whatever the order of the union it may be in. Throws WRONG_TYPE for a writer's type that can't
 * be read as `kind`; where only some types of a union can't, only for values of those.
 *
 * @param path name of the field for messages, for example `candidate.jd`
 */
export function valueReader(
  schema: Schema,
  kind: Kind,
  path: string,
  maxStringBytes: number
): (cursor: Cursor) => Value {
  if (schema.type === 'union') {
    return union(schema, path, kindNames[kind], branch => {
      if (branch.type === 'null') return () => null
      return accepts(branch, kind) ? valueReader(branch, kind, path, maxStringBytes) : null
    })
  }
  if (schema.type === 'null') return () => null
  if (!accepts(schema, kind)) throw wrongType(path, kindNames[kind], schema)
  if (kind === 'string') return cursor => cursor.string(maxStringBytes, path)
  if (kind === 'long') return cursor => cursor.bigLong()
  if (schema.type === 'float') return cursor => cursor.float()
  if (schema.type === 'double') return cursor => cursor.double()
  return cursor => cursor.long()
}

/** Whether every value of a writer's type can be read as `kind`, or is null. */
export function isReadable(schema: Schema, kind: Kind): boolean {
  if (schema.type === 'union') return schema.branches.every(branch => isReadable(branch, kind))
  return schema.type === 'null' || accepts(schema, kind)
}

function accepts(schema: Schema, kind: Kind): boolean {
  if (kind === 'string') return schema.type === 'string'
  if (schema.type === 'int' || schema.type === 'long') return true
  return kind === 'number' && (schema.type === 'float' || schema.type === 'double')
}

/**
 * A reader that takes the branch which a union's value has. `of` gives the reader of a branch, or null where its type is
 * not wanted. Throws WRONG_TYPE where no branch but null is.
 *
 * @param wanted what the value should be, for messages
 */
export function union<Result, Target = void>(
  schema: UnionSchema,
  path: string,
  wanted: string,
  of: (branch: Schema) => ((cursor: Cursor, target: Target) => Result) | null
): (cursor: Cursor, target: Target) => Result {
  const readers = schema.branches.map(of)
  const values = schema.branches.filter(branch => branch.type !== 'null')
  const usable =
    values.length === 0 || schema.branches.some((branch, i) => branch.type !== 'null' && readers[i] !== null)
  if (!usable) throw wrongType(path, wanted, schema)
  const count = readers.length
  const complete = readers.map(
    (reader, index) =>
      reader ??
      (() => {
        throw wrongType(path, wanted, schema.branches[index]!)
      })
  )
  return (cursor, target) => complete[cursor.branch(count)]!(cursor, target)
}

/** WRONG_TYPE: what a field should be and what its writer made it. */
export function wrongType(path: string, wanted: string, schema: Schema): HieraxError {
  return new HieraxError('WRONG_TYPE', `${path} should be ${wanted}, its writer's type is ${shown(schema.type)}`)
}
