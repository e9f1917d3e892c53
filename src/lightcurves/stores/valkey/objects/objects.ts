import { createHash } from 'node:crypto'
import { HieraxError } from '../../../../errors.ts'
import { mergeIntoRecord, presentRecord } from '../../../records/object-record.ts'
import type { Addition, ObjectState, StoredObject } from '../../../store.ts'
import { decodeAdditions } from '../additions.ts'

/*
 * An object is a hash with four fields: its record `r`, in the form of every store; the pending additions `p`, which were made
 * after the record; a token `g`, which changes with every record; and the order key `n` of its newest alert (`placing.ts`).
 *
 * A merge appends an addition. This is atomic, takes one round trip, and gives the same set in any order. The client then
 * merges the record and the additions, and replaces them by the new record (`compact`), provided that the token is still the one it
 * read. Until then every reader merges them again.
 *
 * `merged` is a sorted set of all object ids by the wall time of their last merge (ms), `sky` one by the cell of their newest alert
 * (`sky.ts`), and `ids` one with equal scores, which lists them in the order of their bytes.
 *
 * Another application may have written something else under a key of the store. The scripts rename such a value
 * (to `hierax:moved:…`) instead of failing, because a script that fails would hold up all objects of its batch.
 */
export const objectPrefix = 'hierax:o:'

/** Before the id of an object in the key of its cached states. */
export const statePrefix = 'hierax:c:'

/** A script, and the SHA-1 by which the server knows it. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

const moveIfWrongType = `
local function isWrongType(reply)
  return type(reply) == 'table' and reply.err and string.find(reply.err, 'WRONGTYPE', 1, true)
end
local function move(key)
  local kind = redis.call('TYPE', key).ok
  redis.call('RENAME', key, 'hierax:moved:' .. string.sub(key, 8))
  return kind
end`

/** Sets the cell of an object if no newer alert has set it: `place(key of the object, id, order key or nothing, cell)`. */
const place = `${moveIfWrongType}
for i = 2, 3 do if isWrongType(redis.pcall('ZCARD', KEYS[i])) then move(KEYS[i]) end end
local function place(key, id, order, cell)
  redis.call('ZADD', KEYS[3], 0, id)
  local was = redis.call('HGET', key, 'n')
  if order == '' then
    if not was then redis.call('ZADD', KEYS[2], 'NX', cell, id) end
  elseif not was or was <= order then
    redis.call('HSET', key, 'n', order)
    redis.call('ZADD', KEYS[2], cell, id)
  end
end`

/**
 * Appends additions. KEYS: merged, sky, ids, objects… ARGV: a new token, then the id, wall time, addition, order key and cell of each object. Returns
 * each object's [r, p, g] from before, and the type of the value that was moved away from its key, if there was one.
 */
export const append = script(`
redis.call('ZCARD', KEYS[1]) -- fails before anything is written if it is no sorted set
${place}
local token = ARGV[1]
local found = {}
for i = 4, #KEYS do
  local at = 5 * i - 18
  local was = redis.pcall('HMGET', KEYS[i], 'r', 'p', 'g')
  if isWrongType(was) then was = { false, false, false, move(KEYS[i]) } elseif was.err then return was end
  if not was[3] then
    was[3] = token
    redis.call('HSET', KEYS[i], 'p', ARGV[at + 2], 'g', token)
  else
    redis.call('HSET', KEYS[i], 'p', (was[2] or '') .. ARGV[at + 2])
  end
  redis.call('ZADD', KEYS[1], 'GT', ARGV[at + 1], ARGV[at])
  place(KEYS[i], ARGV[at], ARGV[at + 3], ARGV[at + 4])
  found[i - 3] = was
end
return found`)

/** Sets the cells of objects that are stored. KEYS: merged, sky, ids, objects… ARGV: the id, order key and cell of each object. */
export const placeObjects = script(`${place}
for i = 4, #KEYS do
  local at = 3 * i - 11
  if redis.call('EXISTS', KEYS[i]) == 1 then place(KEYS[i], ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
end`)

/**
 * Replaces records and the additions that they contain. KEYS: objects… ARGV: a new token, then for each object the token that was read,
 * the length of the additions that the new record contains, and the record. Returns how many objects were replaced.
 */
export const compact = script(`
local replaced = 0
for i = 1, #KEYS do
  local at = 3 * i - 1
  local was = redis.pcall('HMGET', KEYS[i], 'g', 'p')
  if was[1] == ARGV[at] then
    redis.call('HSET', KEYS[i], 'r', ARGV[at + 2], 'g', ARGV[1])
    local rest = string.sub(was[2] or '', tonumber(ARGV[at + 1]) + 1)
    if rest == '' then redis.call('HDEL', KEYS[i], 'p') else redis.call('HSET', KEYS[i], 'p', rest) end
    replaced = replaced + 1
  end
end
return replaced`)

/**
 * Keeps cached states. KEYS: the objects' hashes of states… ARGV: seconds to keep them, then the model and state of each object. Returns
 * the keys from which another value was moved away, each followed by the type of that value.
 */
export const keepStates = script(`${moveIfWrongType}
local moved = {}
for i = 1, #KEYS do
  if isWrongType(redis.pcall('HLEN', KEYS[i])) then
    table.insert(moved, KEYS[i])
    table.insert(moved, move(KEYS[i]))
  end
  redis.call('HSET', KEYS[i], ARGV[2 * i], ARGV[2 * i + 1])
  redis.call('EXPIRE', KEYS[i], ARGV[1])
end
return moved`)

