import type { Admitted } from '../alerts/admission.ts'
import { HieraxError } from '../errors.ts'
import type { Cutouts } from '../lightcurves/cutouts.ts'
import type { AlertRecord } from '../lightcurves/points/observation.ts'
import { isSameAlert } from '../lightcurves/records/alert-versions.ts'
import type { ObjectState } from '../lightcurves/store.ts'
import type { Origin } from '../messages/outgoing.ts'
import type { AlertOfObject } from './object-classifier.ts'

/** A decoded alert after admission, and the message that it came from. */
export interface Arrival extends Admitted {
  readonly objectId: string
  readonly origin: Origin
  readonly cutouts?: Cutouts | undefined
}

/** A classification to be computed and published: the alert, and the state of its object after the merge. */
export interface PendingAnswer extends AlertOfObject {
  readonly origin: Origin
  /**
   * `alert`: an alert of this batch; `late`: an alert of this batch that is older than another one of its object; `reissued`: an alert
   * whose classification is published again.
   */
  readonly kind: 'alert' | 'late' | 'reissued'
}

/**
 * The classifications that a batch requires: one for each of its alerts, in order, then those to reissue, object by object.
 *
 * The last message of an object must be the one for its newest admitted alert. If that alert came with an earlier batch, it is
 * classified again, because this batch may have changed its light curve. This does not depend on whether the merge changed anything: when
 * a batch is repeated after a crash, its merge changes nothing, although nothing may have been published.
 *
 * If several versions of the newest alert were received, the version that the merge selected is classified.
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
    pending.push(...reissuedAnswers(stateOf(states, objectId), origin, records))
  }
  return pending
}

/**
 * The classifications to publish again after those of `records`, the last one for the newest admitted alert. Without records: the current
 * classification of the object, after that of a newer alert which is not admitted.
 */
export function reissuedAnswers(
  state: ObjectState,
  origin: Origin,
  records: readonly AlertRecord[] = []
): PendingAnswer[] {
  return recordsToReissue(records, state).map(record => ({
    ...selectedVersion(record, state),
    state,
    // Without the timestamp, which belongs to another message.
    origin: { ...origin, timestamped: false },
    kind: 'reissued'
  }))
}

/**
 * The alerts to classify again after `records`: the newest one, if it is neither admitted nor among `records`; and the newest admitted one,
 * unless it is already the last.
 */
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

/** Time of the object's newest alert, if it came with an earlier batch. Older alerts of this batch are late. */
function newestBefore({ newest }: ObjectState, inBatch: ReadonlySet<bigint>): number {
  return newest && !inBatch.has(newest.candid) ? newest.jd : Number.NEGATIVE_INFINITY
}

/** The version of an alert that the merge selected. */
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
  if (!state) throw new HieraxError('INTERNAL', `the store returned no state for ${objectId}`)
  return state
}
