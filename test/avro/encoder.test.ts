import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { type AvroSchema, encoderOf, Output } from '../../src/avro/encoder.ts'
import { bigLong } from '../../src/avro/long.ts'

function encoded(schema: AvroSchema, value: unknown): Buffer {
  const output = new Output()
  encoderOf(schema)(value, output)
  return Buffer.from(output.written)
}

const record = {
  type: 'record',
  name: 'R',
  fields: [
    { name: 'flag', type: 'boolean' },
    { name: 'small', type: 'int' },
    { name: 'large', type: 'long' },
    { name: 'number', type: 'double' },
    { name: 'text', type: 'string' },
    { name: 'maybe', type: ['null', 'string'], default: null },
    { name: 'kind', type: { type: 'enum', name: 'E', symbols: ['A', 'B', 'C'] } },
    { name: 'many', type: { type: 'array', items: ['null', 'long'] }, default: [] },
    { name: 'named', type: { type: 'map', values: 'double' } }
  ]
} as const

const text = fc.string({ unit: 'binary', maxLength: 90 })
const large = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 300n }))

test('values have the bytes that avsc writes', () => {
  const type = avro.Type.forSchema(record as never, { registry: { long: bigLong } })
  const value = fc.record(
    {
      flag: fc.boolean(),
      small: fc.integer(),
      large,
      number: fc.double(),
      text,
      maybe: fc.option(text),
      kind: fc.constantFrom('A', 'B', 'C'),
      many: fc.array(fc.option(large), { maxLength: 200 }),
      named: fc.dictionary(text, fc.double())
    },
    { noNullPrototype: true }
  )
  fc.assert(fc.property(value, each => assert.ok(encoded(record, each).equals(type.toBuffer(each)))))
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
  assert.ok(encoded(record, value).equals(encoded(record, { ...value, maybe: null, many: [] })))
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
