import { bandOf } from '../lightcurves/observation.ts'
import type { HistoryMoment } from '../pipeline/history.ts'
import { mjdZero } from './object-view.ts'
import type { HistoryView, ModelView } from './ports.ts'

/** An object's history as answered over HTTP; probabilities have six decimals. */
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
      probabilities: Array.from(answer.probability, value => Number(value.toFixed(6))),
      prediction: answer.prediction,
      novelty: answer.novelty
    }))
  }
}
