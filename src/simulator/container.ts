import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import avro from 'avsc'

const schemaFile = new URL('../../schemas/ztf/alert-4.02.avsc', import.meta.url)
const magic = Buffer.from('Obj\x01', 'latin1')

/** 64-bit integers as BigInt: candidate numbers exceed 2^53. */
const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0)
}) as unknown as avro.Type

/** Writes records of the survey's schema 4.02 as it does: one in a container, with the schema, uncompressed. */
export class PacketWriter {
  readonly #type: avro.Type
  readonly #header: Buffer
  readonly #sync: Buffer

  constructor() {
    const schema = JSON.stringify(JSON.parse(readFileSync(schemaFile, 'utf8')))
    this.#type = avro.Type.forSchema(JSON.parse(schema), { registry: { long }, wrapUnions: false })
    // The marker must be fixed for the same seed to make the same bytes; anything of 16 bytes will do.
    this.#sync = createHash('sha256').update(schema).digest().subarray(0, 16)
    const metadata = avro.Type.forSchema({ type: 'map', values: 'bytes' })
    const entries = { 'avro.codec': Buffer.from('null'), 'avro.schema': Buffer.from(schema) }
    this.#header = Buffer.concat([magic, metadata.toBuffer(entries), this.#sync])
  }

  /** The packet's bytes. Throws for a record that does not fit the schema. */
  write(record: Readonly<Record<string, unknown>>): Buffer {
    const body = this.#type.toBuffer(record)
    return Buffer.concat([this.#header, varint(1), varint(body.length), body, this.#sync])
  }
}

/** A non-negative number below 2^31 as Avro writes a long. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value * 2
  while (rest > 127) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
