import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../../src/alerts/avro/limits.ts'
import { parseSchema, type Schema } from '../../../src/alerts/avro/schema.ts'
import { refused } from '../support.ts'

const parse = (json: unknown, limits = defaultLimits) => parseSchema(Buffer.from(JSON.stringify(json)), limits)
const record = (fields: unknown, more: object = {}) => ({ type: 'record', name: 'a', fields, ...more })
const field = (type: unknown, name = 'x') => ({ name, type })

function fieldOf(schema: Schema, name: string): Schema {
  assert.equal(schema.type, 'record')
  return (schema as Extract<Schema, { type: 'record' }>).fields.get(name)!
}

test('defaults that strict parsers refuse play no part', () => {
  const tolerated = record([
    { name: 'x', type: ['float', 'null'], default: null },
    { name: 'tooflag', type: ['null', 'int'], default: 0 }
  ])
  assert.deepEqual([...(parse(tolerated) as Extract<Schema, { type: 'record' }>).fields.keys()], ['x', 'tooflag'])
})

test('names resolve within the namespace around them, by full name, and to the record itself', () => {
  const inner = { type: 'record', name: 'inner', fields: [field(['null', 'outer'])] }
  const schema = parse({
    type: 'record',
    name: 'outer',
    namespace: 'ztf.alert',
    fields: [field(inner, 'a'), field('inner', 'b'), field('ztf.alert.inner', 'c'), field({ type: 'inner' }, 'd')]
  })
  for (const name of ['b', 'c', 'd']) assert.equal(fieldOf(schema, name), fieldOf(schema, 'a'))
  const back = fieldOf(fieldOf(schema, 'a'), 'x') as Extract<Schema, { type: 'union' }>
  assert.equal(back.branches[1], schema)
})

test('names with dots carry their own namespace, as Spark and Fink write them', () => {
  const inner = { type: 'record', name: 'topLevelRecord.candidate', fields: [field('double')] }
  const schema = parse({
    type: 'record',
    name: 'topLevelRecord.value',
    fields: [field(inner, 'a'), field('candidate', 'b')]
  })
  assert.equal(fieldOf(schema, 'b'), fieldOf(schema, 'a'))
})

test('logical types and wrapped types are their underlying types', () => {
  const schema = parse(
    record([field({ type: 'long', logicalType: 'timestamp-micros' }), field({ type: { type: 'int' } }, 'y')])
  )
  assert.equal(fieldOf(schema, 'x').type, 'long')
  assert.equal(fieldOf(schema, 'y').type, 'int')
})

test('ill-formed schemas are refused with what is wrong', () => {
  refused(() => parseSchema(Buffer.from('{'), defaultLimits), 'SCHEMA_INVALID', /not JSON/)
  const wrong: [unknown, RegExp][] = [
    [null, /null/],
    [7, /7/],
    ['floaty', /"floaty"/],
    [{}, /undefined/],
    [[], /no types/],
    [[['int'], 'null'], /holds a union/],
    [record(undefined), /no fields/],
    [record([null]), /ill-named/],
    [record([field('int', '__proto__')]), /ill-named/],
    [record([field('int', 'a b')]), /ill-named/],
    [record([field('int', '')]), /ill-named/],
    [record([field('int'), field('int')]), /two fields x/],
    [record([field('unknown')]), /"unknown"/],
    [record([field(record([]))]), /defined twice/],
    [record([], { name: '__proto__' }), /__proto__/],
    [record([], { name: 'a..b' }), /a\.\.b/],
    [record([], { name: undefined }), /undefined/],
    [{ type: 'array' }, /undefined/],
    [{ type: 'enum', name: 'e', symbols: [] }, /no symbols/],
    [{ type: 'fixed', name: 'f', size: -1 }, /size -1/],
    [{ type: 'fixed', name: 'f', size: 1.5 }, /size 1.5/]
  ]
  for (const [json, message] of wrong) refused(() => parse(json), 'SCHEMA_INVALID', message)
})

test('limits on nodes and nesting', () => {
  const fields = (count: number) => record(Array.from({ length: count }, (_, i) => field('int', `f${i}`)))
  const limits = { maxSchemaNodes: 10, maxDepth: 5 }
  parseSchema(Buffer.from(JSON.stringify(fields(9))), limits)
  refused(() => parseSchema(Buffer.from(JSON.stringify(fields(10))), limits), 'SCHEMA_TOO_LARGE', /10/)
  const nested = (depth: number): unknown => (depth === 0 ? 'int' : { type: 'array', items: nested(depth - 1) })
  parseSchema(Buffer.from(JSON.stringify(nested(5))), limits)
  refused(() => parseSchema(Buffer.from(JSON.stringify(nested(6))), limits), 'SCHEMA_TOO_LARGE', /deeper than 5/)
  const deep = Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)
  refused(() => parseSchema(deep, defaultLimits), 'SCHEMA_TOO_LARGE')
})
