import { randomBytes } from 'node:crypto'
import { editRecord } from '../../../records/object-record.ts'
import type { ObjectState, StoredObject } from '../../../store.ts'
import type { ValkeyConnection } from '../connection.ts'
import { ifWrongType, isWrongType } from '../failures.ts'
import { type Fields, objectPrefix, readRecord, replace, statePrefix } from './objects.ts'
import { orderAndCell, placingKeys } from './placing.ts'

/** Objects as the server holds them; null for those that it does not hold. */
export async function readObjects(
  connection: ValkeyConnection,
  objectIds: readonly string[]
): Promise<(StoredObject | null)[]> {
  return connection.request('Objects could not be read from', 'read', () =>
    Promise.all(objectIds.map(id => readOne(connection, id)))
  )
}

/** As `edit` of a store. */
export async function editObjects(
  connection: ValkeyConnection,
  objectIds: readonly string[],
  edit: Edit
): Promise<void> {
  await connection.request('Objects could not be changed in', 'write', () =>
    Promise.all(objectIds.map(id => editOne(connection, id, edit)))
  )
}

type Edit = (state: ObjectState) => ObjectState | null

async function readOne(connection: ValkeyConnection, objectId: string): Promise<StoredObject | null> {
  const key = objectPrefix + objectId
  try {
    return readRecord(objectId, await fieldsOf(connection, key))
  } catch (error) {
    if (!isWrongType(error)) throw error
    const then = 'The next alert of the object moves it away, and the object starts again'
    return { objectId, error: await connection.wrongType(key, then) }
  }
}

async function editOne(connection: ValkeyConnection, objectId: string, edit: Edit): Promise<void> {
  const key = objectPrefix + objectId
  const keys = [...placingKeys, key, statePrefix + objectId]
  for (;;) {
    const fields = await fieldsOf(connection, key).catch(ifWrongType(null))
    const stored = fields && readRecord(objectId, fields)
    if (!fields || !stored || 'error' in stored) return
    const edited = editRecord(objectId, stored.record, edit)
    if (edited === null) return
    const [, additions, token] = fields
    const { after, record } = edited
    const args = [randomBytes(8), token as Buffer, additions ?? '', objectId, record ?? '']
    if (Number(await connection.run(replace, keys, [...args, ...orderAndCell(after?.newest ?? null)])) === 1) return
    // Another process merged or replaced it meanwhile.
  }
}

async function fieldsOf(connection: ValkeyConnection, key: string): Promise<Fields> {
  return (await connection.call('HMGET', key, 'r', 'p', 'g')) as unknown as Fields
}
