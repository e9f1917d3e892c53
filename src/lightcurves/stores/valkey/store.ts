import { randomBytes } from 'node:crypto'
import type { HieraxError } from '../../../errors.ts'
import { createYield } from '../../../event-loop.ts'
import { decodeRecord } from '../../records/object-record.ts'
import type { CellRange } from '../../sky.ts'
import type {
  Addition,
  CachedState,
  ObjectState,
  OpenStore,
  StoredObject,
  StoreOptions,
  StoreStatistics
} from '../../store.ts'
import type { StoreMeta } from '../../store-meta.ts'
import { encodeAddition } from './additions.ts'
import { type ValkeyAddress, ValkeyConnection } from './connection.ts'
import { ifWrongType, isWrongType } from './failures.ts'
import { ValkeyJournal } from './journal.ts'
import { takeMetadata, writePrograms } from './metadata.ts'
import { ObjectIndex } from './objects/object-index.ts'
import { editObjects, readObjects } from './objects/object-records.ts'
import {
  append,
  compact,
  type Fields,
  inRuns,
  keepStates,
  type MergedFields,
  mergeFields,
  objectPrefix,
  prune,
  remove,
  statePrefix
} from './objects/objects.ts'
import { newestOf, orderAndCell, Placing, placingKeys } from './objects/placing.ts'
import { checkServer, durability, serverFacts } from './server.ts'

/** What a store on a Valkey or Redis server is opened with. */
export interface ValkeyOptions extends StoreOptions {
  readonly address: ValkeyAddress
  /** How long a request may have no answer until the server is taken for lost, ms; 15,000 unless given. */
  readonly silence?: number
}

/** An addition and its bytes. */
interface Sent {
  readonly addition: Addition
  readonly bytes: Buffer
}

/** How long opening waits for a server, ms. */
const openWithin = 3000

/** Objects that one script drops. */
const pruneRun = 500

/** Time after which the server drops a cached state that was not written again, s. */
const stateSeconds = 30 * 86_400

/**
 * A store on a Valkey or Redis server, for many machines. `objects.ts` describes what the server holds. A merge takes one round
 * trip for each batch; the records are the same bytes as in any other store.
 */
export class ValkeyStore implements OpenStore {
  readonly journal: ValkeyJournal
  private readonly options: ValkeyOptions
  private readonly connection: ValkeyConnection
  private readonly index: ObjectIndex
  private readonly placing: Placing
  private readonly compacting = new Set<Promise<unknown>>()
  private known: StoreMeta | null = null
  private persistence: string | null = null

  private constructor(options: ValkeyOptions) {
    this.options = options
    this.connection = new ValkeyConnection(options.address, () => this.prepare(), options.silence)
    this.index = new ObjectIndex(this.connection)
    this.placing = new Placing(this.connection, {
      pages: () => this.index.pages(),
      read: ids => readObjects(this.connection, ids)
    })
    this.journal = new ValkeyJournal(this.connection, options.onCorrupt)
  }

  /**
   * Opens or creates a store. Rejects with STORE_REFUSED if the server denies access, would lose light curves, or holds a store of
   * another version or for more programmes; with STORE_FAILED if it can't be reached (unless patient).
   */
  static async open(options: ValkeyOptions): Promise<ValkeyStore> {
    const store = new ValkeyStore(options)
    try {
      await store.connection.request('The store cannot be opened:', 'read', () => store.connection.wait(openWithin))
      return store
    } catch (error) {
      if (options.patient && (error as HieraxError).code === 'STORE_FAILED') return store
      await store.close()
      throw error
    }
  }

  get programs(): readonly number[] {
    return this.known?.programs ?? this.options.programs
  }

  async merge(additions: readonly Addition[]): Promise<ObjectState[]> {
    if (additions.length === 0) return []
    const now = Date.now()
    const what = `${additions.length} objects could not be written to`
    const sent = additions.map(addition => ({ addition, bytes: encodeAddition(addition, now) }))
    const before = await this.connection.request(what, 'write', () => this.append(sent, now))
    const merged: MergedFields[] = []
    const yieldIfBusy = createYield()
    for (const [index, { addition, bytes }] of sent.entries()) {
      const [, , , moved] = before[index] as Fields
      if (moved) this.reportMoved(objectPrefix + addition.objectId, String(moved), 'the object starts again')
      const how = { now, length: bytes.length, onCorrupt: this.options.onCorrupt }
      merged.push(mergeFields(before[index] as Fields, addition, how))
      await yieldIfBusy()
    }
    this.compact(merged)
    return merged.map(({ state }) => state)
  }

  async get(objectId: string): Promise<ObjectState | null> {
    const [object] = await readObjects(this.connection, [objectId])
    if (!object) return null
    if ('error' in object) throw object.error
    return decodeRecord(objectId, object.record)
  }

