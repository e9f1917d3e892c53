import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { createDecoder } from '../../src/alerts/decoder.ts'
import { HieraxError } from '../../src/errors.ts'
import { needsShared, shared, sharedFiles } from '../support/shared.ts'
import { candidate, container, encoded, packetSchema, type SchemaJson } from './packets.ts'
import { refused } from './support.ts'

const schema = Buffer.from(JSON.stringify(packetSchema()))
const decoder = createDecoder()
const configured = createDecoder({ schema })
const expected = decoder.decode(container())
const asKey = (json: SchemaJson | object) => Buffer.from(JSON.stringify(json))

test('a bare record is read with the schema in its key, as Fink sends it', () => {
  assert.deepEqual(decoder.decode(encoded(), schema), expected)
  assert.deepEqual(decoder.decode(encoded(), Buffer.concat([Buffer.from('\n  '), schema])), expected)
  refused(() => decoder.decode(encoded({ candidate: candidate({ jd: 1 }) }), schema), 'INVALID_VALUE', /candidate\.jd/)
  refused(() => decoder.decode(encoded().subarray(0, -1), schema), 'CORRUPT_RECORD')
  refused(() => decoder.decode(Buffer.concat([encoded(), Buffer.of(0)]), schema), 'CORRUPT_RECORD', /1 bytes are left/)
})

test('a container is read whatever its key', () => {
  for (const key of [null, Buffer.from('1.1_4.02'), asKey({ fields: 1 }), schema])
    assert.deepEqual(decoder.decode(container(), key), expected)
})

test('a value without its schema is refused with what it looks like, and with the key', () => {
  refused(() => decoder.decode(encoded(), Buffer.from('1.1_4.02')), 'NOT_A_CONTAINER', /the key "1.1_4.02" is not its/)
  refused(() => decoder.decode(encoded(), asKey({ objectId: 'ZTF20a' })), 'NOT_A_CONTAINER', /is not its schema/)
  refused(() => decoder.decode(encoded(), Buffer.of(1, 2)), 'NOT_A_CONTAINER', /the key of 2 bytes/)
  refused(() => decoder.decode(Buffer.from('008abd9da1acf6d0bb5d', 'hex')), 'NOT_A_CONTAINER', /a bare Avro record/)
  refused(() => decoder.decode(Buffer.from('<html>'), schema), 'NOT_A_CONTAINER', /HTML/)
  refused(() => configured.decode(Buffer.from('{"candid": 1}')), 'NOT_A_CONTAINER', /JSON/)
})

test('hostile schemas in keys are refused', () => {
  const deep = JSON.parse(`${'{"type":"array","items":'.repeat(100)}"int"${'}'.repeat(100)}`)
  const record = (fields: object[]) => ({ type: 'record', name: 'alert', fields })
  const many = record(Array.from({ length: 6000 }, (_, i) => ({ name: `f${i}`, type: 'int' })))
  const recursive = record([{ name: 'objectId', type: ['null', 'alert'] }])
  refused(() => decoder.decode(encoded(), asKey(record([{ name: 'a', type: deep }]))), 'SCHEMA_TOO_LARGE')
  refused(() => decoder.decode(encoded(), asKey(many)), 'SCHEMA_TOO_LARGE')
  refused(() => decoder.decode(encoded(), asKey(recursive)), 'WRONG_TYPE', /objectId/)
  refused(() => decoder.decode(encoded(), Buffer.concat([schema, Buffer.alloc(300_000, ' ')])), 'SCHEMA_TOO_LARGE')
  refused(() => decoder.decode(encoded(), Buffer.from('{"fields"')), 'SCHEMA_INVALID')
  refused(() => decoder.decode(encoded(), asKey(record([{ name: '__proto__', type: 'int' }]))), 'SCHEMA_INVALID')
})

test('damaged keys and values end in an error of the alert, or in alerts', () => {
  const edit = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() })
  const edited = (bytes: Buffer, edits: readonly { at: number; byte: number; cut: boolean }[]) =>
    edits.reduce((from, { at, byte, cut }) => {
      const copy = Buffer.from(from)
      const index = at % Math.max(1, copy.length)
      copy[index] = byte
      return cut ? copy.subarray(0, index) : copy
    }, bytes)
  const edits = fc.array(edit, { maxLength: 3 })
  const value = fc.constantFrom(
    encoded(),
    gzipSync(encoded()),
    Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), encoded()])
  )
  fc.assert(
    fc.property(value, edits, edits, fc.constantFrom(decoder, configured), (bytes, ofValue, ofKey, { decode }) => {
      try {
        assert.equal(decode(edited(bytes, ofValue), edited(schema, ofKey)).length, 1)
      } catch (error) {
        assert.ok(error instanceof HieraxError && error.kind === 'alert', String(error))
      }
    }),
    { numRuns: 300 }
  )
})

