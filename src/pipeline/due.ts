import type { Admitted } from '../alerts/admission.ts'
import { HieraxError } from '../errors.ts'
import { isSameAlert } from '../lightcurves/alert-versions.ts'
import type { AlertRecord } from '../lightcurves/observation.ts'
import type { ObjectState } from '../lightcurves/stores/store.ts'
import type { Origin } from '../messages/outgoing.ts'

/** An alert on its way: what may be kept of it, and where it came from. */
export interface Arrival extends Admitted {
  readonly objectId: string
  readonly origin: Origin
}

/** An answer that is due: of an alert, for an object as it stands after the merge. */
export interface Due {
  readonly record: AlertRecord
  /** Hashes of the versions seen of the alert; empty where there is but this one. */
  readonly versions: readonly bigint[]
  readonly state: ObjectState
  readonly origin: Origin
  /** `alert`: of an alert of this batch; `late`: the same, older than another of its object; `repeated`: said again. */
  readonly kind: 'alert' | 'late' | 'repeated'
}

/**
 * The answers that a batch owes: one for each of its alerts, and after them, object by object, those that say again what
 * now stands. The newest alert may be older than this batch, and what the batch brought may have changed what it rests
 * on; the last message of an object is always that of its newest admitted alert. Whether anything changed is never asked:
 * after a crash a merge changes nothing, and yet the answer may never have been sent.
 *
 * Of several versions of the newest alert the one that stands is answered, whichever of them came.
 */
export function answersDue(arrivals: readonly Arrival[], states: ReadonlyMap<string, ObjectState>): Due[] {
  const due: Due[] = []
  const inBatch = new Set(arrivals.map(arrival => arrival.record.candid))
  const said = new Map<string, { records: AlertRecord[]; origin: Origin; newestJd: number }>()
  for (const { objectId, record: arrived, origin } of arrivals) {
    const state = stateOf(states, objectId)
    const { record, versions } = versionThatStands(arrived, state)
    let object = said.get(objectId)
    if (!object) {
      object = { records: [], origin, newestJd: newestBefore(state, inBatch) }
      said.set(objectId, object)
    }
    object.records.push(record)
    object.origin = origin
    due.push({ record, versions, state, origin, kind: record.jd < object.newestJd ? 'late' : 'alert' })
    object.newestJd = Math.max(object.newestJd, record.jd)
  }
  for (const [objectId, { records, origin }] of said) {
    const state = stateOf(states, objectId)
    for (const record of saidAgain(records, state)) {
      due.push({ ...versionThatStands(record, state), state, origin, kind: 'repeated' })
    }
  }
  return due
}

/** What must follow the answers to `records`: the newest alert where it is not among them, the newest admitted one last. */
function saidAgain(records: readonly AlertRecord[], { newest, newestAdmitted }: ObjectState): AlertRecord[] {
  const again: AlertRecord[] = []
  if (newest && !isSame(newest, newestAdmitted) && !records.some(record => isSame(record, newest))) again.push(newest)
  if (newestAdmitted && (again.length > 0 || !isSame(records.at(-1) ?? null, newestAdmitted)))
    again.push(newestAdmitted)
  return again
}

/** Time of the newest alert where it came with an earlier batch: what follows it in time is not late, what precedes it is. */
function newestBefore({ newest }: ObjectState, inBatch: ReadonlySet<bigint>): number {
  return newest && !inBatch.has(newest.candid) ? newest.jd : Number.NEGATIVE_INFINITY
}

/** An alert as it stands after the merge: another version of it may have won. */
function versionThatStands(record: AlertRecord, state: ObjectState): Pick<Due, 'record' | 'versions'> {
  const { newest, newestAdmitted, newestVersions, admittedVersions } = state
  if (newest && isSameAlert(record, newest)) return { record: newest, versions: newestVersions }
  if (newestAdmitted && isSameAlert(record, newestAdmitted))
    return { record: newestAdmitted, versions: admittedVersions }
  return { record, versions: [] }
}

function isSame(a: AlertRecord | null, b: AlertRecord | null): boolean {
  return a === null || b === null ? a === b : isSameAlert(a, b)
}

function stateOf(states: ReadonlyMap<string, ObjectState>, objectId: string): ObjectState {
  const state = states.get(objectId)
  if (!state) throw new HieraxError('INTERNAL', `The store returned no state for ${objectId}`)
  return state
}
