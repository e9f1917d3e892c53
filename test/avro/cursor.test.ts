import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor } from '../../src/avro/cursor.ts'
import { long, sized } from '../alerts/packets.ts'
import { refused } from '../alerts/support.ts'

const codes = { overrun: 'TRUNCATED', corrupt: 'CORRUPT_RECORD' } as const
const cursor = (bytes: Buffer) => new Cursor(bytes, codes)

test('longs are read exactly over all 64 bits, and skipped over the same bytes', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
      const bytes = Buffer.concat([long(value), Buffer.from([1])])
      const reading = cursor(bytes)
      assert.equal(reading.bigLong(), value)
      assert.equal(reading.remaining, 1)
      const skipping = cursor(bytes)
      skipping.skipLong()
      assert.equal(skipping.position, reading.position)
      assert.equal(cursor(bytes).long(), Number(value))
    }),
    { examples: [[0n], [-1n], [63n], [64n], [-64n], [-65n], [2n ** 63n - 1n], [-(2n ** 63n)], [2n ** 53n + 1n]] }
  )
})

test('an integer of more than ten bytes or 64 bits is corrupt, one that is cut off is an overrun', () => {
  refused(() => cursor(Buffer.alloc(11, 0x80)).bigLong(), 'CORRUPT_RECORD', /ten bytes/)
  refused(() => cursor(Buffer.alloc(11, 0x80)).skipLong(), 'CORRUPT_RECORD', /ten bytes/)
  refused(() => cursor(Buffer.concat([Buffer.alloc(9, 0x80), Buffer.from([2])])).bigLong(), 'CORRUPT_RECORD', /64 bits/)
  refused(() => cursor(Buffer.alloc(9, 0x80)).long(), 'TRUNCATED')
  refused(() => cursor(Buffer.alloc(0)).long(), 'TRUNCATED')
})

test('floats and doubles are little-endian and never read past the end', () => {
  const bytes = Buffer.alloc(12)
  bytes.writeFloatLE(1.5, 0)
  bytes.writeDoubleLE(2458849.123456789, 4)
  const reading = cursor(bytes)
  assert.equal(reading.float(), 1.5)
  assert.equal(reading.double(), 2458849.123456789)
  refused(() => cursor(bytes.subarray(0, 3)).float(), 'TRUNCATED')
  refused(() => cursor(bytes.subarray(0, 7)).double(), 'TRUNCATED')
})

test('a view into a larger buffer is read from its own beginning', () => {
  const larger = Buffer.alloc(20)
  larger.writeDoubleLE(7.25, 6)
  assert.equal(cursor(larger.subarray(6, 14)).double(), 7.25)
})

test('lengths are neither negative nor more than what remains, and strings have a limit', () => {
  refused(() => cursor(long(-1)).length(), 'CORRUPT_RECORD', /negative/)
  refused(() => cursor(long(1)).length(), 'TRUNCATED')
  refused(() => cursor(long(2n ** 62n)).length(), 'TRUNCATED')
  assert.equal(cursor(sized('sägeé')).string(7, 'name'), 'sägeé')
  refused(() => cursor(sized('sägeé')).string(6, 'name'), 'RECORD_TOO_LARGE', /name takes 7 bytes/)
  assert.equal(cursor(sized(Buffer.from([0xff]))).string(8, 'name'), '\ufffd')
})

test('a union has no branch beyond its types', () => {
  assert.equal(cursor(long(1)).branch(2), 1)
  refused(() => cursor(long(2)).branch(2), 'CORRUPT_RECORD')
  refused(() => cursor(long(-1)).branch(2), 'CORRUPT_RECORD')
})
