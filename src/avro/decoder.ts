import type { AvroSchema } from './encoder.ts'

/** Reads the value at the position of an input. Throws RangeError if there is none that the encoder of the same schema would have written. */
export type Decode = (input: Input) => unknown

/** Bytes that are read from the start. */
export class Input {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** Whether all bytes have been read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  boolean(): boolean {
    const byte = this.#byte()
    if (byte > 1) throw new RangeError(`a boolean of ${byte}`)
    return byte === 1
  }

  double(): number {
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8, true)
  }

  /** An integer of up to 64 bits: a number if it is a safe integer. */
  long(): number | bigint {
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte()
      low |= (byte & 0x7f) << shift
      if (byte <= 0x7f) return (low >>> 1) ^ -(low & 1)
    }
    let value = BigInt(low)
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte <= 0x7f) return shortest(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)))
    }
    throw new RangeError('an integer of more than 64 bits')
  }

  /** A count, a length or an index. */
  count(): number {
    const value = this.long()
    if (typeof value === 'bigint' || value < 0) throw new RangeError(`a count of ${value}`)
    return value
  }

  string(): string {
    const length = this.count()
    if (this.#at + length > this.#bytes.length) throw new RangeError(`a text of ${length} bytes`)
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('the bytes end within a value')
    return byte
  }
}

function shortest(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const primitives: Record<Extract<AvroSchema, string>, Decode> = {
  boolean: input => input.boolean(),
  int: input => input.long(),
  long: input => input.long(),
  double: input => input.double(),
  string: input => input.string()
}

/** A decoder of what {@link encoderOf} of the same schema writes. A long is a number if it is a safe integer, else a big integer. */
export function decoderOf(schema: AvroSchema): Decode {
  if (typeof schema === 'string') return primitives[schema]
  if ('type' in schema) {
    if (schema.type === 'record') {
      const fields = schema.fields.map(({ name, type }) => ({ name, decode: decoderOf(type) }))
      return input => Object.fromEntries(fields.map(({ name, decode }) => [name, decode(input)]))
    }
    if (schema.type === 'enum') return input => chosen(schema.symbols, input)
    return schema.type === 'array' ? arrayDecoder(decoderOf(schema.items)) : mapDecoder(decoderOf(schema.values))
  }
  const decode = decoderOf(schema[1])
  return input => (chosen([false, true], input) ? decode(input) : null)
}

function arrayDecoder(decode: Decode): Decode {
  return input => {
    const items: unknown[] = []
    for (let left = input.count(); left > 0; left = input.count()) {
      for (; left > 0; left--) items.push(decode(input))
    }
    return items
  }
}

function mapDecoder(decode: Decode): Decode {
  return input => {
    const entries: [string, unknown][] = []
    for (let left = input.count(); left > 0; left = input.count()) {
      for (; left > 0; left--) entries.push([input.string(), decode(input)])
    }
    return Object.fromEntries(entries)
  }
}

/** One of some values, by its index. */
function chosen<T>(values: readonly T[], input: Input): T {
  const index = input.count()
  if (index >= values.length) throw new RangeError(`an index of ${index}`)
  return values[index] as T
}
