import { HieraxError } from '../../errors.ts'
import { decodeRecord, mergedAt, mergeIntoRecord } from '../object-record.ts'
import type { Addition, CachedState, ObjectState, Store, StoreStatistics } from './store.ts'

/** A store that lives as long as the process: for one-off runs and tests. */
export class MemoryStore implements Store {
  private readonly records = new Map<string, Buffer>()
  private readonly cache = new Map<string, Uint8Array>()
  private bytes = 0

  async merge(additions: readonly Addition[]): Promise<ObjectState[]> {
    return additions.map(addition => {
      const stored = this.records.get(addition.objectId)
      const { state, record } = mergeIntoRecord(stored ?? null, addition, Date.now())
      this.bytes += record.length - (stored?.length ?? 0)
      this.records.set(addition.objectId, record)
      return state
    })
  }

  async get(objectId: string): Promise<ObjectState | null> {
    const record = this.records.get(objectId)
    return record ? decodeRecord(objectId, record) : null
  }

  async readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]> {
    return keys.map(key => this.cache.get(cacheKey(key)) ?? null)
  }

  async writeCache(states: readonly CachedState[]): Promise<void> {
    for (const state of states) this.cache.set(cacheKey(state), state.state)
  }

  async prune(before: number): Promise<number> {
    let pruned = 0
    for (const [objectId, record] of this.records) {
      if (mergedAt(record) >= before) continue
      this.records.delete(objectId)
      this.bytes -= record.length
      pruned++
    }
    for (const key of this.cache.keys()) {
      if (!this.records.has(key.slice(key.indexOf('/') + 1))) this.cache.delete(key)
    }
    return pruned
  }

  async *objectIds(): AsyncIterable<string> {
    yield* this.records.keys()
  }

  async statistics(): Promise<StoreStatistics> {
    return { objects: this.records.size, bytes: this.bytes, freeBytes: null }
  }

  async close(): Promise<void> {
    this.records.clear()
    this.cache.clear()
  }
}

function cacheKey({ objectId, modelSha256 }: { objectId: string; modelSha256: string }): string {
  if (modelSha256.length === 0) throw new HieraxError('INTERNAL', 'A cached state needs the SHA-256 of its model')
  return `${modelSha256}/${objectId}`
}
