import fs from 'node:fs'
import path from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { HieraxError } from '../../errors.ts'
import { checkedRecord, checkMeta, decodeRecord, mergedAt, mergeIntoRecord, type StoreMeta } from '../object-record.ts'
import type {
  Addition,
  CachedState,
  ObjectState,
  OpenStore,
  StoredObject,
  StoreOptions,
  StoreStatistics
} from '../store.ts'
import { JournalFiles } from './journal-files.ts'
import { canBeWritten, failed, LmdbWrites } from './lmdb-writes.ts'

/** What an embedded store is opened with. */
export interface LmdbOptions extends StoreOptions {
  /** Folder of the environment; made when absent. Several processes of one machine may share it. */
  readonly folder: string
  /** How long a write may have no answer before it counts as failed, ms. */
  readonly patience?: number
}

/** Bytes before the object id in a key of the cache: the start of the model's SHA-256 and a slash. */
const cachePrefix = 17

/** Objects that one transaction looks at when old ones are dropped. */
const pruneRun = 500

/** How long one transaction may hold the event loop, ms; objects are merged one by one, so a batch may take several. */
const longestTurn = 20

/** LMDB's own limit on keys is 1,978 bytes. */
const longestKey = 1978

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
  private readonly onCorrupt: (error: HieraxError) => void

  private constructor(options: LmdbOptions) {
    this.folder = options.folder
    this.programs = options.programs
    this.journal = new JournalFiles(path.join(options.folder, 'journal'), () => this.takeWrite())
    this.onCorrupt = options.onCorrupt ?? (() => {})
    this.root = open({
      path: options.folder,
      maxDbs: 8,
      noSubdir: false,
      readOnly: options.readOnly ?? false,
      // The promise of such a batch is nobody's: where a commit fails, it would end the process.
      eventTurnBatching: false
    })
    this.writes = new LmdbWrites(
      this.root as RootDatabase<unknown, string> & ConstructorParameters<typeof LmdbWrites>[0],
      { patience: options.patience, probe: () => canBeWritten(options.folder), onLost: options.onLost }
    )
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const
    this.objects = this.root.openDB<Buffer, Buffer>({ name: 'objects', ...binary })
    this.cache = this.root.openDB<Buffer, Buffer>({ name: 'cache', ...binary })
  }

  /** Opens or makes a store. Rejects with STORE_REFUSED where it was written by another version or for more programmes. */
  static async open(options: LmdbOptions): Promise<LmdbStore> {
    if (options.readOnly && !fs.existsSync(path.join(options.folder, 'data.mdb'))) {
      throw new HieraxError('INPUT_NOT_FOUND', `There is no store in ${options.folder}`)
    }
    let store: LmdbStore
    try {
      if (!options.readOnly) makeFolder(options.folder)
      checkLmdbFile(options.folder)
      needRoom(options.folder)
      store = new LmdbStore(options)
    } catch (error) {
      throw await failed(`The store in ${options.folder} can't be opened`, error)
    }
    try {
      await store.checkMeta(options)
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  }

  async merge(additions: readonly Addition[]): Promise<ObjectState[]> {
    const now = Date.now()
    try {
      const states: ObjectState[] = []
      while (states.length < additions.length) {
        await this.writes.transaction(() => this.mergeSome(additions, states, now))
      }
      // A committed transaction is visible to others, but only a flushed one survives a power loss.
      await this.writes.flush()
      return states
    } catch (error) {
      throw await failed(`${additions.length} objects could not be written to ${this.folder}`, error)
    }
  }

  /** A write of nothing: it waits for the lock as any other does. */
  private async takeWrite(): Promise<void> {
    try {
      await this.writes.transaction(() => {})
    } catch (error) {
      throw await failed(`${this.folder} takes no writes`, error)
    }
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
        // A damaged page: without what was kept the same answer comes out, later.
        return null
      }
    })
  }

  async writeCache(states: readonly CachedState[]): Promise<void> {
    try {
      await this.writes.transaction(() => {
        for (const state of states) this.cache.put(cacheKey(state), Buffer.from(state.state))
      })
    } catch (error) {
      throw await failed(`${states.length} cached states could not be written to ${this.folder}`, error)
    }
  }

  async prune(before: number): Promise<number> {
    let pruned = 0
    for (const keys of runs(this.objects.getKeys({ snapshot: false }) as Iterable<Buffer>, pruneRun)) {
      try {
        pruned += await this.writes.transaction(() => keys.filter(key => this.pruneOne(key, before)).length)
      } catch (error) {
        throw await failed(`Old objects could not be dropped from ${this.folder}`, error)
      }
    }
    for (const keys of runs(this.cache.getKeys({ snapshot: false }) as Iterable<Buffer>, pruneRun)) {
      await this.writes.transaction(() => {
        for (const key of keys) if (!this.objects.doesExist(key.subarray(cachePrefix))) this.cache.remove(key)
      })
    }
    return pruned
  }

  async *objectIds(): AsyncIterable<string> {
    for (const key of this.objects.getKeys({ snapshot: false })) yield (key as Buffer).toString()
  }

  async *records(): AsyncIterable<StoredObject> {
    for (const keys of runs(this.objects.getKeys({ snapshot: false }) as Iterable<Buffer>, pruneRun)) {
      for (const key of keys) {
        const record = this.objects.getBinary(key) as Buffer | undefined
        // Undefined: it was dropped since. A copy, for what LMDB gives is good only until the next.
        if (record) yield checkedRecord(key.toString(), Buffer.from(record))
      }
      await new Promise(resolve => setImmediate(resolve))
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

  /** Looks again inside the transaction: an alert may have come since the key was read. */
  private pruneOne(key: Buffer, before: number): boolean {
    const record = this.objects.getBinary(key) as Buffer | undefined
    if (!record || mergedAt(record) >= before) return false
    this.objects.remove(key)
    return true
  }

  /** Merges as many of those that are left as fit into one turn of the event loop. */
  private mergeSome(additions: readonly Addition[], states: ObjectState[], now: number): void {
    const began = performance.now()
    while (states.length < additions.length && performance.now() - began < longestTurn) {
      states.push(this.mergeOne(additions[states.length] as Addition, now))
    }
  }

  private mergeOne(addition: Addition, now: number): ObjectState {
    const key = Buffer.from(addition.objectId)
    const stored = (this.objects.getBinary(key) as Buffer | undefined) ?? null
    let merged: { state: ObjectState; record: Buffer }
    try {
      merged = mergeIntoRecord(stored, addition, now)
    } catch (error) {
      // Not the disk's fault, and reported as such: what the disk refuses is retried until it is written.
      if (!(error instanceof HieraxError) || error.code !== 'STORE_CORRUPT') throw HieraxError.from(error)
      this.onCorrupt(error)
      merged = mergeIntoRecord(null, addition, now)
    }
    this.objects.put(key, merged.record)
    return merged.state
  }

  /** A store remembers what wrote it and for which programmes, so that it is never misread or shows what it must not. */
  private async checkMeta(options: LmdbOptions): Promise<void> {
    const meta = (this.root.get('meta') as StoreMeta | undefined) ?? null
    const write = checkMeta(meta, options.programs, options.folder)
    this.programs = (options.readOnly ? meta : (write ?? meta))?.programs ?? []
    if (options.readOnly || !write) return
    await this.writes.transaction(() => void this.root.put('meta', write))
    await this.writes.flush()
  }
}

/** Bytes that a new store takes at once, about. */
const firstBytes = 1024 * 1024

/** LMDB maps its lock file into memory without asking whether the disk has room for it: where it has none, the process dies. */
function needRoom(folder: string): void {
  if (fs.existsSync(path.join(folder, 'lock.mdb'))) return
  const { bavail, bsize } = fs.statfsSync(folder)
  if (bavail * bsize < firstBytes) throw new Error(`no room: ${bavail * bsize} bytes are free`)
}

/** Makes a folder and those above it, one by one: Node's recursive form loops forever below /proc. */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return
  makeFolder(path.dirname(folder))
  try {
    fs.mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function cacheKey({ objectId, modelSha256 }: { objectId: string; modelSha256: string }): Buffer {
  return Buffer.from(`${modelSha256.slice(0, cachePrefix - 1)}/${objectId}`)
}

/** The items in runs of at most `size`; copied, for what an iterator gives is only good until the next. */
function* runs(items: Iterable<Buffer>, size: number): Generator<Buffer[]> {
  let run: Buffer[] = []
  for (const item of items) {
    run.push(Buffer.from(item))
    if (run.length < size) continue
    yield run
    run = []
  }
  if (run.length > 0) yield run
}

/** Where things are in the two first pages of a data file, bytes (`MDB_page`, `MDB_meta` of liblmdb 1.0). */
const fileAt = { magic: 24, pageSize: 48, lastPage: 144, length: 168 } as const
const magic = 0xbeefc0de

/**
 * Looks at the head of a store's file before LMDB maps it, for a file that is none or was cut off would end the process without a
 * word. Throws STORE_REFUSED for one.
 */
function checkLmdbFile(folder: string): void {
  const file = path.join(folder, 'data.mdb')
  if (!fs.existsSync(file) || fs.statSync(file).size === 0) return
  const wrong = damageOf(file)
  if (wrong === null) return
  throw new HieraxError(
    'STORE_REFUSED',
    `${file} is damaged: ${wrong}. Restore it from a copy or an export; or move it away, and light curves start again`
  )
}

function damageOf(file: string): string | null {
  const head = Buffer.alloc(fileAt.length)
  const descriptor = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(descriptor)
    fs.readSync(descriptor, head, 0, head.length, 0)
    if (head.readUInt32LE(fileAt.magic) !== magic) return 'it does not begin as a file of LMDB does'
    const pageSize = head.readUInt32LE(fileAt.pageSize)
    const first = Number(head.readBigUInt64LE(fileAt.lastPage))
    fs.readSync(descriptor, head, 0, head.length, pageSize)
    if (head.readUInt32LE(fileAt.magic) !== magic) return 'its second page is no page of LMDB'
    // The last pages may be missing in a sound file, where they were free as soon as they were made.
    const second = Number(head.readBigUInt64LE(fileAt.lastPage))
    const needed = (Math.max(first, second) + 1) * pageSize
    return size < needed / 2 ? `it has ${size} bytes of some ${needed}` : null
  } finally {
    fs.closeSync(descriptor)
  }
}
