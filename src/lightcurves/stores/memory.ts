import { HieraxError } from '../../errors.ts'
import { noJournal } from '../journal.ts'
import { checkedRecord, decodeRecord, editRecord, mergedAt, mergeIntoRecord } from '../records/object-record.ts'
import { type CellRange, cellOf } from '../sky.ts'
import type { Addition, CachedState, ObjectState, OpenStore, StoredObject, StoreStatistics } from '../store.ts'

/** A store that lives as long as the process: for one-off runs and tests. */
export class MemoryStore implements OpenStore {
  readonly journal = noJournal
  programs: readonly number[]
  private readonly objects = new Map<string, Buffer>()
  private readonly cells = new Map<string, number>()
  private readonly cache = new Map<string, Uint8Array>()
  private bytes = 0

  constructor(programs: readonly number[] = []) {
    this.programs = programs
  }

  async merge(additions: readonly Addition[]): Promise<ObjectState[]> {
    return additions.map(addition => {
      const stored = this.objects.get(addition.objectId)
      const { state, record } = mergeIntoRecord(stored ?? null, addition, Date.now())
      this.bytes += record.length - (stored?.length ?? 0)
      this.objects.set(addition.objectId, record)
      this.cells.set(addition.objectId, cellOf(state.newest))
      return state
    })
  }

  async get(objectId: string): Promise<ObjectState | null> {
    const record = this.objects.get(objectId)
    return record ? decodeRecord(objectId, record) : null
  }

  async readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]> {
    return keys.map(key => this.cache.get(cacheKey(key)) ?? null)
  }

  async writeCache(states: readonly CachedState[]): Promise<void> {
    for (const state of states) this.cache.set(cacheKey(state), state.state)
  }

  async prune(before: number): Promise<number> {
    const old = [...this.objects].filter(([, record]) => mergedAt(record) < before)
    return (await this.remove(old.map(([objectId]) => objectId))).length
  }

  async remove(objectIds: readonly string[]): Promise<string[]> {
    const held = objectIds.filter(objectId => {
      this.bytes -= this.objects.get(objectId)?.length ?? 0
      this.cells.delete(objectId)
      return this.objects.delete(objectId)
    })
    for (const key of this.cache.keys()) {
      if (!this.objects.has(key.slice(key.indexOf('/') + 1))) this.cache.delete(key)
    }
    return held
  }

  async edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void> {
    for (const objectId of objectIds) {
      const before = this.objects.get(objectId)
      const edited = before ? editRecord(objectId, before, edit) : null
      if (edited === null) continue
      for (const key of this.cache.keys()) if (key.endsWith(`/${objectId}`)) this.cache.delete(key)
      this.bytes += (edited.record?.length ?? 0) - (before?.length ?? 0)
      this.objects.delete(objectId)
      this.cells.delete(objectId)
      if (edited.record === null) continue
      this.objects.set(objectId, edited.record)
      this.cells.set(objectId, cellOf(edited.after?.newest ?? null))
    }
  }

  async setPrograms(programs: readonly number[]): Promise<void> {
    this.programs = programs
  }

  async *objectIds(after = ''): AsyncIterable<string> {
    yield* [...this.objects.keys()].filter(id => id > after).sort()
  }

  async idsIn(cells: readonly CellRange[]): Promise<string[]> {
    return [...this.cells]
      .filter(([, cell]) => cells.some(([first, last]) => first <= cell && cell <= last))
      .map(([objectId]) => objectId)
  }

  async *records(): AsyncIterable<StoredObject> {
    for (const [objectId, record] of this.objects) yield checkedRecord(objectId, record)
  }

  trouble(): string | null {
    return null
  }

  lost(): boolean {
    return false
  }

  async statistics(): Promise<StoreStatistics> {
    return { objects: this.objects.size, bytes: this.bytes, freeBytes: null }
  }

  async close(): Promise<void> {
    this.objects.clear()
    this.cache.clear()
  }
}

function cacheKey({ objectId, modelSha256 }: { objectId: string; modelSha256: string }): string {
  if (modelSha256.length === 0) throw new HieraxError('INTERNAL', 'A cached state needs the SHA-256 of its model')
  return `${modelSha256}/${objectId}`
}
