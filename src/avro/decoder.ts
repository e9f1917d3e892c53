import type { Cursor } from './cursor.ts'
import type { AvroSchema } from './encoder.ts'
import { numberIfSafe } from './long.ts'

/** Reads the value at a cursor. Throws the cursor's errors if there is none that the encoder of the same schema would have written. */
export type Decode = (cursor: Cursor) => unknown

const primitives: Record<Extract<AvroSchema, string>, Decode> = {
  boolean(cursor) {
    const byte = cursor.boolean()
    if (byte > 1) throw cursor.corrupt(`a boolean is ${byte}`)
    return byte === 1
  },
  int: cursor => cursor.long(),
  long: cursor => numberIfSafe(cursor.bigLong()),
  double: cursor => cursor.double(),
  string: textOf
}

/** A decoder of what `encoderOf` of the same schema writes. A long is a number if it is a safe integer, else a big integer. */
export function decoderOf(schema: AvroSchema): Decode {
  if (typeof schema === 'string') return primitives[schema]
  if ('type' in schema) {
    if (schema.type === 'record') {
      const fields = schema.fields.map(({ name, type }) => ({ name, decode: decoderOf(type) }))
      return cursor => Object.fromEntries(fields.map(({ name, decode }) => [name, decode(cursor)]))
    }
    if (schema.type === 'enum') return cursor => schema.symbols[cursor.branch(schema.symbols.length)]
    if (schema.type === 'array') return listDecoder(decoderOf(schema.items))
    const decode = decoderOf(schema.values)
    const entries = listDecoder(cursor => [textOf(cursor), decode(cursor)] as const)
    return cursor => Object.fromEntries(entries(cursor))
  }
  const decode = decoderOf(schema[1])
  return cursor => (cursor.branch(2) === 1 ? decode(cursor) : null)
}

/** Reads the items of an array or a map: each takes at least a byte, so their number is bounded by the bytes. */
function listDecoder<T>(decode: (cursor: Cursor) => T): (cursor: Cursor) => T[] {
  return cursor => {
    const items: T[] = []
    for (let left = cursor.length(); left > 0; left = cursor.length()) {
      for (; left > 0; left--) items.push(decode(cursor))
    }
    return items
  }
}

function textOf(cursor: Cursor): string {
  return cursor.text(Number.POSITIVE_INFINITY)
}
