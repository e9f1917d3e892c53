import { type Gates, passes } from '../lightcurves/curve/gates.ts'
import type { LightCurve } from '../lightcurves/curve/light-curve.ts'
import { type AlertRecord, bandOf, type Observation } from '../lightcurves/points/observation.ts'
import { type ClassificationJson, provenanceOf } from '../messages/classification.ts'
import type { HistoryMoment } from '../pipeline/history.ts'
import type { HistoryView, ModelView, ObjectView, PointView } from './schema/schemas.ts'

/** Julian date at MJD 0. */
const mjdZero = 2400000.5

/** The API's view of an object: all its points, each with whether it passes the gates, and its classification. */
export function toObjectView(
  state: { readonly objectId: string; readonly curve: LightCurve; readonly newest: AlertRecord | null },
  classification: ClassificationJson | null,
  gates: Gates
): ObjectView {
  const { objectId, curve, newest } = state
  return {
    objectId,
    lightCurve: Array.from({ length: curve.length }, (_, index) => toPointView(curve.at(index), gates)),
    newest: newest && {
      candid: String(newest.candid),
      jd: newest.jd,
      ra: newest.ra,
      dec: newest.dec,
      programId: newest.programId
    },
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

/** The API's view of an object's history; probabilities and log terms have six decimals. */
export function toHistoryView(objectId: string, model: ModelView, moments: readonly HistoryMoment[]): HistoryView {
  const { root, nodes } = model
  return {
    objectId,
    classifier: provenanceOf(model),
    nodes: nodes.map(node => ({ name: node.name, parent: node.parent === root ? null : node.parent })),
    moments: moments.map(({ detection: { jd, fid, candid }, detections, answer }) => ({
      jd,
      mjd: jd - mjdZero,
      band: bandOf(fid),
      candid: candid === null ? null : String(candid),
      detections,
      probabilities: Array.from(answer.probability, rounded),
      prediction: answer.prediction,
      novelty: answer.novelty,
      evidence: answer.evidence.map(({ node, lightCurve, context, prior }) => ({
        node,
        lightCurve: rounded(lightCurve),
        context: rounded(context),
        prior: rounded(prior)
      }))
    }))
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(6))
}
