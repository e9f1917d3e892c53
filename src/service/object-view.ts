import { type Gates, passes } from '../lightcurves/gates.ts'
import type { LightCurve } from '../lightcurves/light-curve.ts'
import { type AlertRecord, bandOf, type Observation } from '../lightcurves/observation.ts'
import type { AlertView, ClassificationJson, ObjectView, PointView } from './ports.ts'

/** Julian date of modified Julian date 0. */
export const mjdZero = 2400000.5

/** An object's state (as a store gives it) and answer, as answered over HTTP: all its points, with whether each passes the gates. */
export function toObjectView(
  state: { readonly objectId: string; readonly curve: LightCurve; readonly newest: AlertRecord | null },
  classification: ClassificationJson | null,
  gates: Gates
): ObjectView {
  return {
    objectId: state.objectId,
    lightCurve: Array.from({ length: state.curve.length }, (_, index) => toPointView(state.curve.at(index), gates)),
    newest: state.newest === null ? null : toAlertView(state.newest),
    classification
  }
}

function toPointView(point: Observation, gates: Gates): PointView {
  const { jd, fid, detection, magnitude, error, positive, candid, realBogus, solarSystemDistance } = point
  return {
    jd,
    mjd: jd - mjdZero,
    band: bandOf(fid),
    type: detection ? 'detection' : 'upperLimit',
    magnitude,
    error: detection ? error : null,
    positive: detection ? positive : null,
    candid: candid === null ? null : String(candid),
    realBogus,
    solarSystemDistance,
    admitted: passes(point, gates)
  }
}

function toAlertView({ candid, jd, ra, dec, programId }: AlertRecord): AlertView {
  return { candid: String(candid), jd, ra, dec, programId }
}
