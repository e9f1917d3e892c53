import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import snappy from 'snappyjs'
import { inflateSnappy, snappyPreamble } from '../../src/compression/snappy.ts'

test('inflates what another implementation wrote', () => {
  const words = fc.array(fc.constantFrom('a', 'abcd', 'candidate', '\x00\x00\x00\x00', 'xyz'.repeat(30)), {
    maxLength: 400
  })
  fc.assert(
    fc.property(
      fc.oneof(
        words.map(parts => Buffer.from(parts.join(''))),
        fc.uint8Array({ maxLength: 5000 })
      ),
      bytes => {
        const original = Buffer.from(bytes)
        const block = snappy.compress(original)
        assert.deepEqual(inflateSnappy(block), original)
        assert.equal(snappyPreamble(block)?.length, original.length)
      }
    )
  )
})

test('literals with lengths of one to four bytes, and copies with offsets of one, two and four bytes', () => {
  for (let bytes = 1; bytes <= 4; bytes++) {
    const header = Buffer.from([5, (59 + bytes) << 2, 4, 0, 0, 0].slice(0, 2 + bytes))
    assert.equal(String(inflateSnappy(Buffer.concat([header, Buffer.from('hello')]))), 'hello')
  }
  const begin = [6, 1 << 2, 0x61, 0x62]
  assert.equal(String(inflateSnappy(Buffer.from([...begin, 0b00000001, 2]))), 'ababab')
  assert.equal(String(inflateSnappy(Buffer.from([...begin, (3 << 2) | 2, 2, 0]))), 'ababab')
  assert.equal(String(inflateSnappy(Buffer.from([...begin, (3 << 2) | 3, 2, 0, 0, 0]))), 'ababab')
})

test('ends, with null, on lengths and offsets that lie', () => {
  const lies = {
    'no preamble': [],
    'a preamble that does not end': [0x80, 0x80],
    'a preamble of more than 32 bits': [0xff, 0xff, 0xff, 0xff, 0x7f],
    'a literal length that is negative as a signed integer': [10, 63 << 2, 0xfa, 0xff, 0xff, 0xff, 0, 0, 0, 0],
    'a literal beyond the stream': [5, 4 << 2, 0x61],
    'a literal beyond the output': [1, 1 << 2, 0x61, 0x62],
    'a copy from before the output': [6, 1 << 2, 0x61, 0x62, 0b00000001, 3],
    'a copy of nothing': [6, 1 << 2, 0x61, 0x62, 0b00000001, 0],
    'a copy whose offset is cut off': [6, 1 << 2, 0x61, 0x62, (3 << 2) | 3, 2, 0],
    'less output than claimed': [3, 1 << 2, 0x61, 0x62]
  }
  for (const [what, bytes] of Object.entries(lies)) assert.equal(inflateSnappy(Buffer.from(bytes)), null, what)
})

test('any bytes end in an output of the claimed length or in null', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 127 }), (bytes, claimed) => {
      const output = inflateSnappy(Buffer.from([claimed, ...bytes]))
      assert.ok(output === null || output.length === claimed)
    })
  )
})
