/*
 * Avro's binary encoding of values by their schema. avsc finds the branch of every union by the value's type, and a BigInt takes it
 * several allocations. It is several times as slow for the message, half of whose fields may be null.
 */

/** The part of Avro's schemas that is understood; a union is of null and one other. */
export type AvroSchema =
  | 'boolean'
  | 'int'
  | 'long'
  | 'double'
  | 'string'
  | readonly ['null', AvroSchema]
  | { readonly type: 'record'; readonly fields: readonly AvroField[] }
  | { readonly type: 'enum'; readonly symbols: readonly string[] }
  | { readonly type: 'array'; readonly items: AvroSchema }
  | { readonly type: 'map'; readonly values: AvroSchema }

interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly default?: unknown
}

/** Writes a value at the end of an output. Throws TypeError if the value is not of the schema. */
export type Encode = (value: unknown, output: Output) => void

/** Bytes that grow. */
export class Output {
  /** Number of bytes that were written. */
  length = 0
  #bytes = Buffer.alloc(4096)
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset)

  /** The bytes that were written; valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.length++] = value
  }

  double(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** An integer of 32 bits. */
  int(value: number): void {
    this.#reserve(5)
    let rest = ((value << 1) ^ (value >> 31)) >>> 0
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.length++] = (rest & 0x7f) | 0x80
    this.#bytes[this.length++] = rest
  }

  /** An integer of 64 bits. In halves: a big integer for every step would be slow. */
  long(value: bigint | number): void {
    this.#reserve(16)
    let low = value as number
    let high = 0
    if (typeof value === 'bigint') {
      this.#view.setBigInt64(this.length, value, true)
      low = this.#view.getInt32(this.length, true)
      high = this.#view.getInt32(this.length + 4, true)
    } else high = Math.floor(value / 2 ** 32)
    const sign = high >> 31
    let lower = ((low << 1) ^ sign) >>> 0
    let upper = (((high << 1) | (low >>> 31)) ^ sign) >>> 0
    for (; upper !== 0 || lower > 0x7f; upper >>>= 7) {
      this.#bytes[this.length++] = (lower & 0x7f) | 0x80
      lower = ((lower >>> 7) | (upper << 25)) >>> 0
    }
    this.#bytes[this.length++] = lower
  }

  string(value: string): void {
    const { length } = value
    // Most are short and ASCII, one byte a character; a call of a native function takes longer.
    if (length < 64) {
      this.#reserve(length + 1)
      const bytes = this.#bytes
      let at = this.length
      bytes[at++] = 2 * length
      let index = 0
      for (; index < length; index++) {
        const code = value.charCodeAt(index)
        if (code > 0x7f) break
        bytes[at++] = code
      }
      if (index === length) {
        this.length = at
        return
      }
    }
    const size = Buffer.byteLength(value)
    this.int(size)
    this.#reserve(size)
    this.length += this.#bytes.write(value, this.length, 'utf8')
  }

  #reserve(size: number): void {
    if (this.length + size <= this.#bytes.length) return
    const bytes = Buffer.alloc(2 * (this.length + size))
    this.#bytes.copy(bytes)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset)
  }
}

const primitives: Record<Extract<AvroSchema, string>, Encode> = {
  boolean: (value, output) => output.byte(typeof value === 'boolean' ? Number(value) : refuse(value, 'boolean')),
  int: (value, output) => output.int(value === ((value as number) | 0) ? value : refuse(value, 'int')),
  long: (value, output) => output.long(isLong(value) ? value : refuse(value, 'long')),
  double: (value, output) => output.double(typeof value === 'number' ? value : refuse(value, 'double')),
  string: (value, output) => output.string(typeof value === 'string' ? value : refuse(value, 'string'))
}

/** An encoder of values of a schema. A missing field of a record has its default. */
export function encoderOf(schema: AvroSchema): Encode {
  if (typeof schema === 'string') return primitives[schema]
  if ('type' in schema) {
    if (schema.type === 'record') return recordEncoder(schema.fields)
    if (schema.type === 'enum') return enumEncoder(schema.symbols)
    return schema.type === 'array' ? arrayEncoder(encoderOf(schema.items)) : mapEncoder(encoderOf(schema.values))
  }
  const encode = encoderOf(schema[1])
  return (value, output) => {
    output.byte(value === null ? 0 : 2)
    if (value !== null) encode(value, output)
  }
}

function recordEncoder(fields: readonly AvroField[]): Encode {
  const encoders = fields.map(field => ({ name: field.name, default: field.default, encode: encoderOf(field.type) }))
  return (value, output) => {
    if (typeof value !== 'object' || value === null) refuse(value, 'record')
    const record = value as Readonly<Record<string, unknown>>
    for (let at = 0; at < encoders.length; at++) {
      const field = encoders[at] as (typeof encoders)[number]
      const given = record[field.name]
      field.encode(given === undefined ? field.default : given, output)
    }
  }
}

function enumEncoder(symbols: readonly string[]): Encode {
  return (value, output) => {
    const index = symbols.indexOf(value as string)
    output.int(index < 0 ? refuse(value, 'enum') : index)
  }
}

function arrayEncoder(encode: Encode): Encode {
  return (value, output) => {
    const items: readonly unknown[] = Array.isArray(value) ? value : refuse(value, 'array')
    if (items.length > 0) output.int(items.length)
    for (let at = 0; at < items.length; at++) encode(items[at], output)
    output.byte(0)
  }
}

function mapEncoder(encode: Encode): Encode {
  return (value, output) => {
    if (typeof value !== 'object' || value === null) refuse(value, 'map')
    const map = value as Readonly<Record<string, unknown>>
    const keys = Object.keys(map)
    if (keys.length > 0) output.int(keys.length)
    for (const key of keys) {
      output.string(key)
      encode(map[key], output)
    }
    output.byte(0)
  }
}

const [least, greatest] = [-(2n ** 63n), 2n ** 63n - 1n]

function isLong(value: unknown): value is bigint | number {
  return typeof value === 'bigint' ? value >= least && value <= greatest : Number.isSafeInteger(value)
}

function refuse(value: unknown, type: string): never {
  throw new TypeError(`not of the Avro type ${type}: ${String(value).slice(0, 64)}`)
}
