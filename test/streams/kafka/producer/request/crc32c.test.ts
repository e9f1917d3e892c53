import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../../../../src/streams/kafka/producer/request/crc32c.ts'

const kafkajs: (bytes: Uint8Array) => number = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C')

test('the checksum is that of RFC 3720, appendix B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
})

test('the checksum is that of kafkajs, for every length and position in memory', () => {
  const parts = fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(9))
  fc.assert(
    fc.property(parts, ([all, skipped]) => assert.equal(crc32c(all.subarray(skipped)), kafkajs(all.subarray(skipped))))
  )
})
