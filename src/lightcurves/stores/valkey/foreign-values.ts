import { HieraxError } from '../../../errors.ts'
import type { ValkeyConnection } from './connection.ts'

/** STORE_CORRUPT for a key of the wrong type. `then`: a sentence on what happens to it. Only within `request`. */
export async function wrongType(connection: ValkeyConnection, key: string, then: string): Promise<HieraxError> {
  return foreignValue(connection, key, String(await connection.call('TYPE', key)), then)
}

/** STORE_CORRUPT for a value of the wrong type (`found`) that a script moved away. */
export function movedValue(connection: ValkeyConnection, key: string, found: string, then: string): HieraxError {
  const moved = `hierax:moved:${key.slice('hierax:'.length)}`
  return foreignValue(connection, key, found, `It was moved to ${JSON.stringify(moved)}, and ${then}`)
}

function foreignValue({ address }: ValkeyConnection, key: string, found: string, then: string): HieraxError {
  const what = `The key ${JSON.stringify(key)} of ${address.shown} holds a ${found}, which another application wrote`
  return new HieraxError('STORE_CORRUPT', `${what}. ${then}`)
}
