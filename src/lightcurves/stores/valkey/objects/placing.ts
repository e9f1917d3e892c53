import { createYield } from '../../../../event-loop.ts'
import type { AlertRecord } from '../../../points/observation.ts'
import { isAfter } from '../../../records/alert-versions.ts'
import { decodeRecord } from '../../../records/object-record.ts'
import { type CellRange, cellOf } from '../../../sky.ts'
import type { Addition, StoredObject } from '../../../store.ts'
import type { ValkeyConnection } from '../connection.ts'
import { ifWrongType } from '../failures.ts'
import { indexKey } from './object-index.ts'
import { objectPrefix, placeObjects } from './objects.ts'

const skyKey = 'hierax:sky'
const idsKey = 'hierax:ids'
/** Set when all objects were added once. */
const completeKey = 'hierax:placed'

/** The first keys of the scripts that add or remove objects: all sorted sets that list them. */
export const placingKeys: readonly string[] = [indexKey, skyKey, idsKey]

/** Ids that one request lists, and ranges of cells that are requested at once. */
const pageSize = 500

/** Ids that are held in memory at a time while not all objects are in the index: some hundred bytes each. */
const maxSorted = 200_000

/**
 * The order key and the cell of an object's newest alert. Order keys sort as texts like alerts by (`jd`, `candid`), so that of two
 * processes that merge alerts of one object the newer alert sets its cell. The key of no alert is empty.
 */
export function orderAndCell(newest: AlertRecord | null): readonly [order: string, cell: number] {
  if (newest === null) return ['', cellOf(null)]
  const bytes = Buffer.alloc(16)
  bytes.writeDoubleBE(newest.jd, 0)
  bytes.writeBigUInt64BE(BigInt.asUintN(64, newest.candid + 2n ** 63n), 8)
  return [bytes.toString('hex'), cellOf(newest)]
}

/** The newest alert of an addition; null if it has none. */
export function newestOf({ objectId, alerts, records = [] }: Addition): AlertRecord | null {
  const found = [
    ...alerts.map(({ record }) => record),
    ...records.map(record => decodeRecord(objectId, record).newest).filter(newest => newest !== null)
  ]
  return found.reduce<AlertRecord | null>((newest, one) => (newest && !isAfter(one, newest) ? newest : one), null)
}

/** What `Placing` reads of the store. */
interface Objects {
  pages(): AsyncIterable<string[]>
  read(objectIds: readonly string[]): Promise<readonly (StoredObject | null)[]>
}

/** The indexes of objects by position and by id. The scripts that merge and remove objects update them. */
export class Placing {
  readonly #connection: ValkeyConnection
  readonly #objects: Objects
  readonly #maxSorted: number
  #completing: Promise<void> | null = null

  constructor(connection: ValkeyConnection, objects: Objects, sorted = maxSorted) {
    this.#connection = connection
    this.#objects = objects
    this.#maxSorted = sorted
  }

  async idsIn(ranges: readonly CellRange[]): Promise<string[]> {
    await this.#complete()
    const ids: string[] = []
    const yieldIfBusy = createYield()
    for (let at = 0; at < ranges.length; at += pageSize) {
      const replies = await this.#ask(() =>
        Promise.all(
          ranges
            .slice(at, at + pageSize)
            .map(([first, last]) => this.#connection.call('ZRANGEBYSCORE', skyKey, first, last))
        )
      )
      for (const reply of replies as Buffer[][]) {
        for (const id of reply) ids.push(String(id))
        await yieldIfBusy()
      }
    }
    return ids
  }

  /** All ids after one, in the order of their bytes; a page at a time, once all objects are in the index. */
  async *idsAfter(after: string): AsyncIterable<string> {
    if (!(await this.#isComplete())) return yield* this.#sortedAfter(after)
    for (let from = after === '' ? '-' : `(${after}`; ; ) {
      const page = (await this.#ask(() =>
        this.#connection.call('ZRANGEBYLEX', idsKey, from, '+', 'LIMIT', 0, pageSize)
      )) as Buffer[]
      if (page.length === 0) return
      yield* page.map(String)
      from = `(${page.at(-1)}`
    }
  }

  /** The server lists them in an order that changes, so each pass over all of them takes the next ones, as many as memory should hold. */
  async *#sortedAfter(after: string): AsyncIterable<string> {
    for (let from = after; ; ) {
      const next = await this.#nextAfter(Buffer.from(from))
      yield* next
      if (next.length < this.#maxSorted) return
      from = next.at(-1) as string
    }
  }

  /** The first ids after one in the order of their bytes. A set, because the server may list one twice. */
  async #nextAfter(start: Buffer): Promise<string[]> {
    let found = new Set<string>()
    let end: Buffer | null = null
    const keep = (): string[] => {
      const sorted = [...found].map(id => Buffer.from(id)).sort(Buffer.compare)
      const first = sorted.slice(0, this.#maxSorted)
      end = sorted.length > this.#maxSorted ? (first.at(-1) as Buffer) : end
      return first.map(String)
    }
    for await (const ids of this.#objects.pages()) {
      for (const id of ids) {
        const bytes = Buffer.from(id)
        if (bytes.compare(start) > 0 && (end === null || bytes.compare(end) < 0)) found.add(id)
      }
      if (found.size >= 2 * this.#maxSorted) found = new Set(keep())
    }
    return keep()
  }

  async #complete(): Promise<void> {
    if (await this.#isComplete()) return
    this.#completing ??= this.#addAll().finally(() => {
      this.#completing = null
    })
    await this.#completing
  }

  /** An older release that shares the server adds objects to the first index alone. */
  async #isComplete(): Promise<boolean> {
    const [complete, ...counts] = await this.#ask(() =>
      Promise.all([
        this.#connection.call('EXISTS', completeKey),
        // The script that adds objects moves such a value away.
        ...placingKeys.map(key => this.#connection.call('ZCARD', key).catch(ifWrongType(-1)))
      ])
    )
    return complete === 1 && counts.every(count => count === counts[0])
  }

  async #addAll(): Promise<void> {
    for await (const ids of this.#objects.pages()) {
      const found = (await this.#objects.read(ids)).filter(object => object !== null)
      await this.#write(() =>
        this.#connection.run(
          placeObjects,
          [...placingKeys, ...found.map(({ objectId }) => objectPrefix + objectId)],
          found.flatMap(object => [object.objectId, ...orderAndCell(newestIn(object))])
        )
      )
    }
    await this.#write(() => this.#connection.call('SET', completeKey, 1))
  }

  #ask<T>(ask: () => Promise<T>): Promise<T> {
    return this.#connection.request('Positions could not be read from', 'read', ask)
  }

  #write<T>(ask: () => Promise<T>): Promise<T> {
    return this.#connection.request('Positions could not be written to', 'write', ask)
  }
}

/** The newest alert of a stored object; null if it has none, or if its record can't be read. */
function newestIn(object: StoredObject): AlertRecord | null {
  return 'record' in object ? decodeRecord(object.objectId, object.record).newest : null
}
