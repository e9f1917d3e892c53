import type { AlertCutouts } from '../lightcurves/cutouts.ts'
import type { ObjectState } from '../lightcurves/store.ts'
import type { Arrival } from './pending-answers.ts'

/** The images of the alerts that are the newest of their object after the merge, without those of programmes that are not admitted. */
export function newestCutouts(
  arrivals: readonly Arrival[],
  states: ReadonlyMap<string, ObjectState>
): readonly AlertCutouts[] {
  const found = new Map<string, AlertCutouts>()
  for (const { objectId, record, cutouts = {} } of arrivals) {
    const { candid, jd, programId, photometry } = record
    const newest = states.get(objectId)?.newest
    const isNewest = newest?.candid === candid && newest.jd === jd
    if (isNewest && photometry !== null && Object.keys(cutouts).length > 0)
      found.set(objectId, { objectId, candid, programId, cutouts })
  }
  return [...found.values()]
}
