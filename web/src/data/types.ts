import type { Classification as Message } from '../../../src/messages/classification.ts'
import type { ObjectView, PartState, StatisticsView } from '../../../src/service/ports.ts'

export type { HistoryView, MomentView, PointView } from '../../../src/service/ports.ts'

/** A classification in its JSON encoding. */
export type Classification = Omit<Message, 'candid'> & { readonly candid: string }

/** What is known of an object. */
export type ObjectAnswer = Omit<ObjectView, 'classification'> & { readonly classification: Classification | null }

/** An event `statistics`: how the service does, and what became of the classifications for this page. */
export type Statistics = StatisticsView & {
  readonly published: number
  readonly accepted: number
  readonly sent: number
}

/** Answer of `health/ready`. */
export interface Readiness {
  readonly ready: boolean
  readonly parts: Readonly<Record<string, PartState>>
}

/** Answer of `api/v1/taxonomy`; nodes without the root, parents before children. */
export interface Taxonomy {
  readonly name: string
  readonly version: string
  readonly model: string
  readonly root: string
  readonly nodes: readonly TaxonomyNode[]
}

/** A node of the taxonomy; its parent is null below the root. */
export interface TaxonomyNode {
  readonly name: string
  readonly parent: string | null
  readonly description?: string
}

/** A model in use. */
export interface Model {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly taxonomy: string
  readonly taxonomyVersion: string
  readonly runtime: string
  readonly nodes: number
  readonly population: Message['population']
}

/** Whether `a` stands before `b` as an object's answer: the greatest (jd, candid, revision) does, whenever it came. */
export function supersedes(a: Classification, b: Classification): boolean {
  if (a.jd !== b.jd) return a.jd > b.jd
  const [own, other] = [BigInt(a.candid), BigInt(b.candid)]
  if (own !== other) return own > other
  return a.lightCurve.revision >= b.lightCurve.revision
}
