import fs from 'node:fs'
import path from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { HieraxError } from '../../errors.ts'
import {
  checkedRecord,
  decodeRecord,
  editRecord,
  type MergedObject,
  mergedAt,
  mergeIntoRecord
} from '../records/object-record.ts'
import type { CellRange } from '../sky.ts'
import type {
  Addition,
  CachedState,
  Merge,
  ObjectState,
  OpenStore,
  StoredObject,
  StoreOptions,
  StoreStatistics
} from '../store.ts'
import { checkMeta, type StoreMeta } from '../store-meta.ts'
import { Disk } from './disk.ts'
import { JournalFiles } from './journal-files.ts'
import { canBeWritten, checkFiles, makeFolder } from './lmdb-files.ts'
import { cachedModels, cacheKey, cachePrefix, keysOf } from './lmdb-keys.ts'
import { SkyIndex } from './lmdb-sky.ts'
import { LmdbWrites, orFailed } from './lmdb-writes.ts'

/** What an embedded store is opened with. */
export interface LmdbOptions extends StoreOptions {
  /** Folder of the environment; made when absent. Several processes of one machine may share it. */
  readonly folder: string
  /** How long a write may have no answer before it counts as failed, ms. */
  readonly patience?: number
}

/** LMDB's own limit on keys is 1,978 bytes, of which the index of positions needs four. */
const longestKey = 1974

/**
 * The embedded store: LMDB with one record an object. Every merge is a read-modify-write inside a write transaction, so
 * that several processes may share the environment, and resolves only when it has reached the disk.
 */
export class LmdbStore implements OpenStore {
  programs: readonly number[]
  readonly journal: JournalFiles
  private readonly folder: string
  private readonly root: RootDatabase<unknown, string>
  private readonly writes: LmdbWrites
  private readonly objects: Database<Buffer, Buffer>
  private readonly cache: Database<Buffer, Buffer>
  private readonly sky: SkyIndex
  private readonly onCorrupt: (error: HieraxError) => void

  private constructor(options: LmdbOptions) {
    this.folder = options.folder
    this.programs = options.programs
    // A write of nothing waits for the lock like any other.
    this.journal = new JournalFiles(path.join(options.folder, 'journal'), () =>
      orFailed(`${options.folder} takes no writes`, () => this.writes.transaction(() => {}))
    )
    this.onCorrupt = options.onCorrupt ?? (() => {})
    this.root = open({
      path: options.folder,
      maxDbs: 8,
      noSubdir: false,
      readOnly: options.readOnly ?? false,
      // Nobody could handle the promise of such a batch: a failed commit would end the process.
      eventTurnBatching: false
    })
    this.writes = new LmdbWrites(this.root, {
      patience: options.patience,
      disk: new Disk(options.folder),
      probe: () => canBeWritten(options.folder),
      onLost: options.onLost
    })
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const
    this.objects = this.root.openDB<Buffer, Buffer>({ name: 'objects', ...binary })
    this.cache = this.root.openDB<Buffer, Buffer>({ name: 'cache', ...binary })
    this.sky = new SkyIndex({
      objects: this.objects,
      cells: this.root.openDB<Buffer, Buffer>({ name: 'sky', ...binary }),
      transaction: work => this.writes.transaction(work),
      isComplete: () => this.root.get('sky complete') === true,
      setComplete: () => void this.root.put('sky complete', true)
    })
  }

