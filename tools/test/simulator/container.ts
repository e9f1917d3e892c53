import assert from 'node:assert/strict'
import avro from 'avsc'

/** A record of schema 4.02 from an independent reader, with 64-bit integers as text. */
export interface PlainRecord {
  readonly candidate: Record<string, unknown> & { jd: number }
  readonly prv_candidates: (Record<string, unknown> & { jd: number })[] | null
  readonly fp_hists: Record<string, unknown>[] | null
  readonly cutoutScience: { fileName: string; stampData: Uint8Array } | null
  readonly cutoutTemplate: { fileName: string; stampData: Uint8Array } | null
  readonly cutoutDifference: { fileName: string; stampData: Uint8Array } | null
}

const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => String(bytes.readBigInt64LE()),
  toBuffer: () => assert.fail('only reads'),
  fromJSON: String,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'string',
  compare: () => 0
}) as unknown as avro.Type

const header = avro.Type.forSchema({
  type: 'record',
  name: 'header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'magic', size: 4 } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'sync', size: 16 } },
    { name: 'count', type: 'long' },
    { name: 'block', type: 'bytes' },
    { name: 'end', type: 'sync' }
  ]
})
const types = new Map<string, avro.Type>()

/** Reads a packet, a container with one block of one record, according to the Avro specification and the schema in it. */
export function readRecord(bytes: Buffer): PlainRecord {
  const { magic, meta, sync, count, block, end } = header.fromBuffer(bytes)
  assert.equal(magic.toString('latin1'), 'Obj\x01')
  assert.equal(meta['avro.codec'].toString(), 'null')
  assert.equal(count, 1)
  assert.deepEqual(end, sync)
  const schema = meta['avro.schema'].toString()
  const type = types.get(schema) ?? avro.Type.forSchema(JSON.parse(schema), { registry: { long }, wrapUnions: false })
  types.set(schema, type)
  return type.fromBuffer(block)
}