  async readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]> {
    return this.connection.request('Cached states could not be read from', 'read', async () => {
      const ask = ({ objectId, modelSha256 }: (typeof keys)[number]): Promise<unknown> =>
        // The classification is the same without a cached state, and writing one moves the value away.
        this.connection.call('HGET', statePrefix + objectId, modelField(modelSha256)).catch(ifWrongType(null))
      return (await Promise.all(keys.map(ask))) as (Buffer | null)[]
    })
  }

  async writeCache(states: readonly CachedState[]): Promise<void> {
    const what = `${states.length} cached states could not be written to`
    const replies = (await this.connection.request(what, 'read', () =>
      inRuns(states, some =>
        this.connection.run(
          keepStates,
          some.map(({ objectId }) => statePrefix + objectId),
          [stateSeconds, ...some.flatMap(({ modelSha256, state }) => [modelField(modelSha256), Buffer.from(state)])]
        )
      )
    )) as Buffer[][]
    const moved = replies.flat().map(String)
    for (let at = 0; at < moved.length; at += 2)
      this.reportMoved(moved[at] as string, moved[at + 1] as string, 'the state of the network is computed again')
  }

  async prune(before: number): Promise<number> {
    for (let pruned = 0; ; ) {
      const dropped = await this.connection.request('Old objects could not be dropped from', 'write', () =>
        this.connection.run(prune, placingKeys, [before, pruneRun, objectPrefix, statePrefix])
      )
      pruned += Number(dropped)
      if (Number(dropped) < pruneRun) return pruned
    }
  }

  async remove(objectIds: readonly string[]): Promise<string[]> {
    const held = await this.connection.request('Objects could not be removed from', 'write', () =>
      inRuns(objectIds, some => this.connection.run(remove, placingKeys, [objectPrefix, statePrefix, ...some]))
    )
    return (held as Buffer[][]).flat().map(String)
  }

  async edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void> {
    await editObjects(this.connection, objectIds, edit)
  }

  async setPrograms(programs: readonly number[]): Promise<void> {
    this.known = await this.connection.request('The programmes could not be changed in', 'write', () =>
      writePrograms(this.connection, programs)
    )
  }

  objectIds(after = ''): AsyncIterable<string> {
    return this.placing.idsAfter(after)
  }

  idsIn(cells: readonly CellRange[]): Promise<string[]> {
    return this.placing.idsIn(cells)
  }

  async *records(): AsyncIterable<StoredObject> {
    for await (const ids of this.index.pages())
      for (const object of await readObjects(this.connection, ids)) {
        // Null if it was dropped since.
        if (object) yield object
      }
  }

  async statistics(): Promise<StoreStatistics> {
    return this.connection.request('The size could not be read of', 'read', async () => {
      const [objects, facts] = await Promise.all([this.index.count(), serverFacts(this.connection)])
      return { objects, bytes: facts.usedBytes, freeBytes: facts.freeBytes }
    })
  }

  trouble(): string | null {
    return this.connection.trouble
  }

  lost(): boolean {
    return false
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.compacting)
    this.connection.close()
  }

  private async append(sent: readonly Sent[], now: number): Promise<Fields[]> {
    try {
      return await this.appendOnce(sent, now)
    } catch (error) {
      // The script leaves no other key with a wrong type.
      if (!isWrongType(error)) throw error
      const corrupt = await this.index.rebuild()
      if (corrupt) this.options.onCorrupt?.(corrupt)
      return this.appendOnce(sent, now)
    }
  }

  private async appendOnce(sent: readonly Sent[], now: number): Promise<Fields[]> {
    const argumentsOf = ({ addition: one, bytes }: Sent) => [
      one.objectId,
      one.mergedAt ?? now,
      bytes,
      ...orderAndCell(newestOf(one))
    ]
    const replies = await inRuns(sent, some =>
      this.connection.run(
        append,
        [...placingKeys, ...some.map(({ addition }) => objectPrefix + addition.objectId)],
        [randomBytes(8), ...some.flatMap(argumentsOf)]
      )
    )
    return (replies as Fields[][]).flat()
  }

  /**
   * Replaces records and additions by the new records. Nothing waits for this: readers get the same result before it, and if it
   * fails.
   */
  private compact(merged: readonly MergedFields[]): void {
    const compacting = inRuns(merged, some =>
      this.connection.run(
        compact,
        some.map(({ state }) => objectPrefix + state.objectId),
        [randomBytes(8), ...some.flatMap(({ token, merged, record }) => [token, merged, record])]
      )
    )
      .catch(() => {})
      .finally(() => this.compacting.delete(compacting))
    this.compacting.add(compacting)
  }

  private reportMoved(key: string, found: string, consequence: string): void {
    this.options.onCorrupt?.(this.connection.movedValue(key, found, consequence))
  }

  /** Checks the server and its store on every new connection: it may be another server, or have lost its data. */
  private async prepare(): Promise<void> {
    const { address, readOnly, onNotice } = this.options
    const { persistence } = await checkServer(this.connection)
    const { meta, isNew } = await takeMetadata(this.connection, this.options)
    if (isNew && this.known !== null) onNotice?.(`${address.shown} came back without the store that it held`)
    this.known = meta
    if (persistence !== this.persistence && persistence !== 'always' && !readOnly) onNotice?.(durability[persistence])
    this.persistence = persistence
  }
}

function modelField(modelSha256: string): string {
  return modelSha256.slice(0, 16)
}
