import type { Part } from '../telemetry/definitions.ts'

/** Whether a part of the service is ready, and a short constant reason (`running`, `waiting for a topic`, …). */
export interface PartState {
  readonly ready: boolean
  readonly reason: string
}

/** A classification in its JSON encoding: exactly what the message says, its `candid` a string. */
export type ClassificationJson = Readonly<Record<string, unknown>>

/** A point of a light curve, as answered over HTTP. */
export interface PointView {
  /** Julian and modified Julian date of mid-exposure, days. */
  readonly jd: number
  readonly mjd: number
  readonly band: 'g' | 'r' | 'i'
  readonly type: 'detection' | 'upperLimit'
  /** Difference magnitude of a detection, 5-sigma limiting magnitude of an upper limit. */
  readonly magnitude: number
  /** Mag; null for upper limits. */
  readonly error: number | null
  /** Sign of the difference; null for upper limits. */
  readonly positive: boolean | null
  readonly candid: string | null
}

/** An alert named and placed. */
export interface AlertView {
  readonly candid: string
  readonly jd: number
  /** Degrees, J2000. */
  readonly ra: number
  readonly dec: number
  readonly programId: number
}

/** What is known of an object. */
export interface ObjectView {
  readonly objectId: string
  /** Sorted by `jd`. */
  readonly lightCurve: readonly PointView[]
  /** The newest alert; null where only points are known. */
  readonly newest: AlertView | null
  /** The object's answer (the first model's); null where there is none. */
  readonly classification: ClassificationJson | null
}

/** A model in use. A `Classifier` is one. */
export interface ModelView {
  readonly name: string
  readonly version: string
  readonly sha256: string
  readonly taxonomy: string
  readonly taxonomyVersion: string
  readonly runtime: string
  /** Name of the root node. */
  readonly root: string
  /** Nodes without the root, parents before children. */
  readonly nodes: readonly { readonly name: string; readonly parent: string | null; readonly description?: string }[]
}

/** All that the HTTP service asks of the rest of Hierax. */
export interface ServicePorts {
  readiness(): Readonly<Record<Part, PartState>>
  /** Whether the process works, or waits for something outside. */
  liveness(): { readonly ok: boolean; readonly reason: string }
  /** Metrics in Prometheus's text format. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  /** What is known of an object; null where no alert of it was seen. */
  object(objectId: string): Promise<ObjectView | null>
  /** The models in use, at least one. */
  models(): readonly ModelView[]
  /** The latest classifications, newest first. */
  recent(limit: number): readonly ClassificationJson[]
  /** Calls the listener with every classification that is published from now on, until the function returned is called. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void
}
