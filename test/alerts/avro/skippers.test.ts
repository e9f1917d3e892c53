import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from '../../../src/alerts/avro/limits.ts'
import { parseSchema } from '../../../src/alerts/avro/schema.ts'
import { Skippers } from '../../../src/alerts/avro/skippers.ts'
import { Cursor } from '../../../src/avro/cursor.ts'
import { avroType, long, type SchemaJson, sized } from '../packets.ts'
import { refused } from '../support.ts'

const codes = { overrun: 'CORRUPT_RECORD', corrupt: 'CORRUPT_RECORD' } as const

function skip(schema: SchemaJson, bytes: Buffer): Cursor {
  const cursor = new Cursor(bytes, codes)
  const parsed = parseSchema(Buffer.from(JSON.stringify(schema)), defaultLimits)
  for (const step of new Skippers(defaultLimits.maxDepth).sequence([parsed])) step(cursor)
  return cursor
}

let names = 0
const primitive = fc.constantFrom<SchemaJson>('null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string')
/** Any schema, nested up to a few levels. */
const schemas = fc.letrec<{ schema: SchemaJson }>(tie => ({
  schema: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    primitive,
    fc.array(tie('schema'), { maxLength: 4 }).map(
      (types): SchemaJson => ({
        type: 'record',
        name: `R${names++}`,
        fields: types.map((type, i) => ({ name: `f${i}`, type }))
      })
    ),
    tie('schema').map((items): SchemaJson => ({ type: 'array', items })),
    tie('schema').map((values): SchemaJson => ({ type: 'map', values })),
    tie('schema')
      .filter(type => type !== 'null' && !Array.isArray(type))
      .chain(type => fc.constantFrom<SchemaJson>(['null', type], [type, 'null'])),
    fc.nat(9).map((size): SchemaJson => ({ type: 'fixed', name: `F${names++}`, size: size + 1 })),
    fc.constant(0).map((): SchemaJson => ({ type: 'enum', name: `E${names++}`, symbols: ['A', 'B'] }))
  )
})).schema

test('skips exactly what another implementation wrote, for any schema', () => {
  fc.assert(
    fc.property(schemas, schema => {
      const type = avroType(schema)
      const bytes = type.toBuffer(type.random())
      assert.equal(skip(schema, Buffer.concat([bytes, Buffer.from([1, 2, 3])])).remaining, 3)
    }),
    { numRuns: 300 }
  )
})

test('arrays and maps in runs, with and without sizes', () => {
  const runs = [long(2), long(5), long(6), long(-2), long(2), long(7), long(8), long(0)]
  assert.equal(skip({ type: 'array', items: 'int' }, Buffer.concat(runs)).remaining, 0)
  const entry = Buffer.concat([sized('key'), long(5)])
  const map = Buffer.concat([long(1), entry, long(-1), long(entry.length), entry, long(0)])
  assert.equal(skip({ type: 'map', values: 'long' }, map).remaining, 0)
})

test('lying counts and sizes are refused at once; items without size take no time', () => {
  const lie = (items: SchemaJson, ...numbers: (number | bigint)[]) => {
    refused(() => skip({ type: 'array', items }, Buffer.concat(numbers.map(long))), 'CORRUPT_RECORD')
    refused(() => skip({ type: 'map', values: items }, Buffer.concat(numbers.map(long))), 'CORRUPT_RECORD')
  }
  for (const items of ['int', 'double', 'string', ['null', 'int']]) {
    lie(items, 1_000_000_000)
    lie(items, 2n ** 62n)
    lie(items, -(2n ** 63n), 1)
    lie(items, -1_000_000_000, 1)
    lie(items, -1, -1)
    lie(items, -1, 1000)
  }
  const empty = { type: 'record', name: 'empty', fields: [{ name: 'a', type: 'null' }] }
  for (const items of ['null', empty]) {
    assert.equal(skip({ type: 'array', items }, Buffer.concat([long(2n ** 62n), long(0)])).remaining, 0)
  }
  const huge = { type: 'fixed', name: 'huge', size: Number.MAX_SAFE_INTEGER }
  refused(() => skip({ type: 'array', items: huge }, Buffer.concat([long(3), Buffer.alloc(9)])), 'CORRUPT_RECORD')
})

test('values of recursive types are bounded in depth', () => {
  const list = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] }
  const chain = (length: number) => Buffer.concat([Buffer.alloc(length, 2), Buffer.from([0])])
  assert.equal(skip(list, chain(60)).remaining, 0)
  refused(() => skip(list, chain(100_000)), 'RECORD_TOO_LARGE', /deeper than 64/)
  const endless = { type: 'record', name: 'S', fields: [{ name: 'self', type: 'S' }] }
  refused(() => skip(endless, Buffer.alloc(9)), 'RECORD_TOO_LARGE')
})

test('a tree of named types that doubles at each level is compiled once per type', () => {
  const two = (type: SchemaJson) => [
    { name: 'a', type },
    { name: 'b', type }
  ]
  const fields: { name: string; type: SchemaJson }[] = [
    { name: 'f0', type: { type: 'record', name: 'E0', fields: two('int') } }
  ]
  for (let i = 1; i < 60; i++) {
    fields.push({ name: `f${i}`, type: { type: 'record', name: `E${i}`, fields: two(`E${i - 1}`) } })
  }
  refused(() => skip({ type: 'record', name: 'top', fields }, Buffer.alloc(1000)), 'CORRUPT_RECORD')
})
