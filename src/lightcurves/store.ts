import type { HieraxError } from '../errors.ts'
import type { LightCurve } from './curve/light-curve.ts'
import type { Journal } from './journal.ts'
import type { AlertRecord, Observation } from './points/observation.ts'
import type { Points } from './points/points.ts'
import type { RouteMark } from './route-marks.ts'
import type { CellRange } from './sky.ts'

/** What a batch adds to one object. */
export interface Addition {
  readonly objectId: string
  /** Points of admitted programmes only. */
  readonly observations: readonly Observation[] | Points
  /** Records of the batch's alerts of this object, and whether each is admitted. */
  readonly alerts: readonly { readonly record: AlertRecord; readonly admitted: boolean }[]
  /** Marks of retracting routes. */
  readonly routes?: readonly RouteMark[]
  /** Records of the object from other stores, which are merged as a whole. */
  readonly records?: readonly Buffer[]
  /** When another store merged it, epoch ms; absent: now. An object keeps the latest of these times. */
  readonly mergedAt?: number
}

/** State of an object after a merge. */
export interface ObjectState {
  readonly objectId: string
  readonly curve: LightCurve
  /** Alert with the greatest (`jd`, `candid`), admitted or not. */
  readonly newest: AlertRecord | null
  /** The same among admitted alerts (those whose own fields pass the gates). */
  readonly newestAdmitted: AlertRecord | null
  /** Hashes of the received versions of the newest alert, and of the admitted versions of `newestAdmitted`; empty if there is only one. */
  readonly newestVersions: readonly bigint[]
  readonly admittedVersions: readonly bigint[]
  /** Marks of the retracting routes' topics on which the object is. */
  readonly routes: readonly RouteMark[]
}

/** A merge whose new states are known. */
export interface Merge {
  /** The new states, in the given order. */
  readonly states: ObjectState[]
  /** Resolves when the states are durable. Rejects with STORE_FAILED if they may not be; the rejection need not be handled. */
  readonly durable: Promise<void>
}

/** A cached hidden state of a model for an object. */
export interface CachedState {
  readonly objectId: string
  readonly modelSha256: string
  readonly state: Uint8Array
}

/** A stored object: its record, or why the record cannot be read. */
export type StoredObject =
  | { readonly objectId: string; readonly record: Buffer }
  | { readonly objectId: string; readonly error: HieraxError }

/** Why a store cannot be used at present, in the words of readiness, the log and metrics. */
export const storeTroubles = [
  'writes have no answer',
  'writes fail',
  'writes fail: no space left',
  'writes fail: disk quota exceeded',
  'writes fail: file too large',
  'writes fail: read-only file system',
  'writes fail: permission denied',
  'writes fail: input/output error',
  'unreachable',
  'the server does not answer',
  'the server is loading',
  'the server refuses writes',
  'out of memory',
  'a key has the wrong type',
  'wrong user name or password',
  'the user lacks permissions',
  'the server is in protected mode',
  'no such database',
  'a cluster, which is not supported',
  'not a Valkey or Redis server',
  'its certificate is not trusted',
  'a read-only replica',
  'requests fail',
  'the store is refused'
] as const
export type StoreTrouble = (typeof storeTroubles)[number]

/** Size of a store. */
export interface StoreStatistics {
  readonly objects: number
  readonly bytes: number
  /** Free bytes on the disk of the store; null if that has no meaning. */
  readonly freeBytes: number | null
}

/**
 * Keeps the state of every object. All methods are asynchronous and take whole batches, so that a store on a server needs
 * one round trip. They reject with STORE_FAILED.
 */
export interface Store {
  /**
   * Merges observations and alert records: one atomic step per object, idempotent, commutative and associative.
   * Resolves with the new states, in the given order, once they are durable. Object ids must be distinct.
   */
  merge(additions: readonly Addition[]): Promise<ObjectState[]>
  /** The same, but resolves as soon as the new states are known. Only for a store that makes them durable later. */
  beginMerge?(additions: readonly Addition[]): Promise<Merge>
  /** The state of one object; null if it is unknown. */
  get(objectId: string): Promise<ObjectState | null>
  /** Cached states, in the order of the keys; null if there is none. */
  readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]>
  /** Caches states. Losing them is harmless. */
  writeCache(states: readonly CachedState[]): Promise<void>
  /**
   * Drops objects (and cached states) without a merge since `before` (epoch ms), a few at a time, so that merges can
   * continue. Resolves with their number.
   */
  prune(before: number): Promise<number>
  /** Removes objects and their cached states. Resolves with the ids of the objects that existed. */
  remove(objectIds: readonly string[]): Promise<string[]>
  /**
   * Replaces the states of objects by the results of `edit`, in one atomic step for each, while merges continue. If `edit` returns the same
   * state, nothing changes; null removes the object. Cached states of objects that change are removed. `edit` may be called several times for an
   * object. Unknown objects and those that can't be read are left out. Resolves when the changes are durable.
   */
  edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void>
  /** All object ids, or those after one, in a fixed order. Reading may take days, while merges continue. */
  objectIds(after?: string): AsyncIterable<string>
  /**
   * Ids of the objects whose newest alert is in these cells of the sky (`sky.ts`), in any order, and perhaps a few others. Waits until all
   * objects are in the index of positions: objects of a store that an older release has written are added by the first call.
   */
  idsIn(cells: readonly CellRange[]): Promise<string[]>
  /** All stored objects, with verified checksums, in no particular order, while merges continue. */
  records(): AsyncIterable<StoredObject>
  /** Survey programmes whose points may be in it. */
  readonly programs: readonly number[]
  /** Records that the store has no points of other programmes, after a purge. */
  setPrograms(programs: readonly number[]): Promise<void>
  statistics(): Promise<StoreStatistics>
  /** Why the store cannot be used at present; null if no fault is known. */
  trouble(): string | null
  /** Whether this process can never use the store again. */
  lost(): boolean
  close(): Promise<void>
}

/** An open store, with a journal in the same place. */
export interface OpenStore extends Store {
  readonly journal: Journal
}

/** Options for opening a store of any kind. */
export interface StoreOptions {
  /** Survey programmes whose points may be in it. */
  readonly programs: readonly number[]
  /** Opens the store whatever programmes it contains, and adds none. */
  readonly anyPrograms?: boolean
  /** Opens an existing store without changing it, except for its journal. */
  readonly readOnly?: boolean
  /** If the server can't be reached, the store is returned at once and waits for it. */
  readonly patient?: boolean
  /** Called for every record that cannot be read. The object is then rebuilt from its next alerts. */
  readonly onCorrupt?: (error: HieraxError) => void
  /** Called with warnings for operators about the disk or server of the store. */
  readonly onNotice?: (notice: string) => void
  /** Called when this process can't use the store again (`lost` of the store), and only a new process can. */
  readonly onLost?: (error: HieraxError) => void
}

/** A kind of store, chosen by the form of its URL. */
export interface StoreKind {
  /** The form of its URLs, for messages. */
  readonly form: string
  readonly matches: RegExp
  /** Rejects with STORE_REFUSED or STORE_FAILED if the store can't be used. */
  open(url: string, options: StoreOptions): Promise<OpenStore>
}

/** Begins a merge in any store: see {@link Store.beginMerge}. */
export async function beginMerge(store: Store, additions: readonly Addition[]): Promise<Merge> {
  if (store.beginMerge) return await store.beginMerge(additions)
  return { states: await store.merge(additions), durable: Promise.resolve() }
}
