import type { HieraxError } from '../errors.ts'
import type { Journal } from './journal.ts'
import type { LightCurve } from './light-curve.ts'
import type { AlertRecord, Observation } from './observation.ts'
import type { Points } from './points.ts'
import type { RouteMark } from './route-marks.ts'
import type { CellRange } from './sky.ts'

/** What a batch adds to one object. */
export interface Addition {
  readonly objectId: string
  /** Points of admitted programmes only. */
  readonly observations: readonly Observation[] | Points
  /** Records of the batch's alerts of this object, with what the intrinsic gates say of each. */
  readonly alerts: readonly { readonly record: AlertRecord; readonly admitted: boolean }[]
  /** Marks of retracting routes. */
  readonly routes?: readonly RouteMark[]
  /** Records of the object from other stores: all that they know of it is added. */
  readonly records?: readonly Buffer[]
  /** When it was merged, epoch ms, where that was before: by another store. An object keeps the latest of such times. */
  readonly mergedAt?: number
}

/** All that is known of an object after a merge. */
export interface ObjectState {
  readonly objectId: string
  readonly curve: LightCurve
  /** Alert with the greatest (`jd`, `candid`) ever merged, whatever became of it. */
  readonly newest: AlertRecord | null
  /** The same among admitted alerts (those that no gate on their own fields turned away). */
  readonly newestAdmitted: AlertRecord | null
  /** Hashes of the versions seen of the newest alert, and of the admitted ones of `newestAdmitted`; empty where there is one. */
  readonly newestVersions: readonly bigint[]
  readonly admittedVersions: readonly bigint[]
  /** On which topics of retracting routes the object is. */
  readonly routes: readonly RouteMark[]
}

/** A cached hidden state of a model for an object. */
export interface CachedState {
  readonly objectId: string
  readonly modelSha256: string
  readonly state: Uint8Array
}

/** An object as it lies in a store: its record, or why that can't be read. */
export type StoredObject =
  | { readonly objectId: string; readonly record: Buffer }
  | { readonly objectId: string; readonly error: HieraxError }

/** Why a store can't be used at present, as readiness, the log and metrics say it. */
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
  /** Free bytes where the store lives; null where that has no meaning. */
  readonly freeBytes: number | null
}

/**
 * Keeps the state of every object. All methods are asynchronous and take whole batches, so that a networked store costs
 * one round trip. They reject with STORE_FAILED.
 */
export interface Store {
  /**
   * Merges observations and alert records: one atomic step per object, idempotent, commutative and associative.
   * Resolves with the states after it, in the order given, once they are durable. Object ids are distinct.
   */
  merge(additions: readonly Addition[]): Promise<ObjectState[]>
  /** The state of one object; null where it is unknown. */
  get(objectId: string): Promise<ObjectState | null>
  /** Cached states, in the order asked for; null where there is none. */
  readCache(keys: readonly { objectId: string; modelSha256: string }[]): Promise<(Uint8Array | null)[]>
  /** Keeps states for later; losing them is harmless. */
  writeCache(states: readonly CachedState[]): Promise<void>
  /**
   * Drops objects (and cached states) of which no alert was merged since `before` (epoch ms), a few at a time so that
   * merges go on; resolves with their number.
   */
  prune(before: number): Promise<number>
  /** Removes objects and their cached states. Resolves with the ids of those that it held. */
  remove(objectIds: readonly string[]): Promise<string[]>
  /**
   * Replaces the states of objects by what `edit` makes of them: one atomic step for each, while merges go on. The same state changes
   * nothing, null removes the object. Cached states of objects that change are removed. `edit` may be called several times for an
   * object. Unknown objects and those that can't be read are left out. Resolves when the changes are durable.
   */
  edit(objectIds: readonly string[], edit: (state: ObjectState) => ObjectState | null): Promise<void>
  /** All object ids, or those after one, in an order that does not change. Reading may take days, while merges go on. */
  objectIds(after?: string): AsyncIterable<string>
  /**
   * Ids of the objects whose newest alert is in these cells of the sky (`sky.ts`), in any order, and perhaps a few others. Waits until all
   * objects are in the index of positions: objects of a store that an older release has written are added by the first call.
   */
  idsIn(cells: readonly CellRange[]): Promise<string[]>
  /** All objects as they lie in the store, every checksum compared, in no particular order, while merges go on. */
  records(): AsyncIterable<StoredObject>
  /** Survey programmes whose points may be in it. */
  readonly programs: readonly number[]
  /** States that no points of other programmes are in it, as after a purge. */
  setPrograms(programs: readonly number[]): Promise<void>
  statistics(): Promise<StoreStatistics>
  /** Why the store can't be used at present; null where nothing is known against it. */
  trouble(): string | null
  /** Whether this process can never use it again, whatever happens. */
  lost(): boolean
  close(): Promise<void>
}

/** A store as it is opened: with a journal in the same place. */
export interface OpenStore extends Store {
  readonly journal: Journal
}

/** How a store is opened, whatever its kind. */
export interface StoreOptions {
  /** Survey programmes whose points may be in it. */
  readonly programs: readonly number[]
  /** Opens it whatever points are in it, and adds no programme. */
  readonly anyPrograms?: boolean
  /** Opens an existing store without changing it, except for its journal. */
  readonly readOnly?: boolean
  /** If the server can't be reached, the store is returned at once and waits for it. */
  readonly patient?: boolean
  /** Called for every record that could not be read; the object is then rebuilt from what its alerts carry. */
  readonly onCorrupt?: (error: HieraxError) => void
  /** Called with what operators should know of the place where the store is. */
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
