import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import type { AvroSchema } from '../../src/avro/encoder.ts'
import { bigLong } from '../../src/avro/long.ts'
import { encoded, schema, values } from './values.ts'

test('values have the bytes that avsc writes', () => {
  const type = avro.Type.forSchema(schema as never, { registry: { long: bigLong } })
  fc.assert(fc.property(values, each => assert.ok(encoded(schema, each).equals(type.toBuffer(each)))))
})

test('a safe integer is a long, like the same big integer', () => {
  const { MIN_SAFE_INTEGER: min, MAX_SAFE_INTEGER: max } = Number
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min, max }), fc.integer()), value =>
      assert.ok(encoded('long', value).equals(encoded('long', BigInt(value))))
    )
  )
})

test('a missing field has its default', () => {
  const value = { flag: true, small: 1, large: 2n, number: 3, text: '', kind: 'A', named: {} }
  assert.ok(encoded(schema, value).equals(encoded(schema, { ...value, maybe: null, many: [] })))
})

test('a value of another type is refused', () => {
  const wrong: [AvroSchema, unknown][] = [
    ['boolean', 1],
    ['int', 2 ** 31],
    ['int', 1.5],
    ['long', 2 ** 53],
    ['long', 2n ** 63n],
    ['long', -(2n ** 63n) - 1n],
    ['double', '1'],
    ['string', null],
    [['null', 'double'], undefined],
    [{ type: 'enum', symbols: ['A'] }, 'B'],
    [{ type: 'array', items: 'int' }, {}],
    [{ type: 'map', values: 'int' }, null],
    [{ type: 'record', fields: [{ name: 'a', type: 'int' }] }, {}],
    [{ type: 'record', fields: [] }, null]
  ]
  for (const [schema, value] of wrong) assert.throws(() => encoded(schema, value), TypeError)
})
