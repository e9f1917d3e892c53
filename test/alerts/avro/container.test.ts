import assert from 'node:assert/strict'
import { test } from 'node:test'
import zlib, { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import snappy from 'snappyjs'
import { createDecoder } from '../../../src/alerts/decoder.ts'
import { block, container, encoded, head, long, packetSchema, sized, sync } from '../packets.ts'
import { refused } from '../support.ts'

const schema = packetSchema()
const { decode } = createDecoder()
const ids = (bytes: Uint8Array) => decode(bytes).map(alert => alert.objectId)

/** Avro's snappy block: raw snappy, then the checksum. */
function snappyBlock(bytes: Buffer): Buffer {
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(bytes))
  return Buffer.concat([snappy.compress(bytes), checksum])
}

/** Node has it from 22.15 and 23.8 on. */
const { zstdCompressSync } = zlib as { zstdCompressSync?: typeof deflateRawSync }

const compress: Record<string, (bytes: Buffer) => Buffer> = {
  null: bytes => bytes,
  deflate: bytes => deflateRawSync(bytes),
  snappy: snappyBlock,
  ...(zstdCompressSync ? { zstandard: (bytes: Buffer) => zstdCompressSync(bytes) } : {})
}

for (const [codec, apply] of Object.entries(compress)) {
  test(`codec ${codec}: several blocks of several records, in order`, () => {
    const first = Buffer.concat([encoded({ objectId: 'a' }), encoded({ objectId: 'b' })])
    const bytes = Buffer.concat([
      head(schema, codec),
      block(2, apply(first)),
      block(1, apply(encoded({ objectId: 'c' })))
    ])
    assert.deepEqual(ids(bytes), ['a', 'b', 'c'])
    assert.deepEqual(decode(bytes)[0], decode(container({ objectId: 'a' }))[0])
  })
}

test('reads a plain Uint8Array, and a view that begins anywhere', () => {
  const bytes = container()
  const larger = new Uint8Array(bytes.length + 7)
  larger.set(bytes, 5)
  assert.deepEqual(ids(larger.subarray(5, 5 + bytes.length)), ['ZTF20aaelulu'])
})

test('the codec may be absent, metadata may come in runs with sizes and hold other keys', () => {
  assert.equal(decode(Buffer.concat([head(schema, null), block(1, encoded())])).length, 1)
  const entry = Buffer.concat([sized('avro.schema'), sized(JSON.stringify(schema))])
  const other = Buffer.concat([sized('org.apache.spark.version'), sized('3.4.1')])
  const bytes = Buffer.concat([
    Buffer.from('Obj\x01'),
    ...[long(-1), long(other.length), other, long(1), entry, long(0)],
    ...[sync, block(1, encoded())]
  ])
  assert.equal(decode(bytes).length, 1)
})

test('a value that is empty, not a container, or only its beginning', () => {
  refused(() => decode(null), 'EMPTY_VALUE')
  refused(() => decode(new Uint8Array()), 'EMPTY_VALUE')
  refused(() => decode(Buffer.from('{"objectId":1}')), 'NOT_A_CONTAINER')
  refused(() => decode(Buffer.from([0, 0, 0, 1, 7])), 'NOT_A_CONTAINER')
  refused(() => decode(encoded()), 'NOT_A_CONTAINER')
  refused(() => decode(Buffer.from('Obx')), 'NOT_A_CONTAINER')
  refused(() => decode(Buffer.from('Obj')), 'TRUNCATED')
})

test('the error says what a value looks like that is not a container', () => {
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 4, 210]), encoded()])
  for (const [value, looks] of [
    ['\n<!DOCTYPE html>\n<title>404', /HTML/],
    ['<html><body>', /HTML/],
    ['<?xml version="1.0"?>', /XML/],
    ['{ "objectId": "ZTF20a" }', /JSON/],
    ['[{"candid": 1}]', /JSON/],
    ['objectId,jd,mag', /the text "objectId,jd,mag"/],
    [gzipSync(gzipSync('Obj')), /gzip: decompress it first/],
    [Buffer.from('504b030414000000', 'hex'), /zip archive/],
    [Buffer.from('28b52ffd0458', 'hex'), /Zstandard/],
    [Buffer.from('c3010123456789abcdef', 'hex'), /single-object/],
    ['PAR1\x15\x04', /Parquet/],
    ['SIMPLE  =                    T', /FITS/],
    [framed, /Confluent's framing, with the schema id 1234/],
    [Buffer.from('8899aabb', 'hex'), /the bytes 8899aabb$/],
    ['\u001b[31mred', /the bytes 1b5b3331$/]
  ] as const)
    refused(() => decode(typeof value === 'string' ? Buffer.from(value, 'latin1') : value), 'NOT_A_CONTAINER', looks)
})

test('an unknown codec and a container without schema', () => {
  const coded = (codec: string) => () => decode(Buffer.concat([head(schema, codec), block(1, encoded())]))
  for (const codec of ['bzip2', 'xz'])
    refused(coded(codec), 'UNKNOWN_CODEC', new RegExp(`"${codec}", not null, deflate`))
  if (zstdCompressSync) refused(coded('zstandard'), 'CORRUPT_BLOCK', /not a Zstandard stream/)
  else refused(coded('zstandard'), 'UNKNOWN_CODEC', /"zstandard", which needs Node 22\.15 or later: this is v/)
  const bytes = Buffer.concat([Buffer.from('Obj\x01'), long(0), sync, block(1, encoded())])
  refused(() => decode(bytes), 'SCHEMA_INVALID', /avro\.schema/)
})

