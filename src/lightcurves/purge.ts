import type { HieraxError } from '../errors.ts'
import type { LightCurve } from './curve/light-curve.ts'
import { filterPoints } from './curve/merge.ts'
import { pointSize, programAt } from './points/layout.ts'
import { decodeRecord } from './records/object-record.ts'
import type { ObjectState, Store } from './store.ts'

/** Which points are removed: those of some programmes, and optionally those of unknown programme. */
export interface PurgePlan {
  readonly programs: readonly number[]
  readonly unknown: boolean
}

/** Counts of what a purge finds or removes. */
export interface PurgeCounts {
  /** Objects that lose points or alerts. */
  objects: number
  /** Number of these that have nothing left, and are removed. */
  removedObjects: number
  /** Points of the programmes, and points of unknown programme in all objects. */
  points: number
  unknownPoints: number
  /** Newest alerts, and newest admitted alerts, of the programmes. */
  alerts: number
}

/** Objects that are changed at a time. */
const portion = 100

/**
 * A state without the points and alerts of a plan: the same object if it has none of them, null if nothing is left. Removed alerts leave
 * no trace. An object without its newest admitted alert has no classification until another alert is admitted. Marks of
 * retracting routes then rank below every classification, so the next classification decides whether the object stays on their topics.
 */
export function purgedState(state: ObjectState, { programs, unknown }: PurgePlan): ObjectState | null {
  const { curve } = state
  const stays = (offset: number): boolean => {
    const program = programAt(curve.points, offset)
    return program === null ? !unknown : !programs.includes(program)
  }
  const rest = filterPoints(curve, stays)
  const kept = rest.length === curve.length ? curve : rest
  const isHeld = (record: ObjectState['newest']): boolean => record !== null && programs.includes(record.programId)
  const [newestGoes, admittedGoes] = [isHeld(state.newest), isHeld(state.newestAdmitted)]
  if (kept === curve && !newestGoes && !admittedGoes) return state
  const admitted = admittedGoes
    ? { newestAdmitted: null, admittedVersions: [] }
    : { newestAdmitted: state.newestAdmitted, admittedVersions: state.admittedVersions }
  const newest = newestGoes
    ? { newest: admitted.newestAdmitted, newestVersions: admitted.admittedVersions }
    : { newest: state.newest, newestVersions: state.newestVersions }
  if (kept.length === 0 && newest.newest === null) return null
  const routes = state.routes.filter(({ on }) => on).map(mark => ({ ...mark, jd: 0, candid: 0n, revision: 0 }))
  return { ...state, curve: kept, ...admitted, ...newest, routes }
}

/** Number of points of a curve by programme; null: not known. */
export function pointsByProgram(curve: LightCurve): Map<number | null, number> {
  const counts = new Map<number | null, number>()
  for (let offset = 0; offset < curve.points.length; offset += pointSize) {
    const program = programAt(curve.points, offset)
    counts.set(program, (counts.get(program) ?? 0) + 1)
  }
  return counts
}

/** Counts what a purge of a store would remove. Calls `onCorrupt` for every object that can't be read. */
export async function surveyPurge(
  store: Pick<Store, 'records'>,
  plan: PurgePlan,
  onCorrupt: (error: HieraxError) => void
): Promise<PurgeCounts> {
  const counts = { objects: 0, removedObjects: 0, points: 0, unknownPoints: 0, alerts: 0 }
  for await (const { state, purged } of purgeable(store, plan, onCorrupt)) {
    const points = pointsByProgram(state.curve)
    counts.unknownPoints += points.get(null) ?? 0
    if (purged === state) continue
    counts.objects++
    if (purged === null) counts.removedObjects++
    for (const program of plan.programs) counts.points += points.get(program) ?? 0
    for (const alert of new Set([state.newest, state.newestAdmitted]))
      if (alert !== null && plan.programs.includes(alert.programId)) counts.alerts++
  }
  return counts
}

/** Removes from a store what a plan names. It can be repeated, also after a crash, while other processes merge. Rejects with STORE_FAILED. */
export async function purge(store: Pick<Store, 'records' | 'edit'>, plan: PurgePlan): Promise<void> {
  let objectIds: string[] = []
  const edit = async (): Promise<void> => {
    await store.edit(objectIds, state => purgedState(state, plan))
    objectIds = []
  }
  for await (const { state, purged } of purgeable(store, plan, () => {})) {
    if (purged === state) continue
    objectIds.push(state.objectId)
    if (objectIds.length === portion) await edit()
  }
  await edit()
}

async function* purgeable(store: Pick<Store, 'records'>, plan: PurgePlan, onCorrupt: (error: HieraxError) => void) {
  for await (const object of store.records()) {
    if ('error' in object) {
      onCorrupt(object.error)
      continue
    }
    const state = decodeRecord(object.objectId, object.record)
    yield { state, purged: purgedState(state, plan) }
  }
}
