import type { HieraxError } from '../../../../errors.ts'
import type { ValkeyConnection } from '../connection.ts'
import { isWrongType } from '../failures.ts'
import { objectPrefix, replaceIndex } from './objects.ts'

/** Key of the index. */
export const indexKey = 'hierax:merged'

/** Objects that one request lists. */
const pageSize = 500

/** The sorted set of all object ids by the wall time of their last merge. */
export class ObjectIndex {
  readonly #connection: ValkeyConnection
  #rebuilding: Promise<HieraxError | null> | null = null

  constructor(connection: ValkeyConnection) {
    this.#connection = connection
  }

  /** Number of objects. Rejects with STORE_CORRUPT if the key holds something else; only within `request`. */
  async count(): Promise<number> {
    return Number(await this.#ask('ZCARD', indexKey))
  }

  /** All object ids, in no particular order. Rejects with STORE_FAILED, and with STORE_CORRUPT as `count` does. */
  async *pages(): AsyncIterable<string[]> {
    let cursor = '0'
    do {
      const [next, entries] = (await this.#connection.request('Objects could not be listed of', 'read', () =>
        this.#ask('ZSCAN', indexKey, cursor, 'COUNT', pageSize)
      )) as [Buffer, Buffer[]]
      cursor = String(next)
      yield entries.filter((_, index) => index % 2 === 0).map(String)
    } while (cursor !== '0')
  }

  /**
   * Rebuilds the index if its key holds another type of value, which is moved away. The objects then count as merged now, so they are
   * kept longer. Resolves with the error to report (STORE_CORRUPT); null if another process was faster. Only within `request`.
   */
  rebuild(): Promise<HieraxError | null> {
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = null
    })
    return this.#rebuilding
  }

  async #rebuild(): Promise<HieraxError | null> {
    // Replaced only when it is complete: meanwhile merges fail, so no object is missing if this process ends.
    const fresh = `${indexKey}:new`
    const now = Date.now()
    let cursor = '0'
    do {
      const [next, keys] = (await this.#connection.call(
        ...['SCAN', cursor, 'MATCH', `${objectPrefix}*`, 'COUNT', pageSize]
      )) as [Buffer, Buffer[]]
      cursor = String(next)
      const members = keys.flatMap(key => [now, key.subarray(objectPrefix.length)])
      if (members.length > 0) await this.#connection.call('ZADD', fresh, 'NX', ...members)
    } while (cursor !== '0')
    const found = String(await this.#connection.run(replaceIndex, [indexKey, fresh], []))
    if (found === '') return null
    return this.#connection.movedValue(indexKey, found, 'the index of objects was rebuilt')
  }

  async #ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#connection.call(command, ...args)
    } catch (error) {
      if (!isWrongType(error)) throw error
      const then = 'A running `hierax serve` moves it away at the next alert, and rebuilds the index of objects'
      throw await this.#connection.wrongType(indexKey, then)
    }
  }
}
