import { HieraxError } from '../../errors.ts'
import { presentRecord } from '../object-record.ts'
import type { StoredObject } from './store.ts'

/** A record with its checksum compared, in the present version. */
export function checkedRecord(objectId: string, record: Buffer): StoredObject {
  try {
    return { objectId, record: presentRecord(objectId, record) }
  } catch (error) {
    return { objectId, error: HieraxError.from(error, 'STORE_CORRUPT') }
  }
}
