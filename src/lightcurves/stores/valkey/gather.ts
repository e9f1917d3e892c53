import { HieraxError } from '../../../errors.ts'
import { decodeAdditions } from '../../addition-codec.ts'
import { mergeIntoRecord, presentRecord } from '../../object-record.ts'
import type { Addition, ObjectState, StoredObject } from '../store.ts'

/** An object as it lies in Valkey: record, additions since, token. */
export type Found = readonly [Buffer | null, Buffer | null, Buffer | null]

/** An object with all its additions, and what `fold` needs to put it in their place. */
export interface Gathered {
  readonly state: ObjectState
  readonly record: Buffer
  readonly token: Buffer
  /** Length of the additions taken in, own one included, bytes. */
  readonly taken: number
}

/** What was found of an object and its newest addition (of `length` bytes) in one state. What can't be read is told, and left out. */
export function gather(
  [record, additions, token]: Found,
  addition: Addition,
  { now, length, onCorrupt }: { now: number; length: number; onCorrupt?: ((error: HieraxError) => void) | undefined }
): Gathered {
  const { objectId } = addition
  const earlier = additions ? decodeAdditions(objectId, additions) : { addition: null, error: null }
  if (earlier.error) onCorrupt?.(earlier.error)
  const whole = earlier.addition ? both(earlier.addition, addition, now) : addition
  const rest = { token: token as Buffer, taken: (additions?.length ?? 0) + length }
  try {
    return { ...mergeIntoRecord(record, whole, now), ...rest }
  } catch (error) {
    if (!(error instanceof HieraxError) || error.code !== 'STORE_CORRUPT') throw error
    onCorrupt?.(error)
    return { ...mergeIntoRecord(null, whole, now), ...rest }
  }
}

/** The record of an object as every other store would hold it, or why it can't be read; null where there is none. */
export function readRecord(objectId: string, [record, additions]: Found): StoredObject | null {
  if (!record && !additions) return null
  try {
    const earlier = additions ? decodeAdditions(objectId, additions) : { addition: null, error: null }
    if (earlier.error) throw earlier.error
    if (earlier.addition) return { objectId, record: mergeIntoRecord(record, earlier.addition, 0).record }
    return { objectId, record: presentRecord(objectId, record as Buffer) }
  } catch (error) {
    return { objectId, error: HieraxError.from(error, 'STORE_CORRUPT') }
  }
}

function both(earlier: Addition, later: Addition, now: number): Addition {
  return {
    objectId: later.objectId,
    observations: [...earlier.observations, ...later.observations],
    alerts: [...earlier.alerts, ...later.alerts],
    records: [...(earlier.records ?? []), ...(later.records ?? [])],
    mergedAt: Math.max(earlier.mergedAt ?? 0, later.mergedAt ?? now)
  }
}