test('no record at all', () => {
  refused(() => decode(head(schema)), 'EMPTY_CONTAINER')
  refused(() => decode(Buffer.concat([head(schema), block(0, Buffer.alloc(0))])), 'EMPTY_CONTAINER')
  const between = Buffer.concat([head(schema), block(0, Buffer.alloc(0)), block(1, encoded())])
  assert.equal(decode(between).length, 1)
})

test('damaged blocks', () => {
  const damaged = (...blocks: Buffer[]) =>
    refused(() => decode(Buffer.concat([head(schema), ...blocks])), 'CORRUPT_BLOCK')
  damaged(block(1, encoded(), Buffer.alloc(16, 9)))
  damaged(block(-1, encoded()))
  damaged(Buffer.concat([long(1), long(-5), encoded(), sync]))
  damaged(block(2, encoded()))
  damaged(block(1, Buffer.concat([encoded(), encoded()])))
  damaged(block(1, Buffer.concat([encoded(), Buffer.from([0])])))
  damaged(block(0, Buffer.from([0])))
})

test('a block longer than the bytes is truncated; a record longer than its block is corrupt', () => {
  refused(() => decode(Buffer.concat([head(schema), long(1), long(2n ** 40n), encoded()])), 'TRUNCATED')
  refused(() => decode(Buffer.concat([head(schema), block(1, encoded().subarray(0, -1))])), 'CORRUPT_RECORD')
})

test('damaged compressed blocks', () => {
  const decodeAs = (codec: string, bytes: Buffer) => () => decode(Buffer.concat([head(schema, codec), block(1, bytes)]))
  refused(decodeAs('deflate', encoded()), 'CORRUPT_BLOCK', /deflate/)
  refused(decodeAs('deflate', deflateRawSync(encoded()).subarray(0, -3)), 'CORRUPT_BLOCK')
  refused(decodeAs('snappy', Buffer.from([1, 2, 3])), 'CORRUPT_BLOCK', /checksum/)
  const wrong = snappyBlock(encoded())
  wrong[wrong.length - 1]! ^= 1
  refused(decodeAs('snappy', wrong), 'CORRUPT_BLOCK', /checksum/)
  refused(decodeAs('snappy', Buffer.from([10, 63 << 2, 0xfa, 255, 255, 255, 0, 0, 0, 0])), 'CORRUPT_BLOCK', /snappy/)
})

test('what inflates beyond the limit is refused, over all blocks together', () => {
  const record = encoded()
  const { decode: strict } = createDecoder({ maxInflatedBytes: record.length * 2 })
  for (const [codec, apply] of Object.entries(compress).filter(([codec]) => codec !== 'null')) {
    const packed = apply(record)
    const blocks = (count: number) => Buffer.concat([head(schema, codec), ...Array(count).fill(block(1, packed))])
    assert.equal(strict(blocks(2)).length, 2)
    refused(() => strict(blocks(3)), 'INFLATED_TOO_LARGE')
  }
  const bomb = deflateRawSync(Buffer.alloc(64 * 2 ** 20))
  refused(() => decode(Buffer.concat([head(schema, 'deflate'), block(1, bomb)])), 'INFLATED_TOO_LARGE')
  if (zstdCompressSync) {
    const frame = zstdCompressSync(Buffer.alloc(64 * 2 ** 20))
    refused(() => decode(Buffer.concat([head(schema, 'zstandard'), block(1, frame)])), 'INFLATED_TOO_LARGE')
  }
  // A snappy preamble that claims 2 GiB: refused before anything is allocated.
  const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0, 0x61, 0, 0, 0, 0])
  refused(() => decode(Buffer.concat([head(schema, 'snappy'), block(1, claim)])), 'INFLATED_TOO_LARGE')
})

test('a Zstandard frame may not claim more memory than 16 MiB', () => {
  const record = encoded()
  const size = Buffer.alloc(3)
  size.writeUIntLE((record.length << 3) | 1, 0, 3)
  /** A frame with a window of 2^log bytes, and one block that is not compressed. */
  const framed = (log: number) =>
    Buffer.concat([Buffer.from('28b52ffd00', 'hex'), Buffer.from([(log - 10) << 3]), size, record])
  const bytes = (log: number) => Buffer.concat([head(schema, 'zstandard'), block(1, framed(log))])
  if (!zstdCompressSync) {
    refused(() => decode(bytes(24)), 'UNKNOWN_CODEC', /22\.15/)
    return
  }
  assert.equal(decode(bytes(24)).length, 1)
  refused(() => decode(bytes(25)), 'CORRUPT_BLOCK', /Zstandard/)
})

test('limits on bytes, records and blocks of a container', () => {
  const bytes = container()
  refused(() => createDecoder({ maxBytes: bytes.length - 1 }).decode(bytes), 'RECORD_TOO_LARGE', /container/)
  const { decode: strict } = createDecoder({ maxRecords: 3 })
  const records = (count: number) =>
    Buffer.concat([head(schema), block(count, Buffer.concat(Array(count).fill(encoded())))])
  assert.equal(strict(records(3)).length, 3)
  refused(() => strict(records(4)), 'TOO_MANY_RECORDS', /4 records/)
  refused(() => decode(Buffer.concat([head(schema), block(1e9, encoded())])), 'TOO_MANY_RECORDS')
  const empty = Array(4).fill(block(0, Buffer.alloc(0)))
  refused(() => strict(Buffer.concat([head(schema), ...empty])), 'TOO_MANY_RECORDS', /4 blocks/)
})