  /** Opens or makes a store. Rejects with STORE_REFUSED where it was written by another version or for more programmes. */
  static async open(options: LmdbOptions): Promise<LmdbStore> {
    // Reading an empty file would crash the process.
    if (options.readOnly && !fs.statSync(path.join(options.folder, 'data.mdb'), { throwIfNoEntry: false })?.size) {
      throw new HieraxError('INPUT_NOT_FOUND', `There is no store in ${options.folder}`)
    }
    const store = await orFailed(`The store in ${options.folder} can't be opened`, () => {
      if (!options.readOnly) makeFolder(options.folder)
      checkFiles(options.folder)
      return new LmdbStore(options)
    })
    try {
      await store.checkMeta(options)
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  }

  async merge(additions: readonly Addition[]): Promise<ObjectState[]> {
    const { states, durable } = await this.beginMerge(additions)
    await durable
    return states
  }

  async beginMerge(additions: readonly Addition[]): Promise<Merge> {
    const now = Date.now()
    const what = `${additions.length} objects could not be written to ${this.folder}`
    const { results, committed } = await orFailed(what, () =>
      this.writes.inTurns(additions, addition => this.mergeOne(addition, now))
    )
    const durable = orFailed(what, async () => {
      await committed
      // A committed transaction is visible to others, but only a flushed one survives a power loss.
      await this.writes.flush()
    })
    durable.catch(() => {})
    return { states: results, durable }
  }

  async get(objectId: string): Promise<ObjectState | null> {
    if (Buffer.byteLength(objectId) > longestKey) return null
    const record = this.objects.getBinary(Buffer.from(objectId)) as Buffer | undefined
    return record ? decodeRecord(objectId, record) : null
  }

  async readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]> {
    return keys.map(key => {
      try {
        return (this.cache.getBinary(cacheKey(key)) as Buffer | undefined) ?? null
      } catch {
        // A damaged page. The classification is the same without the cached state.
        return null
      }
    })
  }

  async writeCache(states: readonly CachedState[]): Promise<void> {
    await orFailed(`${states.length} cached states could not be written to ${this.folder}`, () =>
      this.writes.transaction(() => {
        for (const each of states) this.cache.put(cacheKey(each), each.state as Buffer)
      })
    )
  }

  async prune(before: number): Promise<number> {
    return orFailed(`Old objects could not be dropped from ${this.folder}`, async () => {
      let pruned = 0
      for (const keys of keysOf(this.objects))
        pruned += await this.writes.transaction(() => keys.filter(key => this.pruneOne(key, before)).length)
      await this.dropCache()
      return pruned
    })
  }

  async remove(objectIds: readonly string[]): Promise<string[]> {
    return orFailed(`${objectIds.length} objects could not be removed from ${this.folder}`, async () => {
      const keys = objectIds.map(objectId => Buffer.from(objectId)).filter(key => key.length <= longestKey)
      const held = await this.writes.transaction(() =>
        keys.filter(key => {
          const record = this.objects.getBinary(key) as Buffer | undefined
          if (record) this.drop(key, record)
          return record !== undefined
        })
      )
      await this.dropCache()
      await this.writes.flush()
      return held.map(String)
    })
  }

  async edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void> {
    await orFailed(`${objectIds.length} objects could not be changed in ${this.folder}`, async () => {
      const models = cachedModels(this.cache)
      const { committed } = await this.writes.inTurns(objectIds, objectId => this.editOne(objectId, edit, models))
      await committed
      await this.writes.flush()
    })
  }

  async setPrograms(programs: readonly number[]): Promise<void> {
    await orFailed(`The programmes of ${this.folder} could not be changed`, async () => {
      await this.writes.transaction(
        () => void this.root.put('meta', { ...(this.root.get('meta') as StoreMeta), programs })
      )
      await this.writes.flush()
    })
    this.programs = programs
  }

  async *objectIds(after?: string): AsyncIterable<string> {
    for (const keys of keysOf(this.objects, after)) yield* keys.map(String)
  }

  async idsIn(cells: readonly CellRange[]): Promise<string[]> {
    return orFailed(`Positions could not be read from ${this.folder}`, () => this.sky.idsIn(cells))
  }

