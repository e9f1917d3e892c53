import { HieraxError } from '../../errors.ts'
import { decodeRecord } from '../object-record.ts'
import type { StoredObject } from './store.ts'

/** A record with its checksum compared. */
export function checkedRecord(objectId: string, record: Buffer): StoredObject {
  try {
    decodeRecord(objectId, record)
    return { objectId, record }
  } catch (error) {
    return { objectId, error: HieraxError.from(error, 'STORE_CORRUPT') }
  }
}
