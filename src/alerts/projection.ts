import { HieraxError, shown } from '../errors.ts'
import { type ContextField, contextFields } from '../lightcurves/observation.ts'
import type { Cursor } from './cursor.ts'
import type { DecoderLimits } from './limits.ts'
import {
  isReadable,
  type Kind,
  type Reader,
  recordReader,
  union,
  type Value,
  valueReader,
  wrongType
} from './readers.ts'
import type { RecordSchema, Schema } from './schema.ts'
import { Skippers } from './skippers.ts'

interface Field {
  readonly name: string
  readonly kind: Kind
  /** What comes of a writer's schema that lacks the field, or has it as another type. */
  readonly how: 'needed' | 'optional' | 'welcome'
}

const needed = (name: string, kind: Kind): Field => ({ name, kind, how: 'needed' })
/** Read where it is there, and then of the type that it should be. */
const optional = (name: string, kind: Kind): Field => ({ name, kind, how: 'optional' })
/** Read where it is there as it should be: nothing is refused for it. */
const welcome = (name: string, kind: Kind): Field => ({ name, kind, how: 'welcome' })

/** What is read of the packet itself; the order is that of `RawAlert.head`. */
const headFields = [needed('objectId', 'string'), optional('schemavsn', 'string'), optional('candid', 'long')] as const
/** What is read of `candidate`; the order is that of `Column`. */
const candidateFields = [
  needed('jd', 'number'),
  needed('fid', 'number'),
  needed('magpsf', 'number'),
  needed('sigmapsf', 'number'),
  needed('isdiffpos', 'string'),
  optional('candid', 'long'),
  optional('programid', 'number'),
  optional('diffmaglim', 'number'),
  optional('drb', 'number'),
  optional('rb', 'number'),
  optional('ssdistnr', 'number'),
  needed('ra', 'number'),
  needed('dec', 'number'),
  optional('sgscore1', 'number'),
  optional('distpsnr1', 'number'),
  ...contextFields
    .filter(name => name !== 'sgscore1' && name !== 'distpsnr1')
    .map((name): Field => welcome(name, 'number'))
]
/** What is read of each point of `prv_candidates`: the first columns of `candidate`. */
const historyWidth = 11
const historyHow: Readonly<Record<string, Field['how']>> = {
  jd: 'needed',
  fid: 'needed',
  drb: 'welcome',
  rb: 'welcome',
  ssdistnr: 'welcome'
}
const historyFields = candidateFields
  .slice(0, historyWidth)
  .map(({ name, kind }): Field => ({ name, kind, how: historyHow[name] ?? 'optional' }))

/** Where a field is in `RawAlert.candidate` and, up to `ssdistnr`, in each point of the history. */
export const column = Object.freeze({
  jd: 0,
  fid: 1,
  magpsf: 2,
  sigmapsf: 3,
  isdiffpos: 4,
  candid: 5,
  programid: 6,
  diffmaglim: 7,
  drb: 8,
  rb: 9,
  ssdistnr: 10,
  ra: 11,
  dec: 12
})

/** Where the fields of the context are in `RawAlert.candidate`. */
export const contextColumn: Readonly<Record<ContextField, number>> = Object.fromEntries(
  contextFields.map(name => [name, candidateFields.findIndex(field => field.name === name)])
) as Record<ContextField, number>

/** Values of one group of fields; a history holds `historyWidth` of them for each point. */
class Row {
  readonly values: Value[] = []
  /** Where the next point begins. */
  base = 0

  /** Makes room for `width` values that are null until they are read. */
  begin(width: number): void {
    for (let i = 0; i < width; i++) this.values[this.base + i] = null
  }
}

/** One packet's record as its writer wrote it, with what Hierax does not read left out. Reused for the next record. */
export class RawAlert {
  readonly head = new Row()
  readonly candidate = new Row()
  readonly history = new Row()
  hasCandidate = false
  /** Points of `prv_candidates`; point `i` begins at `i * RawAlert.width` of the history's values. */
  points = 0
  forcedPhotometry = 0

  static readonly width = historyWidth

  clear(): void {
    this.head.begin(headFields.length)
    this.candidate.begin(candidateFields.length)
    this.history.base = 0
    this.hasCandidate = false
    this.points = 0
    this.forcedPhotometry = 0
  }
}

/** Reads the next record of a block. The result is valid until the next call. */
export type Projection = (cursor: Cursor) => RawAlert

/**
 * Compiles a reader of those fields of a ZTF packet that matter, from the schema it was written with. Throws WRONG_SURVEY,
 * MISSING_FIELD or WRONG_TYPE.
 */
export function compileProjection(schema: Schema, limits: DecoderLimits): Projection {
  if (schema.type !== 'record') throw wrongType('the packet', 'a record', schema)
  refuseOtherSurveys(schema)
  const compiler = new Compiler(limits)
  const read = compiler.packet(schema)
  const raw = new RawAlert()
  return cursor => {
    raw.clear()
    read(cursor, raw)
    return raw
  }
}

/** Rubin's packets carry a `diaSource` where ZTF's carry a `candidate`, also when a broker re-published them. */
function refuseOtherSurveys({ name, fields }: RecordSchema): void {
  if (fields.has('diaSource') || fields.has('diaSourceId') || name.startsWith('lsst.')) {
    throw new HieraxError('WRONG_SURVEY', `the packet is ${shown(name)} of Rubin/LSST (it has diaSource)`)
  }
}