/**
 * Drops objects that were last merged before a time. KEYS: merged, sky, ids. ARGV: the time, the greatest number of objects to drop, the prefixes of
 * the keys of objects and of cached states. Returns how many were dropped.
 */
export const prune = script(`
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  redis.call('UNLINK', ARGV[3] .. id, ARGV[4] .. id)
  redis.call('ZREM', KEYS[1], id)
  for i = 2, 3 do redis.pcall('ZREM', KEYS[i], id) end
end
return #ids`)

/**
 * Removes objects. KEYS: merged, sky, ids. ARGV: the prefixes of the keys of objects and of cached states, then ids. Returns the ids of objects that
 * were held.
 */
export const remove = script(`
local held = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  if redis.call('UNLINK', ARGV[1] .. id) + redis.call('ZREM', KEYS[1], id) > 0 then table.insert(held, id) end
  redis.call('UNLINK', ARGV[2] .. id)
  for i = 2, 3 do redis.pcall('ZREM', KEYS[i], id) end
end
return held`)

/**
 * Replaces an object, or removes it, and drops its cached states. KEYS: merged, sky, ids, object, cached states. ARGV: a new token, the token
 * and the additions that were read, its id, the new record (empty: none), its order key and cell. Returns 1, or 0 if the object has changed
 * since.
 */
export const replace = script(`
local was = redis.call('HMGET', KEYS[4], 'g', 'p')
if was[1] ~= ARGV[2] or (was[2] or '') ~= ARGV[3] then return 0 end
${place}
redis.call('UNLINK', KEYS[4], KEYS[5])
for i = 2, 3 do redis.pcall('ZREM', KEYS[i], ARGV[4]) end
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[1], ARGV[4])
else
  redis.call('HSET', KEYS[4], 'r', ARGV[5], 'g', ARGV[1])
  place(KEYS[4], ARGV[4], ARGV[6], ARGV[7])
end
return 1`)

/** Sets the metadata unless they have changed. KEYS: meta. ARGV: the value that was read (empty: none), the new one. Returns the value after it. */
export const claim = script(`
local was = redis.call('GET', KEYS[1]) or ''
if was ~= ARGV[1] then return was end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]`)

/**
 * Puts a rebuilt index in the place of a value of another type. KEYS: merged, the new index. Returns the type of the value
 * that was moved away; an empty text if another process was faster.
 */
export const replaceIndex = script(`${moveIfWrongType}
if not isWrongType(redis.pcall('ZCARD', KEYS[1])) then
  redis.call('UNLINK', KEYS[2])
  return ''
end
local kind = move(KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
return kind`)

/** Objects of one script, which blocks all other clients of the server. */
const run = 64

/** Sends all runs of the items at once, and resolves with their replies. */
export function inRuns<T>(items: readonly T[], send: (some: readonly T[]) => Promise<unknown>): Promise<unknown[]> {
  const sent: Promise<unknown>[] = []
  for (let at = 0; at < items.length; at += run) sent.push(send(items.slice(at, at + run)))
  return Promise.all(sent)
}

/** A script with the name that servers give it. */
export function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/** The fields of an object: record, pending additions, token; the type of a value that was moved away from its key. */
export type Fields = readonly [record: Buffer | null, additions: Buffer | null, token: Buffer | null, moved?: Buffer]

/** An object with all additions merged, and what `compact` needs to replace its fields. */
export interface MergedFields {
  readonly state: ObjectState
  readonly record: Buffer
  readonly token: Buffer
  /** Length of the additions that the record contains, the client's own included, bytes. */
  readonly merged: number
}

/**
 * Merges an object's fields and the addition that was appended to them (`length` bytes). What can't be read is reported and left
 * out.
 */
export function mergeFields(
  [record, additions, token]: Fields,
  addition: Addition,
  { now, length, onCorrupt }: { now: number; length: number; onCorrupt?: ((error: HieraxError) => void) | undefined }
): MergedFields {
  const { objectId } = addition
  const pending = decodeAdditions(objectId, additions)
  if (pending.error) onCorrupt?.(pending.error)
  const all = pending.addition ? join(pending.addition, addition, now) : addition
  const rest = { token: token as Buffer, merged: (additions?.length ?? 0) + length }
  try {
    return { ...mergeIntoRecord(record, all, now), ...rest }
  } catch (error) {
    if (!(error instanceof HieraxError) || error.code !== 'STORE_CORRUPT') throw error
    onCorrupt?.(error)
    return { ...mergeIntoRecord(null, all, now), ...rest }
  }
}

/** The record of an object as any other store would hold it, or why it can't be read; null if there is none. */
export function readRecord(objectId: string, [record, additions]: Fields): StoredObject | null {
  if (!record && !additions) return null
  try {
    const { addition, error } = decodeAdditions(objectId, additions)
    if (error) throw error
    if (addition) return { objectId, record: mergeIntoRecord(record, addition, 0).record }
    return { objectId, record: presentRecord(objectId, record as Buffer) }
  } catch (error) {
    return { objectId, error: HieraxError.from(error, 'STORE_CORRUPT') }
  }
}

function join(earlier: Addition, later: Addition, now: number): Addition {
  return {
    objectId: later.objectId,
    observations: [...earlier.observations, ...later.observations],
    alerts: [...earlier.alerts, ...later.alerts],
    routes: [...(earlier.routes ?? []), ...(later.routes ?? [])],
    records: [...(earlier.records ?? []), ...(later.records ?? [])],
    mergedAt: Math.max(earlier.mergedAt ?? 0, later.mergedAt ?? now)
  }
}
