import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor } from '../../src/avro/cursor.ts'
import { decoderOf } from '../../src/avro/decoder.ts'
import type { AvroSchema } from '../../src/avro/encoder.ts'
import { numberIfSafe } from '../../src/avro/long.ts'
import { HieraxError } from '../../src/errors.ts'
import { encoded, schema, values } from './values.ts'

/** The value, and whether its bytes end with it. */
function decoded(schema: AvroSchema, bytes: Buffer): { value: unknown; isAtEnd: boolean } {
  const cursor = new Cursor(bytes, { overrun: 'TRUNCATED', corrupt: 'CORRUPT_RECORD' })
  return { value: decoderOf(schema)(cursor), isAtEnd: cursor.remaining === 0 }
}

test('a value is what was encoded', () => {
  fc.assert(
    fc.property(values, value => {
      const many = value.many.map(item => (item === null ? null : numberIfSafe(item)))
      const expected = { ...value, large: numberIfSafe(value.large), many }
      assert.deepEqual(decoded(schema, encoded(schema, value)), { value: expected, isAtEnd: true })
    })
  )
})

test('bytes that end within a value are refused', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value, share) => {
      const bytes = encoded(schema, value)
      assert.throws(() => decoded(schema, bytes.subarray(0, Math.floor(share * bytes.length))), { code: 'TRUNCATED' })
    })
  )
})

test('any bytes give a value or are refused, soon', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        decoded(schema, Buffer.from(bytes))
      } catch (error) {
        assert.ok(error instanceof HieraxError)
      }
    }),
    { numRuns: 2000 }
  )
})

test('bytes after a value remain', () => {
  assert.deepEqual(decoded('int', Buffer.from([2, 2])), { value: 1, isAtEnd: false })
})

const wrong: Record<string, [AvroSchema, number[]]> = {
  'a boolean that is neither 0 nor 1': ['boolean', [2]],
  'a branch that a union does not have': [
    ['null', 'int'],
    [4, 0]
  ],
  'a negative branch': [
    ['null', 'int'],
    [1, 0]
  ],
  'a symbol that an enum does not have': [{ type: 'enum', symbols: ['A'] }, [2]],
  'a negative length': ['string', [1]],
  'a count of more items than bytes': [{ type: 'array', items: 'int' }, [0xfe, 0xff, 0xff, 0xff, 0x0f, 0]],
  'a count in the other form, before the size of its items': [{ type: 'array', items: 'int' }, [1, 2, 0, 0]],
  'an integer of more than 64 bits': ['long', Array.from({ length: 11 }, () => 0x80)]
}

for (const [name, [type, bytes]] of Object.entries(wrong))
  test(`${name} is refused`, () => {
    assert.throws(() => decoded(type, Buffer.from(bytes)), { name: 'HieraxError' })
  })