class Compiler {
  readonly #limits: DecoderLimits
  readonly #skippers: Skippers

  constructor(limits: DecoderLimits) {
    this.#limits = limits
    this.#skippers = new Skippers(limits.maxDepth)
  }

  packet({ fields }: RecordSchema): Reader<RawAlert> {
    const head = this.#readers(fields, headFields, '')
    const candidate = fields.get('candidate')
    if (candidate === undefined) throw new HieraxError('MISSING_FIELD', "candidate is not in the packet's schema")
    const wanted = new Map<string, Reader<RawAlert>>()
    for (const [name, reader] of head) wanted.set(name, (cursor, raw) => reader(cursor, raw.head))
    wanted.set('candidate', this.#candidate(candidate))
    const history = fields.get('prv_candidates')
    if (history !== undefined) wanted.set('prv_candidates', this.#history(history))
    const forced = fields.get('fp_hists')
    if (forced !== undefined) wanted.set('fp_hists', this.#forced(forced, 'fp_hists'))
    return recordReader(fields, wanted, this.#skippers)
  }

  /** Readers of fields into the columns of a row. Throws MISSING_FIELD where the writer lacks one that is needed. */
  #readers(schemas: ReadonlyMap<string, Schema>, fields: readonly Field[], prefix: string): Map<string, Reader<Row>> {
    const missing = fields.find(field => field.how === 'needed' && !schemas.has(field.name))
    if (missing) throw new HieraxError('MISSING_FIELD', `${prefix}${missing.name} is not in the packet's schema`)
    const readers = new Map<string, Reader<Row>>()
    fields.forEach(({ name, kind, how }, index) => {
      const schema = schemas.get(name)
      if (schema === undefined || (how === 'welcome' && !isReadable(schema, kind))) return
      const read = valueReader(schema, kind, `${prefix}${name}`, this.#limits.maxStringBytes)
      readers.set(name, (cursor, row) => {
        row.values[row.base + index] = read(cursor)
      })
    })
    return readers
  }

  #candidate(schema: Schema): Reader<RawAlert> {
    if (schema.type === 'union') return union(schema, 'candidate', 'a record', branch => this.#present(branch))
    return this.#present(schema) ?? refuse('candidate', 'a record', schema)
  }

  #present(schema: Schema): Reader<RawAlert> | null {
    if (schema.type === 'null') return () => undefined
    if (schema.type !== 'record') return null
    const read = recordReader(
      schema.fields,
      this.#readers(schema.fields, candidateFields, 'candidate.'),
      this.#skippers
    )
    return (cursor, raw) => {
      read(cursor, raw.candidate)
      raw.hasCandidate = true
    }
  }

  #history(schema: Schema): Reader<RawAlert> {
    const path = 'prv_candidates'
    if (schema.type === 'null') return () => undefined
    if (schema.type === 'union') {
      return union(schema, path, 'an array', branch =>
        branch.type === 'array' || branch.type === 'null' ? this.#history(branch) : null
      )
    }
    if (schema.type !== 'array') return refuse(path, 'an array', schema)
    // The experimental schema 3.5 has forced photometry here: without `magpsf` nothing says what was detected.
    const { items } = schema
    if (items.type === 'record' && !items.fields.has('magpsf')) return this.#forced(schema, path)
    const point = this.#point(items)
    return (cursor, raw) => {
      for (;;) {
        const count = this.#itemCount(cursor, raw.points)
        if (count === 0) return
        raw.points += count
        for (let i = 0; i < count; i++) {
          raw.history.begin(historyWidth)
          point(cursor, raw.history)
          raw.history.base += historyWidth
        }
      }
    }
  }

  #point(items: Schema): Reader<Row> {
    const path = 'prv_candidates[]'
    if (items.type === 'null') return () => undefined
    if (items.type === 'union') {
      return union(items, path, 'a record', branch =>
        branch.type === 'record' || branch.type === 'null' ? this.#point(branch) : null
      )
    }
    if (items.type !== 'record') return refuse(path, 'a record', items)
    return recordReader(items.fields, this.#readers(items.fields, historyFields, `${path}.`), this.#skippers)
  }

  /** Count of the next run of an array's items; its size in bytes, given with negative counts, is of no use here. */
  #itemCount(cursor: Cursor, before: number): number {
    const signed = cursor.long()
    if (signed < 0) cursor.length()
    const count = Math.abs(signed)
    if (before + count > this.#limits.maxHistory) {
      const message = `prv_candidates claims ${before + count} points, more than ${this.#limits.maxHistory}`
      throw new HieraxError('RECORD_TOO_LARGE', message)
    }
    return count
  }

  #forced(schema: Schema, path: string): Reader<RawAlert> {
    if (schema.type === 'null') return () => undefined
    if (schema.type === 'union') {
      return union(schema, path, 'an array', branch =>
        branch.type === 'array' || branch.type === 'null' ? this.#forced(branch, path) : null
      )
    }
    if (schema.type !== 'array') return refuse(path, 'an array', schema)
    const count = this.#skippers.countedArray(schema)
    return (cursor, raw) => {
      raw.forcedPhotometry += count(cursor)
    }
  }
}

function refuse(path: string, wanted: string, schema: Schema): never {
  throw wrongType(path, wanted, schema)
}
