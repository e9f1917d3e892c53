import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { defaultLimits } from '../../src/alerts/limits.ts'
import { Projections } from '../../src/alerts/projections.ts'
import { block, container, encoded, head, packetFields, packetSchema } from './packets.ts'
import { refused } from './support.ts'

/** The packet's schema with one more field, and so other bytes. */
const variant = (n: number) => packetSchema([...packetFields, { name: `extra${n}`, type: 'null' }])
const text = (n: number) => Buffer.from(JSON.stringify(variant(n)))

test('a schema is compiled once, whatever buffer its bytes are in', () => {
  const projections = new Projections(defaultLimits)
  const first = projections.for(text(1))
  assert.equal(projections.for(text(1)), first)
  assert.notEqual(projections.for(text(2)), first)
  assert.equal(projections.for(text(1)), first)
  assert.equal(projections.size, 2)
})

test('the cache keeps a copy of the schema: changed bytes are another schema', () => {
  const projections = new Projections(defaultLimits)
  const bytes = text(1)
  const first = projections.for(bytes)
  bytes.write('extra7', bytes.indexOf('extra1'))
  assert.notEqual(projections.for(bytes), first)
  assert.equal(projections.for(text(1)), first)
})

test('endless schemas do not grow it, and the least recently used go first', () => {
  const projections = new Projections({ ...defaultLimits, maxSchemas: 3 })
  const kept = projections.for(text(0))
  for (let i = 1; i < 20; i++) {
    projections.for(text(i))
    assert.equal(projections.for(text(0)), kept)
    assert.ok(projections.size <= 3)
  }
})

test('a refused schema is refused again, as a new error, without being parsed anew', () => {
  const projections = new Projections(defaultLimits)
  const bad = Buffer.from(JSON.stringify(packetSchema([{ name: 'objectId', type: 'string' }])))
  const first = refused(() => projections.for(bad), 'MISSING_FIELD', /candidate/)
  const parse = JSON.parse
  JSON.parse = () => assert.fail('parsed again')
  try {
    const second = refused(() => projections.for(bad), 'MISSING_FIELD', /candidate/)
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
