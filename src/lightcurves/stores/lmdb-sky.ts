import type { Database } from 'lmdb'
import { createYield } from '../../event-loop.ts'
import { decodeRecord } from '../records/object-record.ts'
import { type CellRange, cellOf, type Position } from '../sky.ts'
import { keysOf } from './lmdb-keys.ts'

/** What the index needs of its environment. */
export interface SkyIndexOptions {
  readonly objects: Database<Buffer, Buffer>
  /** Keys: cell u32 (big endian) · object id. Values are empty. */
  readonly cells: Database<Buffer, Buffer>
  /** Runs work inside a write transaction. */
  readonly transaction: <T>(work: () => T) => Promise<T>
  /** Whether all objects were added once; stored with the environment. */
  readonly isComplete: () => boolean
  /** Stores that they were; called inside a write transaction. */
  readonly setComplete: () => void
}

const noValue = Buffer.alloc(0)

/** Objects that one transaction adds. */
const run = 100

/** The index of positions: one entry for each object, written in the same transaction as its record. */
export class SkyIndex {
  readonly #options: SkyIndexOptions
  #completing: Promise<void> | null = null

  constructor(options: SkyIndexOptions) {
    this.#options = options
  }

  /** Moves an object's entry from where it was to where it is; undefined if it was, or is, not stored. Only inside a write transaction. */
  move(key: Buffer, from: Position | null | undefined, to: Position | null | undefined): void {
    const { cells } = this.#options
    const before = from === undefined ? null : cellOf(from)
    const now = to === undefined ? null : cellOf(to)
    if (before === now) return
    if (before !== null) cells.remove(entryOf(before, key))
    if (now !== null) cells.put(entryOf(now, key), noValue)
  }

  /** Removes the entry of a record that is removed. Only inside a write transaction. */
  remove(key: Buffer, record: Buffer): void {
    this.move(key, positionOf(key, record), undefined)
  }

  async idsIn(ranges: readonly CellRange[]): Promise<string[]> {
    await this.#complete()
    const ids: string[] = []
    const yieldIfBusy = createYield()
    for (const [first, last] of ranges) {
      const bounds = { start: entryOf(first, noValue), end: entryOf(last + 1, noValue) }
      for (const key of this.#options.cells.getKeys(bounds)) ids.push(key.toString('utf8', 4))
      await yieldIfBusy()
    }
    return ids
  }

  /** Adds objects that are not in the index, while merges go on. If it ends halfway, the next call starts again. */
  #complete(): Promise<void> {
    const { objects, cells, isComplete } = this.#options
    const count = (database: Database<Buffer, Buffer>) => (database.getStats() as { entryCount: number }).entryCount
    // An older release that shares the store adds objects without their entries.
    if (isComplete() && count(cells) >= count(objects)) return Promise.resolve()
    this.#completing ??= this.#addAll().finally(() => {
      this.#completing = null
    })
    return this.#completing
  }

  async #addAll(): Promise<void> {
    const { objects, transaction, setComplete } = this.#options
    for (const some of keysOf(objects)) {
      for (let at = 0; at < some.length; at += run)
        await transaction(() => {
          for (const key of some.slice(at, at + run)) {
            const record = objects.getBinary(key) as Buffer | undefined
            if (record) this.move(key, undefined, positionOf(key, record))
          }
        })
    }
    await transaction(setComplete)
  }
}

/** The position of a stored object; null if it has none, or if its record can't be read. */
function positionOf(key: Buffer, record: Buffer): Position | null {
  try {
    return decodeRecord(key.toString(), record).newest
  } catch {
    return null
  }
}

function entryOf(cell: number, key: Buffer): Buffer {
  const entry = Buffer.allocUnsafe(4 + key.length)
  entry.writeUInt32BE(cell, 0)
  key.copy(entry, 4)
  return entry
}
