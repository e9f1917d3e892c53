import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import type { Alert } from '../../src/alerts/alert.ts'
import { defaultLimits } from '../../src/alerts/avro/limits.ts'
import { createDecoder, ReaderCache } from '../../src/alerts/decoder.ts'
import { HieraxError } from '../../src/errors.ts'
import { block, candidate, container, encoded, head, long, packetFields, packetSchema, point } from './packets.ts'
import { refused } from './support.ts'

const schema = packetSchema()
const { decode } = createDecoder()

/** Decodes bytes that may be anything: alerts, or the error, which must be one of the table and an alert's. */
function outcome(bytes: Uint8Array): Alert[] | HieraxError {
  try {
    const alerts = decode(bytes)
    assert.ok(alerts.length > 0)
    return alerts
  } catch (error) {
    assert.ok(error instanceof HieraxError && error.kind === 'alert', String(error))
    assert.notEqual(error.code, 'DECODE_FAILED', error.message)
    return error
  }
}

test('a packet cut off anywhere is refused, and says so', () => {
  const bytes = container()
  const headLength = head(schema).length
  for (let length = 0; length < bytes.length; length++) {
    const error = outcome(bytes.subarray(0, length))
    assert.ok(error instanceof HieraxError, `cut to ${length} bytes`)
    const code = length === 0 ? 'EMPTY_VALUE' : length === headLength ? 'EMPTY_CONTAINER' : 'TRUNCATED'
    assert.equal(error.code, code, `cut to ${length} bytes: ${error.message}`)
  }
})

test('flipped bits give alerts or an alert error, never anything else', () => {
  const originals = [
    container(),
    Buffer.concat([head(schema, 'deflate'), block(1, deflateRawSync(encoded()))]),
    Buffer.concat([head(schema), block(2, Buffer.concat([encoded(), encoded()])), block(1, encoded())])
  ]
  const flip = fc.record({ at: fc.nat(), bit: fc.nat(7), fromEnd: fc.boolean() })
  fc.assert(
    fc.property(fc.constantFrom(...originals), fc.array(flip, { minLength: 1, maxLength: 5 }), (original, flips) => {
      const bytes = Buffer.from(original)
      for (const { at, bit, fromEnd } of flips) {
        // Half of the flips fall into the records, which are a small part of the bytes.
        const index = fromEnd ? bytes.length - 1 - (at % 200) : at % bytes.length
        bytes[index]! ^= 1 << bit
      }
      outcome(bytes)
    }),
    { numRuns: 3000 }
  )
})

test('records of any bytes give alerts or an alert error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: -2, max: 5 }), (bytes, count) => {
      outcome(Buffer.concat([head(schema), block(count, Buffer.from(bytes))]))
    }),
    { numRuns: 1000 }
  )
})

test('after any refusal the decoder reads the next packet as before', () => {
  const expected = decode(container())
  for (let length = 0; length < container().length; length += 37) {
    outcome(container().subarray(0, length))
    assert.deepEqual(decode(container()), expected)
  }
})

test('one bad record refuses the container and is named by its index, over all blocks', () => {
  const good = encoded()
  const bad = encoded({ candidate: candidate({ fid: 9 }) })
  const bytes = Buffer.concat([
    head(schema),
    block(2, Buffer.concat([good, good])),
    block(2, Buffer.concat([good, bad]))
  ])
  const error = refused(() => decode(bytes), 'INVALID_VALUE', /fid/)
  assert.equal(error.record, 3)
  assert.equal(refused(() => decode(container().subarray(0, 50)), 'TRUNCATED').record, undefined)
})

test('limits on the bytes and the history of a record, and on the points of a container', () => {
  const record = encoded()
  const two = Buffer.concat([head(schema), block(2, Buffer.concat([record, record]))])
  assert.equal(createDecoder({ maxRecordBytes: record.length }).decode(two).length, 2)
  const tooLong = refused(() => createDecoder({ maxRecordBytes: record.length - 1 }).decode(two), 'RECORD_TOO_LARGE')
  assert.equal(tooLong.record, 0)
  const history = (count: number) => container({ prv_candidates: Array(count).fill(point()) })
  assert.equal(decode(history(5000))[0]?.history.length, 5000)
  refused(() => decode(history(5001)), 'RECORD_TOO_LARGE', /5001 points/)
  assert.equal(createDecoder({ maxPoints: 4 }).decode(two).length, 2)
  assert.equal(refused(() => createDecoder({ maxPoints: 3 }).decode(two), 'RECORD_TOO_LARGE', /3 points/).record, 1)
})

