import type { ClassificationJson } from '../../../src/messages/classification.ts'
import type { StatisticsView } from '../../../src/service/schemas.ts'

export type { ClassificationJson as Classification } from '../../../src/messages/classification.ts'
export type {
  HistoryView,
  ModelProvenance as Model,
  MomentView,
  ObjectView as ObjectAnswer,
  PointView,
  Readiness,
  TaxonomyView as Taxonomy
} from '../../../src/service/schemas.ts'

/** An event `statistics`: the service's statistics, and what became of the classifications for this page since the last one. */
export type Statistics = StatisticsView & {
  readonly published: number
  readonly accepted: number
  readonly sent: number
}

/** Whether `a` supersedes `b` as an object's current classification: the greatest (jd, candid, revision) does, whenever it came. */
export function supersedes(a: ClassificationJson, b: ClassificationJson): boolean {
  if (a.jd !== b.jd) return a.jd > b.jd
  const [own, other] = [BigInt(a.candid), BigInt(b.candid)]
  if (own !== other) return own > other
  return a.lightCurve.revision >= b.lightCurve.revision
}
