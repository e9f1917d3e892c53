import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from '../../../src/alerts/avro/limits.ts'
import { type Kind, numberReader, valueReader } from '../../../src/alerts/avro/readers.ts'
import { parseSchema, type Schema } from '../../../src/alerts/avro/schema.ts'
import { asSkip, Skippers } from '../../../src/alerts/avro/skippers.ts'
import { chain, type Skip, simple } from '../../../src/alerts/avro/steps.ts'
import { Cursor } from '../../../src/avro/cursor.ts'
import { avroType, type SchemaJson } from '../packets.ts'
import { refused } from '../support.ts'

const codes = { overrun: 'TRUNCATED', corrupt: 'CORRUPT_RECORD' } as const

const number = fc.constantFrom<SchemaJson>('int', 'long', 'float', 'double')
const value = fc.oneof(
  number,
  fc.constantFrom<SchemaJson>('null', 'boolean', 'bytes', 'string', { type: 'array', items: 'int' }),
  fc.nat(9).map((size): SchemaJson => ({ type: 'fixed', name: `F${size}`, size }))
)
const inUnion = (type: fc.Arbitrary<SchemaJson>) =>
  type
    .filter(of => of !== 'null')
    .chain(of => fc.constantFrom<SchemaJson>(['null', of], [of, 'null'], ['null', of, 'boolean'], ['null', 'null', of]))
const field = fc.record({
  json: fc.oneof(value, number, inUnion(number), inUnion(value)),
  kind: fc.constantFrom<Kind>('number', 'double', 'long'),
  isRead: fc.boolean()
})

/** What is left of a cursor after some steps, and what they read. */
function taken(bytes: Buffer, end: number, take: (cursor: Cursor) => void, values: unknown[]) {
  const cursor = new Cursor(bytes, codes)
  cursor.end = end
  try {
    take(cursor)
    return { position: cursor.position, values: [...values] }
  } catch (thrown) {
    return { error: String(thrown), position: cursor.position, values: [...values] }
  }
}

const row = { values: [] as unknown[], base: 0 }

function stepOf({ json, kind, isRead }: { json: SchemaJson; kind: Kind; isRead: boolean }, column: number): Skip {
  const schema: Schema = parseSchema(Buffer.from(JSON.stringify(json)), defaultLimits)
  if (!isRead) return asSkip(new Skippers(defaultLimits.maxDepth).of(schema))
  let read: (cursor: Cursor) => unknown
  try {
    read = valueReader(schema, kind, 'field', defaultLimits.maxStringBytes)
  } catch {
    return asSkip(new Skippers(defaultLimits.maxDepth).of(schema))
  }
  const as = numberReader(schema, kind)
  const step: Skip = cursor => {
    row.values[row.base + column] = read(cursor)
  }
  return as === undefined ? step : simple(step, { ...as, target: { row, column } })
}

test('steps in one loop read, skip and fail as their calls do, whatever the bytes', () => {
  const record = fc.array(field, { minLength: 2, maxLength: 12 }).filter(fields => {
    try {
      for (const { json } of fields) avroType(json)
      return true
    } catch {
      return false
    }
  })
  const edits = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 3, 4, 0x7f, 0x80, 0xff)), { maxLength: 4 })
  fc.assert(
    fc.property(record, edits, fc.nat(40), fc.nat(3), (fields, changes, cut, base) => {
      const valid = Buffer.concat(
        fields.map(({ json }) => {
          const type = avroType(json)
          return type.toBuffer(type.random())
        })
      )
      const bytes = Buffer.from(valid)
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte
      const end = cut > 20 ? bytes.length : Math.max(0, bytes.length - cut)
      const steps = fields.map(stepOf)
      const run = (take: (cursor: Cursor) => void) => {
        row.base = base
        row.values = Array.from({ length: base + fields.length }, () => null)
        return taken(bytes, end, take, row.values)
      }
      const called = run(cursor => {
        for (const step of steps) step(cursor)
      })
      assert.deepEqual(run(chain(steps)), called)
    }),
    { numRuns: 1000 }
  )
})

test('a single step stays as it is', () => {
  const step: Skip = cursor => cursor.skip(1)
  assert.equal(chain([step]), step)
})

test('sizes beyond 32 bits are no way back', () => {
  for (const size of [2 ** 30 + 1, 2 ** 31, 2 ** 32 - 4, 2 ** 32, 2 ** 53 - 1])
    refused(
      () => chain([asSkip(4), asSkip(size)])(new Cursor(Buffer.alloc(8), codes)),
      'TRUNCATED',
      new RegExp(`${size} wanted at 4`)
    )
})
