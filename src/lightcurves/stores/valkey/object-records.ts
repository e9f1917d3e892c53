import { randomBytes } from 'node:crypto'
import { editRecord } from '../../object-record.ts'
import type { ObjectState, StoredObject } from '../../store.ts'
import type { ValkeyConnection } from './connection.ts'
import { isWrongType } from './failures.ts'
import { type Fields, objectPrefix, readRecord, replace, statePrefix } from './objects.ts'
import { orderAndCell, placingKeys } from './placing.ts'

/** Objects by their keys: read, and changed by others than alerts. */
export class ObjectRecords {
  readonly #connection: ValkeyConnection

  constructor(connection: ValkeyConnection) {
    this.#connection = connection
  }

  /** Objects as the server holds them; null for those that it does not hold. */
  async read(objectIds: readonly string[]): Promise<(StoredObject | null)[]> {
    return this.#connection.request('Objects could not be read from', 'read', () =>
      Promise.all(objectIds.map(id => this.#readOne(id)))
    )
  }

  /** As `edit` of a store. */
  async edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void> {
    await this.#connection.request('Objects could not be changed in', 'write', () =>
      Promise.all(objectIds.map(id => this.#editOne(id, edit)))
    )
  }

  async #readOne(objectId: string): Promise<StoredObject | null> {
    const key = objectPrefix + objectId
    try {
      return readRecord(objectId, await this.#fieldsOf(key))
    } catch (error) {
      if (!isWrongType(error)) throw error
      const then = 'The next alert of the object moves it away, and the object starts again'
      return { objectId, error: await this.#connection.wrongType(key, then) }
    }
  }

  async #editOne(objectId: string, edit: (state: ObjectState) => ObjectState | null): Promise<void> {
    const key = objectPrefix + objectId
    const keys = [...placingKeys, key, statePrefix + objectId]
    for (;;) {
      const fields = await this.#fieldsOf(key).catch(error => {
        if (isWrongType(error)) return null
        throw error
      })
      const stored = fields && readRecord(objectId, fields)
      if (!fields || !stored || 'error' in stored) return
      const edited = editRecord(objectId, stored.record, edit)
      if (edited === null) return
      const [, additions, token] = fields
      const { after, record } = edited
      const args = [randomBytes(8), token as Buffer, additions ?? '', objectId, record ?? '']
      if (Number(await this.#connection.run(replace, keys, [...args, ...orderAndCell(after?.newest ?? null)])) === 1)
        return
      // Another process merged or replaced it meanwhile.
    }
  }

  async #fieldsOf(key: string): Promise<Fields> {
    return (await this.#connection.call('HMGET', key, 'r', 'p', 'g')) as unknown as Fields
  }
}
