import type { ClassificationJson } from '../../../src/messages/classification.ts'
import type { StatisticsView } from '../../../src/service/schema/schemas.ts'

export type { ClassificationJson as Classification } from '../../../src/messages/classification.ts'
export type {
  HistoryView,
  ModelProvenance as Model,
  MomentView,
  ObjectView as ObjectResponse,
  PointView,
  Readiness,
  TaxonomyView as Taxonomy
} from '../../../src/service/schema/schemas.ts'

/** An event `statistics`: the service's statistics, and counts of classifications since the last one: published, accepted by the filters, sent to this page. */
export type Statistics = StatisticsView & {
  readonly published: number
  readonly accepted: number
  readonly sent: number
}

/** Whether `a` supersedes `b` as an object's current classification: the one with the greatest (jd, candid, revision) is current, in any order of arrival. */
export function supersedes(a: ClassificationJson, b: ClassificationJson): boolean {
  if (a.jd !== b.jd) return a.jd > b.jd
  const [own, other] = [BigInt(a.candid), BigInt(b.candid)]
  if (own !== other) return own > other
  return a.lightCurve.revision >= b.lightCurve.revision
}
