import fc from 'fast-check'
import { type AvroSchema, encoderOf, Output } from '../../src/avro/encoder.ts'

/** A schema with every type that the message uses. */
export const schema = {
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

/** Values of the schema. */
export const values = fc.record(
  {
    flag: fc.boolean(),
    small: fc.integer(),
    large,
    number: fc.double(),
    text,
    maybe: fc.option(text),
    kind: fc.constantFrom('A', 'B', 'C'),
    many: fc.array(fc.option(large), { maxLength: 200 }),
    named: fc.dictionary(text, fc.double(), { noNullPrototype: true })
  },
  { noNullPrototype: true }
)

/** The bytes of a value. */
export function encoded(schema: AvroSchema, value: unknown): Buffer {
  const output = new Output()
  encoderOf(schema)(value, output)
  return Buffer.from(output.written)
}
