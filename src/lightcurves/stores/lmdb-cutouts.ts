import { type Database, open, type RootDatabase } from 'lmdb'
import { type AlertCutouts, type CutoutStore, decodeCutouts, encodeCutouts, programOfCutouts } from '../cutouts.ts'
import { checkFiles, makeFolder } from './lmdb-files.ts'
import { keysOf } from './lmdb-keys.ts'
import { LmdbWrites, orFailed } from './lmdb-writes.ts'

const orderBytes = 8

/**
 * Images in an LMDB environment of their own, so that neither their size nor damage to them affects the light curves. Several processes
 * may share it.
 */
export class LmdbCutouts implements CutoutStore {
  readonly #folder: string
  readonly #max: number
  readonly #root: RootDatabase<unknown, string>
  readonly #writes: LmdbWrites
  /** By object: the number in `order`, then the images. */
  readonly #images: Database<Buffer, Buffer>
  /** Objects by a number that grows with each write. */
  readonly #order: Database<string, number>

  /** Opens or makes the folder. Throws STORE_REFUSED for a damaged one. */
  constructor(folder: string, max: number) {
    makeFolder(folder)
    checkFiles(folder)
    this.#folder = folder
    this.#max = max
    this.#root = open({ path: folder, maxDbs: 4, noSubdir: false, eventTurnBatching: false })
    this.#writes = new LmdbWrites(this.#root)
    this.#images = this.#root.openDB({ name: 'images', encoding: 'binary', keyEncoding: 'binary' })
    this.#order = this.#root.openDB({ name: 'order' })
  }

  async put(alerts: readonly AlertCutouts[]): Promise<void> {
    if (alerts.length === 0) return
    const encoded = alerts.map(alert => ({ objectId: alert.objectId, bytes: encodeCutouts(alert) }))
    await orFailed(`Images of ${alerts.length} alerts could not be written to ${this.#folder}`, () =>
      this.#writes.transaction(() => this.#write(encoded))
    )
  }

  async get(objectId: string): Promise<AlertCutouts | null> {
    return orFailed(`Images could not be read from ${this.#folder}`, () => {
      const bytes = this.#images.get(Buffer.from(objectId))
      return decodeCutouts(objectId, bytes?.subarray(orderBytes) ?? null)
    })
  }

  async *list(): AsyncIterable<{ objectId: string; programId: number | null }> {
    for (const keys of keysOf(this.#images)) {
      for (const key of keys) {
        const bytes = this.#images.getBinary(key) as Buffer | undefined
        if (bytes) yield { objectId: key.toString(), programId: programOfCutouts(bytes.subarray(orderBytes)) }
      }
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  async remove(objectIds: readonly string[]): Promise<number> {
    return orFailed(`Images of ${objectIds.length} objects could not be removed from ${this.#folder}`, () =>
      this.#writes.transaction(() => {
        let removed = 0
        for (const objectId of objectIds) {
          const key = Buffer.from(objectId)
          const before = this.#images.get(key)
          if (!before) continue
          this.#order.remove(before.readDoubleBE())
          this.#images.remove(key)
          removed++
        }
        this.#root.put('count', Number(this.#root.get('count') ?? 0) - removed)
        return removed
      })
    )
  }

  async close(): Promise<void> {
    await this.#writes.close()
  }

  /** Within a transaction. */
  #write(encoded: readonly { readonly objectId: string; readonly bytes: Buffer }[]): void {
    const [last = 0] = this.#order.getKeys({ reverse: true, limit: 1 })
    let count = Number(this.#root.get('count') ?? 0)
    for (const [index, { objectId, bytes }] of encoded.entries()) {
      const key = Buffer.from(objectId)
      const before = this.#images.get(key)
      if (before) this.#order.remove(before.readDoubleBE())
      else count++
      const order = Buffer.alloc(orderBytes)
      order.writeDoubleBE(last + 1 + index)
      this.#images.put(key, Buffer.concat([order, bytes]))
      this.#order.put(last + 1 + index, objectId)
    }
    const beyond = count - this.#max
    const oldest = beyond > 0 ? Array.from(this.#order.getRange({ limit: beyond })) : []
    for (const { key, value } of oldest) {
      this.#order.remove(key)
      this.#images.remove(Buffer.from(value))
    }
    this.#root.put('count', count - oldest.length)
  }
}
