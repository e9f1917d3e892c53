import type { Admitted } from '../alerts/admission.ts'
import { HieraxError } from '../errors.ts'
import { isSameAlert } from '../lightcurves/alert-versions.ts'
import type { AlertRecord } from '../lightcurves/observation.ts'
import type { ObjectState } from '../lightcurves/store.ts'
import type { Origin } from '../messages/outgoing.ts'
import type { AlertOfObject } from './object-classifier.ts'

/** A decoded alert: what may be kept of it, and where it came from. */
export interface Arrival extends Admitted {
  readonly objectId: string
  readonly origin: Origin
}

/** An answer to be published: the classification of an alert, given its object's state after the merge. */
export interface PendingAnswer extends AlertOfObject {
  readonly origin: Origin
  /** `alert`: for an alert of this batch; `late`: the same, older than another of its object; `reissued`: published before. */
  readonly kind: 'alert' | 'late' | 'reissued'
}

/**
 * The answers that a batch requires: one for each of its alerts, in order, and then, object by object, the answers to reissue.
 *
 * The last message of an object must be that of its newest admitted alert. That alert may have come with an earlier batch, and
 * this batch may have changed the light curve that its answer is based on. Whether the merge changed anything is no criterion:
 * after a crash it changes nothing, although the answer may never have been published.
 *
 * Of several versions of the newest alert, the one that the merge selected is answered, whichever of them arrived.
 */
export function pendingAnswers(
  arrivals: readonly Arrival[],
  states: ReadonlyMap<string, ObjectState>
): PendingAnswer[] {
  const pending: PendingAnswer[] = []
  const inBatch = new Set(arrivals.map(arrival => arrival.record.candid))
  const objects = new Map<string, { records: AlertRecord[]; origin: Origin; newestJd: number }>()
  for (const { objectId, record: arrived, origin } of arrivals) {
    const state = stateOf(states, objectId)
    const { record, versions } = selectedVersion(arrived, state)
    let object = objects.get(objectId)
    if (!object) {
      object = { records: [], origin, newestJd: newestBefore(state, inBatch) }
      objects.set(objectId, object)
    }
    object.records.push(record)
    object.origin = origin
    pending.push({ record, versions, state, origin, kind: record.jd < object.newestJd ? 'late' : 'alert' })
    object.newestJd = Math.max(object.newestJd, record.jd)
  }
  for (const [objectId, { records, origin }] of objects) {
    const state = stateOf(states, objectId)
    for (const record of recordsToReissue(records, state)) {
      pending.push({ ...selectedVersion(record, state), state, origin, kind: 'reissued' })
    }
  }
  return pending
}

/** What must follow the answers to `records`: the newest alert if it is not among them, and the newest admitted one last. */
function recordsToReissue(records: readonly AlertRecord[], { newest, newestAdmitted }: ObjectState): AlertRecord[] {
  const reissued: AlertRecord[] = []
  if (newest && !isSame(newest, newestAdmitted) && !records.some(record => isSame(record, newest))) {
    reissued.push(newest)
  }
  if (newestAdmitted && (reissued.length > 0 || !isSame(records.at(-1) ?? null, newestAdmitted))) {
    reissued.push(newestAdmitted)
  }
  return reissued
}

/** Time of the newest alert if it came with an earlier batch: an alert of this batch is late if it is older. */
function newestBefore({ newest }: ObjectState, inBatch: ReadonlySet<bigint>): number {
  return newest && !inBatch.has(newest.candid) ? newest.jd : Number.NEGATIVE_INFINITY
}

/** An alert as the merge left it: another version of it may have won. */
function selectedVersion(record: AlertRecord, state: ObjectState): Pick<PendingAnswer, 'record' | 'versions'> {
  const { newest, newestAdmitted, newestVersions, admittedVersions } = state
  if (newest && isSameAlert(record, newest)) return { record: newest, versions: newestVersions }
  if (newestAdmitted && isSameAlert(record, newestAdmitted)) {
    return { record: newestAdmitted, versions: admittedVersions }
  }
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
