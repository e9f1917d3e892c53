import type { Cursor } from '../../avro/cursor.ts'
import { HieraxError } from '../../errors.ts'
import type { ArraySchema, RecordSchema, Schema, UnionSchema } from './schema.ts'
import { chain, type Skip, simple, simpleOf } from './steps.ts'

/**
 * How a value is skipped: a fixed number of bytes, or a function. A value without fixed size has at least one byte, so the work of
 * skipping is bounded by the number of bytes, also if an item count is bogus.
 */
export type Skipper = number | Skip

const fixedSizes: Partial<Record<Schema['type'], number>> = { null: 0, boolean: 1, float: 4, double: 8 }

/** Compiles skippers for the types of a writer schema, each record once. The depth of values of recursive types is limited. */
export class Skippers {
  readonly #records = new Map<RecordSchema, Skipper | 'under way'>()
  readonly #maxDepth: number

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth
  }

  of(schema: Schema): Skipper {
    switch (schema.type) {
      case 'fixed':
        return schema.size
      case 'int':
      case 'long':
      case 'enum':
        return simple(cursor => cursor.skipLong(), { kind: 'integer' })
      case 'bytes':
      case 'string':
        return simple(cursor => cursor.skip(cursor.length()), { kind: 'sized' })
      case 'array': {
        const count = this.countedArray(schema)
        return cursor => void count(cursor)
      }
      case 'map':
        return this.#map(schema.values)
      case 'union':
        return this.#union(schema)
      case 'record':
        return this.#record(schema)
      default:
        return fixedSizes[schema.type]!
    }
  }

  /** Compiles a reader of a record that reads the wanted fields and skips the others. */
  record(fields: ReadonlyMap<string, Schema>, wanted: ReadonlyMap<string, Skip> = new Map()): Skip {
    return chain(this.sequence([...fields].map(([name, schema]) => wanted.get(name) ?? schema)))
  }

  /**
   * Skippers for consecutive values, and readers of some of them. Adjacent values of fixed size are skipped together; values of zero bytes
   * need no skipper.
   */
  sequence(values: Iterable<Schema | Skip>): Skip[] {
    const steps: Skip[] = []
    let fixed = 0
    const flush = () => {
      if (fixed > 0) steps.push(asSkip(fixed))
      fixed = 0
    }
    for (const value of values) {
      const skipper = typeof value === 'function' ? value : this.of(value)
      if (typeof skipper === 'number') fixed += skipper
      else {
        flush()
        steps.push(skipper)
      }
    }
    flush()
    return steps
  }

  /** Compiles a function that skips an array and returns its number of items; items of zero bytes are not counted. */
  countedArray(schema: ArraySchema): (cursor: Cursor) => number {
    const item = this.of(schema.items)
    return cursor => {
      let total = 0
      for (;;) {
        const count = cursor.long()
        if (count === 0) return total
        skipItems(cursor, count, item)
        if (item !== 0) total += Math.abs(count)
      }
    }
  }

  #map(values: Schema): Skip {
    const value = asSkip(this.of(values))
    const entry: Skip = cursor => {
      cursor.skip(cursor.length())
      value(cursor)
    }
    return cursor => {
      for (;;) {
        const count = cursor.long()
        if (count === 0) return
        skipItems(cursor, count, entry)
      }
    }
  }

  #union({ branches }: UnionSchema): Skip {
    const skips = branches.map(branch => asSkip(this.of(branch)))
    const count = skips.length
    const [first, second] = branches
    if (count === 2 && (first!.type === 'null' || second!.type === 'null')) {
      const present = first!.type === 'null' ? 1 : 0
      const skip = skips[present]!
      const nullable: Skip = cursor => {
        if (cursor.branch(2) === present) skip(cursor)
      }
      const value = simpleOf(skip)
      return value === undefined || value.present !== undefined ? nullable : simple(nullable, { ...value, present })
    }
    return cursor => skips[cursor.branch(count)]!(cursor)
  }

  #record(schema: RecordSchema): Skipper {
    const known = this.#records.get(schema)
    if (known === 'under way') return this.#recursive(schema)
    if (known !== undefined) return known
    this.#records.set(schema, 'under way')
    const sizes = [...schema.fields.values()].map(field => this.of(field))
    const skipper = sizes.every(size => typeof size === 'number')
      ? sizes.reduce((sum, size) => sum + size, 0)
      : this.record(schema.fields)
    this.#records.set(schema, skipper)
    return skipper
  }

  /** For a record inside itself: its skipper is looked up at run time, because it is still being compiled. */
  #recursive(schema: RecordSchema): Skip {
    return cursor => {
      if (++cursor.depth > this.#maxDepth) {
        throw new HieraxError('RECORD_TOO_LARGE', `values of ${schema.name} nest deeper than ${this.#maxDepth}`)
      }
      ;(this.#records.get(schema) as Skip)(cursor)
      cursor.depth--
    }
  }
}

/** A skipper as a function. */
export function asSkip(skipper: Skipper): Skip {
  if (typeof skipper === 'function') return skipper
  return simple(cursor => cursor.skip(skipper), { kind: 'fixed', size: skipper })
}

/** Skips one block of items of an array or map. A negative count is followed by the size of the block in bytes. */
function skipItems(cursor: Cursor, count: number, item: Skipper): void {
  const size = count < 0 ? cursor.length() : null
  if (item !== 0 && Math.abs(count) > (size ?? cursor.remaining)) {
    throw cursor.corrupt(`an array or map claims ${Math.abs(count)} items, more than its bytes`)
  }
  if (size !== null) cursor.skip(size)
  else if (typeof item === 'number') cursor.skip(item * count)
  else for (let i = 0; i < count; i++) item(cursor)
}