  async *records(): AsyncIterable<StoredObject> {
    try {
      for (const keys of keysOf(this.objects)) {
        for (const key of keys) {
          const record = this.objects.getBinary(key) as Buffer | undefined
          // Undefined if it was dropped since. A copy, because LMDB reuses the memory for the next record.
          if (record) yield checkedRecord(key.toString(), Buffer.from(record))
        }
        await new Promise(resolve => setImmediate(resolve))
      }
    } catch (cause) {
      const file = path.join(this.folder, 'data.mdb')
      const restore = 'Restore it from a copy or an export; or move it away, and light curves start again'
      throw new HieraxError('STORE_CORRUPT', `${file} is damaged: ${(cause as Error).message} ${restore}`, { cause })
    }
  }

  trouble(): string | null {
    return this.writes.trouble()
  }

  lost(): boolean {
    return this.writes.lost()
  }

  async statistics(): Promise<StoreStatistics> {
    const { entryCount } = this.objects.getStats() as { entryCount: number }
    const [file, disk] = await Promise.all([
      fs.promises.stat(path.join(this.folder, 'data.mdb')),
      fs.promises.statfs(this.folder)
    ])
    return { objects: entryCount, bytes: file.size, freeBytes: disk.bavail * disk.bsize }
  }

  async close(): Promise<void> {
    await this.writes.close()
  }

  /** Drops the cached states of objects that are gone. */
  private async dropCache(): Promise<void> {
    for (const keys of keysOf(this.cache)) {
      await this.writes.transaction(() => {
        for (const key of keys) if (!this.objects.doesExist(key.subarray(cachePrefix))) this.cache.remove(key)
      })
    }
  }

  private editOne(objectId: string, edit: (state: ObjectState) => ObjectState | null, models: readonly string[]): void {
    const key = Buffer.from(objectId)
    const stored = this.objects.getBinary(key) as Buffer | undefined
    const edited = stored ? editRecord(objectId, stored, edit) : null
    if (edited === null) return
    for (const modelSha256 of models) this.cache.remove(cacheKey({ objectId, modelSha256 }))
    if (edited.record === null) this.objects.remove(key)
    else this.objects.put(key, edited.record)
    this.sky.move(key, edited.before.newest, edited.after?.newest)
  }

  /** Checks again inside the transaction: an alert may have been merged since the key was read. */
  private pruneOne(key: Buffer, before: number): boolean {
    const record = this.objects.getBinary(key) as Buffer | undefined
    if (!record || mergedAt(record) >= before) return false
    this.drop(key, record)
    return true
  }

  /** Removes an object. Only inside a write transaction. */
  private drop(key: Buffer, record: Buffer): void {
    this.sky.remove(key, record)
    this.objects.remove(key)
  }

  private mergeOne(addition: Addition, now: number): ObjectState {
    const key = Buffer.from(addition.objectId)
    const read = this.objects.getBinaryFast(key) as Buffer | undefined
    const stored = read?.subarray(0, read.length) ?? null
    let merged: MergedObject
    try {
      merged = mergeIntoRecord(stored, addition, now)
    } catch (error) {
      // A damaged record is replaced; what the disk refuses is retried until it is written.
      if (!(error instanceof HieraxError) || error.code !== 'STORE_CORRUPT') throw HieraxError.from(error)
      this.onCorrupt(error)
      merged = mergeIntoRecord(null, addition, now)
    }
    this.objects.put(key, merged.record)
    this.sky.move(key, merged.before ? merged.before.newest : undefined, merged.state.newest)
    return merged.state
  }

  private async checkMeta(options: LmdbOptions): Promise<void> {
    const meta = (this.root.get('meta') as StoreMeta | undefined) ?? null
    const { entryCount } = this.objects.getStats() as { entryCount: number }
    const write = checkMeta(meta, options.anyPrograms ? null : options.programs, options.folder, entryCount === 0)
    this.programs = (options.readOnly ? meta : (write ?? meta))?.programs ?? []
    if (options.readOnly || !write) return
    await this.writes.transaction(() => void this.root.put('meta', write))
    await this.writes.flush()
  }
}