test('a history that claims a billion points is refused before the first is read', () => {
  const fields = packetFields.filter(
    ({ name }) => name === 'prv_candidates' || name === 'objectId' || name === 'candidate'
  )
  fields.sort((a, b) => b.name.localeCompare(a.name))
  assert.equal(fields[0]?.name, 'prv_candidates')
  for (const claim of [[long(1_000_000_000)], [long(-1_000_000_000), long(0)], [long(-(2n ** 63n)), long(0)]]) {
    const bytes = Buffer.concat([long(1), ...claim, Buffer.alloc(64)])
    refused(() => decode(Buffer.concat([head(packetSchema(fields)), block(1, bytes)])), 'RECORD_TOO_LARGE', /points/)
  }
})

test('skipped arrays of nothing with a bogus count take no time', () => {
  const fields = [{ name: 'nothing', type: { type: 'array', items: 'null' } }, ...packetFields]
  const bytes = Buffer.concat([long(2n ** 62n), long(0), encoded()])
  assert.equal(decode(Buffer.concat([head(packetSchema(fields)), block(1, bytes)])).length, 1)
})

test('histories in runs with sizes, as other writers make them', () => {
  const fields = packetFields.filter(({ name }) => name !== 'prv_candidates')
  const prv = packetFields.find(({ name }) => name === 'prv_candidates')!
  const [, array] = prv.type as [string, { items: { fields: unknown } }]
  const item = Buffer.from(encoded({ prv_candidates: [point()] }, packetSchema([prv]))).subarray(2, -1)
  assert.ok(array.items.fields)
  const runs = Buffer.concat([long(1), long(-2), long(2 * item.length), item, item, long(1), item, long(0)])
  const bytes = Buffer.concat([runs, encoded({}, packetSchema(fields))])
  const alert = decode(Buffer.concat([head(packetSchema([prv, ...fields])), block(1, bytes)]))[0]
  assert.equal(alert?.history.length, 3)
})

test('what steers a terminal or reverses text is escaped in the message that names it', () => {
  for (const [evil, told] of [
    ['\u009b31m', '\\u009b31m'],
    ['\u202egnp', '\\u202egnp'],
    ['a\u0085b', 'a\\u0085b'],
    ['\u200fx', '\\u200fx']
  ] as const) {
    const error = outcome(container({ candidate: candidate({ isdiffpos: evil }) }))
    assert.ok(error instanceof HieraxError && error.message.includes(`"${told}"`), String(error))
  }
})

/** The packet's schema with one more field, and so other bytes. */
const variant = (n: number) => packetSchema([...packetFields, { name: `extra${n}`, type: 'null' }])
const text = (n: number) => Buffer.from(JSON.stringify(variant(n)))

test('a schema is compiled once, whatever buffer its bytes are in', () => {
  const readers = new ReaderCache(defaultLimits)
  const first = readers.for(text(1))
  assert.equal(readers.for(text(1)), first)
  assert.notEqual(readers.for(text(2)), first)
  assert.equal(readers.for(text(1)), first)
  assert.equal(readers.size, 2)
})

test('the cache keeps a copy of the schema: changed bytes are another schema', () => {
  const readers = new ReaderCache(defaultLimits)
  const bytes = text(1)
  const first = readers.for(bytes)
  bytes.write('extra7', bytes.indexOf('extra1'))
  assert.notEqual(readers.for(bytes), first)
  assert.equal(readers.for(text(1)), first)
})

test('endless schemas do not grow it, and the least recently used go first', () => {
  const readers = new ReaderCache({ ...defaultLimits, maxSchemas: 3 })
  const kept = readers.for(text(0))
  for (let i = 1; i < 20; i++) {
    readers.for(text(i))
    assert.equal(readers.for(text(0)), kept)
    assert.ok(readers.size <= 3)
  }
})

test('a refused schema is refused again, as a new error, without being parsed anew', () => {
  const readers = new ReaderCache(defaultLimits)
  const bad = Buffer.from(JSON.stringify(packetSchema([{ name: 'objectId', type: 'string' }])))
  const first = refused(() => readers.for(bad), 'MISSING_FIELD', /candidate/)
  const parse = JSON.parse
  JSON.parse = () => assert.fail('parsed again')
  try {
    const second = refused(() => readers.for(bad), 'MISSING_FIELD', /candidate/)
    assert.notEqual(second, first)
  } finally {
    JSON.parse = parse
  }
})

test('one decoder reads packets of alternating schemas', () => {
  const { decode } = createDecoder()
  for (let i = 0; i < 6; i++) {
    const bytes = Buffer.concat([head(variant(i % 3)), block(1, encoded({ objectId: `a${i}` }))])
    assert.equal(decode(bytes)[0]?.objectId, `a${i}`)
    refused(() => decode(Buffer.concat([head(Buffer.from('[]')), block(1, encoded())])), 'SCHEMA_INVALID')
    assert.equal(decode(container())[0]?.objectId, 'ZTF20aaelulu')
  }
})

test('a schema beyond the limit on its bytes is not even looked at', () => {
  const { decode } = createDecoder({ maxSchemaBytes: 100 })
  refused(() => decode(container()), 'SCHEMA_TOO_LARGE', /more than 100/)
})