test('a configured schema reads bare records, also after a framing', () => {
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 3, 132]), encoded()])
  for (const value of [encoded(), framed, Buffer.concat([Buffer.from('c3010123456789abcdef', 'hex'), encoded()])]) {
    assert.deepEqual(configured.decode(value), expected)
    assert.deepEqual(configured.decode(value, Buffer.from('1.1_4.02')), expected)
  }
  refused(() => configured.decode(framed.subarray(0, -20)), 'CORRUPT_RECORD')
  // The key says more than the settings.
  const renamed = JSON.stringify(packetSchema()).replace('"objectId"', '"name"')
  refused(() => configured.decode(encoded(), Buffer.from(renamed)), 'MISSING_FIELD', /^objectId /)
})

test('values that are compressed with gzip are read, within the limit', () => {
  assert.deepEqual(decoder.decode(gzipSync(container())), expected)
  assert.deepEqual(decoder.decode(gzipSync(encoded()), schema), expected)
  refused(() => decoder.decode(gzipSync(container()).subarray(0, 100)), 'CORRUPT_BLOCK', /damaged/)
  const { decode: small } = createDecoder({ maxInflatedBytes: 1000 })
  refused(() => small(gzipSync(Buffer.alloc(100_000))), 'INFLATED_TOO_LARGE', /1000/)
})

test('other surveys are refused by name', () => {
  const named = (name: string, namespace?: string, field = 'candid') =>
    asKey({ type: 'record', name, ...(namespace ? { namespace } : {}), fields: [{ name: field, type: 'long' }] })
  for (const [key, survey] of [
    [named('alert', 'pgir'), /"pgir\.alert", an alert of Palomar Gattini-IR/],
    [named('topLevelRecord', '', 'stackquadid'), /PGIR\) \(it has stackquadid/],
    [named('turbo.alert'), /TURBO/],
    [named('winter.alert'), /WINTER/],
    [named('alert', 'desirt'), /DECam/],
    [named('alert', 'lsst.v10_0'), /Rubin/],
    [named('BabamulLsstAlert'), /Rubin/],
    [named('topLevelRecord', '', 'diaSourceId'), /Rubin\/LSST \(it has diaSourceId\)/],
    [named('rapid.v01_00.alert', '', 'diaSourceId'), /Roman/]
  ] as const)
    refused(() => decoder.decode(encoded(), key), 'WRONG_SURVEY', survey)
  const frame = (id: number) => Buffer.concat([Buffer.of(0), Buffer.from(id.toString(16).padStart(8, '0'), 'hex')])
  for (const [id, survey] of [
    [901, /schema id 901, which is that of Rubin\/LSST, schema version 9\.1/],
    [1200, /Rubin\/LSST, schema version 12\.0/],
    [101, /Roman Space Telescope \(RAPID\), schema version 1\.1.*input\.schema/]
  ] as const)
    refused(() => decoder.decode(Buffer.concat([frame(id), encoded()])), 'WRONG_SURVEY', survey)
  refused(() => decoder.decode(Buffer.concat([frame(17), encoded()])), 'NOT_A_CONTAINER', /with the schema id 17$/)
})

test('real messages of Fink’s live stream', needsShared(), () => {
  const read = (number: number) => {
    const [value, key] = ['value', 'key'].map(ending =>
      fs.readFileSync(path.join(shared, `sources/fink-stream/${number}.${ending}`))
    )
    return { value: value as Buffer, alert: decoder.decode(value as Buffer, key)[0]! }
  }
  const [first, second, third] = [0, 1, 2].map(read)
  assert.deepEqual(
    [first, second, third].map(each => [each!.alert.objectId, each!.alert.record.candid, each!.alert.schemaVersion]),
    [
      ['ZTF26aamcbly', 3367463101415010117n, '4.02'],
      ['ZTF26aaklfaa', 3367149443615015021n, '4.02'],
      ['ZTF26aaooiia', 3367439063615010024n, '4.02']
    ]
  )
  assert.equal(second!.alert.record.jd, 2461121.6494444)
  assert.ok(second!.alert.history.length > 0)
  assert.equal(second!.alert.dropped.invalid, 0)
  refused(() => decoder.decode(first!.value, Buffer.from('2.2_4.02')), 'NOT_A_CONTAINER', /bare Avro record/)
})

test('real messages of other surveys', needsShared(), () => {
  for (const file of [...sharedFiles('sources/other-surveys'), ...sharedFiles('sources/confluent')]) {
    const [, name = ''] = /(pgir|turbo|wntr|winter|decam|lsst|rapid)/.exec(path.basename(file)) ?? []
    const survey = { wntr: 'winter', lsst: 'Rubin' }[name] ?? name
    refused(() => decoder.decode(fs.readFileSync(file)), 'WRONG_SURVEY', new RegExp(survey, 'i'))
  }
})
