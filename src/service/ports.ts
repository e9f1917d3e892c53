import type { HieraxError } from '../errors.ts'
import type { AlertCutouts } from '../lightcurves/cutouts.ts'
import type { Cone } from '../lightcurves/sky.ts'
import type { ClassificationJson } from '../messages/classification.ts'
import type { Part } from '../telemetry/definitions.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { HistoryView, Liveness, ModelView, ObjectView, PartState, StatisticsView } from './schema/schemas.ts'
import type { ShadowReport } from './shadow-report.ts'

/** Which objects of the store are asked for; all conditions must hold. */
export interface ObjectQuery {
  /** SHA-256 of the model that classifies. */
  readonly model: string
  /** Only objects after this id; empty for all. */
  readonly after: string
  /** Least Julian date of the newest alert; null for any. */
  readonly since: number | null
  /** The position of the newest alert is in it; null for anywhere. */
  readonly cone: Cone | null
}

/** An object with its current classification, or with why its record can't be read. */
export type QueriedObject =
  | { readonly objectId: string; readonly classification: ClassificationJson }
  | { readonly objectId: string; readonly error: HieraxError }

/** The parts of Hierax that the HTTP service uses. */
export interface ServicePorts {
  readiness(): Readonly<Record<Part, PartState>>
  /** Whether the process is working, or waiting for an external system. */
  liveness(): Liveness
  readonly metrics: Pick<Metrics, 'text' | 'contentType' | 'increment'>
  /**
   * An object with its current classification by the model of that SHA-256 (default: the first model); null if no alert of
   * the object was received.
   */
  object(objectId: string, model?: string): Promise<ObjectView | null>
  /** All objects that match, in the order of their ids, a few at a time. Rejects with STORE_FAILED or INDEX_INCOMPLETE. */
  query(query: ObjectQuery): AsyncIterable<readonly QueriedObject[]>
  /** The history of an object's probabilities by the model of that SHA-256 (default: the first model); null if no alert of the object was received. */
  history(objectId: string, query: { readonly model?: string; readonly limit: number }): Promise<HistoryView | null>
  /** The images of the object's newest alert; null if they are not kept. */
  cutouts(objectId: string): Promise<AlertCutouts | null>
  statistics(): Promise<StatisticsView>
  /** Shadow models; empty without any. */
  readonly shadows: Pick<ShadowReport, 'models' | 'since' | 'latest' | 'comparisons'>
  /** Survey programmes whose points may be shown. */
  readonly programs: readonly number[]
  /** The models in use, at least one. */
  models(): readonly ModelView[]
  /** The latest accepted classifications, newest first. */
  recent(limit: number, accept?: (classification: ClassificationJson) => boolean): readonly ClassificationJson[]
  /** Calls the listener with every classification that is published from now on. The returned function ends this. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void
}
