import { bandOf } from '../lightcurves/observation.ts'
import type { HistoryMoment } from '../pipeline/history.ts'
import { mjdZero } from './object-view.ts'
import type { HistoryView, ModelView } from './ports.ts'

/** An object's history as answered over HTTP; probabilities and log terms have six decimals. */
export function toHistoryView(objectId: string, model: ModelView, moments: readonly HistoryMoment[]): HistoryView {
  const { name, version, sha256, taxonomy, taxonomyVersion, root, nodes } = model
  return {
    objectId,
    classifier: { name, version, sha256, taxonomy, taxonomyVersion },
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
