import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import avro from 'avsc'
import type { AvroClassification, Classification as JsonClassification } from 'hierax/classification'
import { bigLong } from '../../src/avro/long.ts'
import { type Classification, schemaName } from '../../src/messages/classification.ts'
import { encodeClassification, toJson } from '../../src/messages/encoding.ts'
import { readClassification } from '../../src/messages/reading.ts'
import { testPython } from '../support/python.ts'
import { sampleClassification } from '../support/sample-classification.ts'
import { root } from '../support/shared.ts'

const registry = { long: bigLong }
const history = path.join(root, 'schemas/history')
const frozen = fs
  .readdirSync(history)
  .filter(name => name.endsWith('.avsc'))
  .map(name => path.basename(name, '.avsc'))
const read = (file: string) => JSON.parse(fs.readFileSync(file, 'utf8'))
const current = avro.Type.forSchema(read(path.join(root, 'schemas/classification.avsc')), { registry: { ...registry } })
const message = (name: string) => fs.readFileSync(path.join(history, `${name}.message.avro`))
const meaning = (name: string) => read(path.join(history, `${name}.message.json`))

/** The record of a container that has one, without its head. */
function recordOf(bytes: Buffer): Buffer {
  const long = avro.Type.forSchema('long')
  const head = avro.Type.forSchema({ type: 'map', values: 'bytes' }).decode(bytes, 4)
  const count = long.decode(bytes, head.offset + 16)
  const size = long.decode(bytes, count.offset)
  return bytes.subarray(size.offset, size.offset + size.value)
}

describe('the message schema', () => {
  for (const name of frozen) {
    const past = avro.Type.forSchema(read(path.join(history, `${name}.avsc`)), { registry: { ...registry } })

    test(`reads the message of ${name}`, () => {
      const value = current.fromBuffer(recordOf(message(name)), current.createResolver(past))
      const body = { ...value, lightCurve: { ...value.lightCurve, revision: Number(value.lightCurve.revision) } }
      assert.deepEqual(JSON.parse(JSON.stringify(toJson(body))), withDefaults(meaning(name)))
    })

    test(`is read by whoever knows only ${name}`, () => {
      const bytes = recordOf(encodeClassification(sampleClassification, 'avro'))
      const value = past.fromBuffer(bytes, past.createResolver(current))
      const body = { ...value, lightCurve: { ...value.lightCurve, revision: Number(value.lightCurve.revision) } }
      assert.deepEqual(JSON.parse(JSON.stringify(toJson(body))), knownTo(name, toJson(sampleClassification)))
    })

    test(`${name}: tail reads it`, () => {
      assert.equal(JSON.stringify(readClassification(message(name))), JSON.stringify(meaning(name)))
    })
  }

  test('a release of its name is kept', () => {
    assert.ok(frozen.includes(schemaName.replace('hierax.classification.', 'classification-')))
  })

  test('fields that came later have a default, or old messages could not be read', () => {
    const [first] = frozen.sort()
    const known = new Set(read(path.join(history, `${first}.avsc`)).fields.map((field: { name: string }) => field.name))
    for (const field of read(path.join(root, 'schemas/classification.avsc')).fields)
      assert.ok(known.has(field.name) || 'default' in field, field.name)
  })
})

interface Field {
  readonly name: string
  readonly default?: unknown
  readonly type: FieldType | readonly FieldType[]
}

type FieldType = string | { readonly type: string; readonly fields?: readonly Field[] }

/** Fields of a record, or of the record in a union. */
function fieldsOf(type: Field['type']): readonly Field[] | undefined {
  const record = [type].flat().find(branch => typeof branch === 'object' && 'fields' in branch)
  return typeof record === 'object' && 'fields' in record ? record.fields : undefined
}

/** An old message as readers of today have it: with the fields that it lacks at their defaults. */
function withDefaults(body: Record<string, unknown>, fields?: readonly Field[]): Record<string, unknown> {
  const all: readonly Field[] = fields ?? read(path.join(root, 'schemas/classification.avsc')).fields
  return Object.fromEntries(
    all.map(({ name, type, default: value }) => {
      const fields = fieldsOf(type)
      if (!(name in body)) return [name, value]
      return [name, fields && body[name] ? withDefaults(body[name] as Record<string, unknown>, fields) : body[name]]
    })
  )
}

/** What readers who know only an old schema have of a message of today. */
function knownTo(name: string, body: Record<string, unknown>): Record<string, unknown> {
  const only = (value: Record<string, unknown>, fields: readonly Field[]): Record<string, unknown> =>
    Object.fromEntries(
      fields.map(({ name, type }) => {
        const fields = fieldsOf(type)
        return [name, fields && value[name] ? only(value[name] as Record<string, unknown>, fields) : value[name]]
      })
    )
  return JSON.parse(JSON.stringify(only(body, read(path.join(history, `${name}.avsc`)).fields)))
}

const python = testPython()

test('fastavro reads the messages of earlier releases with the schema of today', { skip: python.skip }, () => {
  const program = `
import json, sys, fastavro
schema = fastavro.schema.load_schema(sys.argv[1])
for path in sys.argv[2:]:
    with open(path, 'rb') as file:
        body = next(fastavro.reader(file, reader_schema=schema))
    body['candid'] = str(body['candid'])
    print(json.dumps(body))`
  const args = [
    '-c',
    program,
    'schemas/classification.avsc',
    ...frozen.map(name => `schemas/history/${name}.message.avro`)
  ]
  const out = execFileSync(path.join(python.folder, 'python'), args, { cwd: root, encoding: 'utf8' })
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    frozen.map(name => withDefaults(meaning(name)))
  )
})

test('fastavro reads the messages of today with the schemas of earlier releases', { skip: python.skip }, () => {
  const program = `
import io, json, sys, fastavro
value = sys.stdin.buffer.read()
for path in sys.argv[1:]:
    body = next(fastavro.reader(io.BytesIO(value), reader_schema=fastavro.schema.load_schema(path)))
    body['candid'] = str(body['candid'])
    print(json.dumps(body))`
  const out = execFileSync(
    path.join(python.folder, 'python'),
    ['-c', program, ...frozen.map(name => `schemas/history/${name}.avsc`)],
    { cwd: root, encoding: 'utf8', input: encodeClassification(sampleClassification, 'avro') }
  )
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    frozen.map(name => knownTo(name, toJson(sampleClassification)))
  )
})

test('the types that the package exports fit what is written', () => {
  // Checked by the compiler: the test is that this file has no type errors.
  const asJson = (body: Classification): JsonClassification => ({
    ...body,
    candid: String(body.candid),
    lightCurve: { ...body.lightCurve, latest: body.lightCurve.latest as Record<string, number> }
  })
  const asAvro = (body: JsonClassification): AvroClassification => ({
    ...body,
    candid: BigInt(body.candid),
    lightCurve: { ...body.lightCurve, revision: BigInt(body.lightCurve.revision) }
  })
  const [name = ''] = frozen
  assert.equal(asAvro(meaning(name)).candid, BigInt(meaning(name).candid))
  assert.equal(asJson({ ...meaning(name), candid: 5n }).candid, '5')
})
