import type { ClassificationJson } from '../messages/classification.ts'
import type { Part } from '../telemetry/definitions.ts'
import type { HistoryView, Liveness, ModelView, ObjectView, PartState, StatisticsView } from './schemas.ts'

/** All that the HTTP service asks of the rest of Hierax. */
export interface ServicePorts {
  readiness(): Readonly<Record<Part, PartState>>
  /** Whether the process works, or waits for something outside. */
  liveness(): Liveness
  /** Metrics in Prometheus's text format. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  /**
   * What is known of an object, with the current classification of the model of that SHA-256 (the first one's unless given); null where
   * no alert of it was seen.
   */
  object(objectId: string, model?: string): Promise<ObjectView | null>
  /** The history of an object's probabilities by the model of that SHA-256; null where no alert of the object was seen. */
  history(objectId: string, query: { readonly model?: string; readonly limit: number }): Promise<HistoryView | null>
  statistics(): Promise<StatisticsView>
  /** The models in use, at least one. */
  models(): readonly ModelView[]
  /** The latest classifications that are accepted, newest first. */
  recent(limit: number, accept?: (classification: ClassificationJson) => boolean): readonly ClassificationJson[]
  /** Calls the listener with every classification that is published from now on, until the function returned is called. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void
}
