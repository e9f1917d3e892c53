import { createHash } from 'node:crypto'
import { HieraxError } from '../../../errors.ts'
import { decodeAdditions } from '../../addition-codec.ts'
import { mergeIntoRecord, presentRecord } from '../../object-record.ts'
import type { Addition, ObjectState, StoredObject } from '../../store.ts'

/*
 * How an object lies in Valkey: a hash with its record `r` (as in every store), the additions `p` that came since, and a
 * token `g` that changes with every record. An addition is only appended: that is atomic, in one round trip, and in any
 * order the same set; who appended merges record and additions, and puts the new record in their place (`fold`) if the
 * token is still the one that was read. Until then every reader does the same.
 *
 * `merged` is a sorted set of all object ids by the wall time of their last merge (ms).
 */

/** A script with the SHA-1 that the server knows it by. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

/** KEYS: merged, objects… ARGV: a fresh token, then for every object its id, wall time and addition. Returns [r, p, g] each, before. */
export const append = script(`
local token = ARGV[1]
local found = {}
for i = 2, #KEYS do
  local at = 3 * i - 4
  local was = redis.call('HMGET', KEYS[i], 'r', 'p', 'g')
  if not was[3] then
    was[3] = token
    redis.call('HSET', KEYS[i], 'p', ARGV[at + 2], 'g', token)
  else
    redis.call('HSET', KEYS[i], 'p', (was[2] or '') .. ARGV[at + 2])
  end
  redis.call('ZADD', KEYS[1], 'GT', ARGV[at + 1], ARGV[at])
  found[i - 1] = was
end
return found`)

/** KEYS: objects… ARGV: a fresh token, then for every object the token read, the length of additions taken in, the record. */
export const fold = script(`
local folded = 0
for i = 1, #KEYS do
  local at = 3 * i - 1
  local was = redis.call('HMGET', KEYS[i], 'g', 'p')
  if was[1] == ARGV[at] then
    redis.call('HSET', KEYS[i], 'r', ARGV[at + 2], 'g', ARGV[1])
    local rest = string.sub(was[2] or '', tonumber(ARGV[at + 1]) + 1)
    if rest == '' then redis.call('HDEL', KEYS[i], 'p') else redis.call('HSET', KEYS[i], 'p', rest) end
    folded = folded + 1
  end
end
return folded`)

/** KEYS: cached states… ARGV: seconds to keep them, then for every object the model and its state. */
export const keepStates = script(`
for i = 1, #KEYS do
  redis.call('HSET', KEYS[i], ARGV[2 * i], ARGV[2 * i + 1])
  redis.call('EXPIRE', KEYS[i], ARGV[1])
end`)

/** KEYS: merged. ARGV: wall time, most objects to drop, prefixes of the keys of objects and of cached states. Returns how many were dropped. */
export const prune = script(`
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  redis.call('UNLINK', ARGV[3] .. id, ARGV[4] .. id)
  redis.call('ZREM', KEYS[1], id)
end
return #ids`)

/** KEYS: meta. ARGV: what it was read as (empty: nothing), what it shall be. Returns what it is now. */
export const claim = script(`
local was = redis.call('GET', KEYS[1]) or ''
if was ~= ARGV[1] then return was end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]`)

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

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

/** What was found of an object and its newest addition (of `length` bytes) in one state. What can't be read is reported, and left out. */
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
