import type { AlertCutouts } from '../lightcurves/cutouts.ts'
import type { ClassificationJson } from '../messages/classification.ts'
import type { Part } from '../telemetry/definitions.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { HistoryView, Liveness, ModelView, ObjectView, PartState, StatisticsView } from './schemas.ts'
import type { ShadowReport } from './shadow-report.ts'

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
  /** The history of an object's probabilities by the model of that SHA-256 (default: the first model); null if no alert of the object was received. */
  history(objectId: string, query: { readonly model?: string; readonly limit: number }): Promise<HistoryView | null>
  /** The images of the object's newest alert; null if they are not kept. */
  cutouts(objectId: string): Promise<AlertCutouts | null>
  statistics(): Promise<StatisticsView>
  /** Shadow models; empty without any. */
  readonly shadows: Pick<ShadowReport, 'models' | 'latest' | 'comparisons'>
  /** The models in use, at least one. */
  models(): readonly ModelView[]
  /** The latest accepted classifications, newest first. */
  recent(limit: number, accept?: (classification: ClassificationJson) => boolean): readonly ClassificationJson[]
  /** Calls the listener with every classification that is published from now on. The returned function ends this. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void
}
