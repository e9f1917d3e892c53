import type { Classification } from '../messages/classification.ts'
import type { Part } from '../telemetry/definitions.ts'
import type { MinuteView } from './statistics.ts'

/** Whether a part of the service is ready, and a short constant reason (`running`, `waiting for a topic`, …). */
export interface PartState {
  readonly ready: boolean
  readonly reason: string
}

type Evidence = Classification['evidence'][number]
type Population = NonNullable<Classification['population']>

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
  /** `drb`, else `rb`, of the point: 0 bogus to 1 real; null where it is not known, and for upper limits. */
  readonly realBogus: number | null
  /** Distance to the nearest known solar-system object, arcsec; null where there is none, and for upper limits. */
  readonly solarSystemDistance: number | null
  /** Whether the point passes the admission settings: what does not is kept, but not classified. */
  readonly admitted: boolean
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
  /** The object's answer; null where there is none. */
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
  /** The class mix for which probabilities are given; null for a model without one. */
  readonly population: Population | null
}

/** What a model says of an object at the time of one of its detections. */
export interface MomentView {
  readonly jd: number
  readonly mjd: number
  readonly band: 'g' | 'r' | 'i'
  readonly candid: string | null
  /** Detections up to and at this time. */
  readonly detections: number
  /** P(node), in the order of `HistoryView.nodes`. */
  readonly probabilities: readonly number[]
  readonly prediction: { readonly node: string; readonly probability: number; readonly path: readonly string[] } | null
  readonly novelty: number | null
  /** Log terms of the children of the root, as in a message. */
  readonly evidence: readonly Evidence[]
}

/** How the probabilities of an object came about. */
export interface HistoryView {
  readonly objectId: string
  readonly classifier: Omit<ModelView, 'runtime' | 'root' | 'nodes' | 'population'>
  /** Nodes without the root, parents before children; null for the parent of those below the root. */
  readonly nodes: readonly { readonly name: string; readonly parent: string | null }[]
  /** Sorted by `jd`. */
  readonly moments: readonly MomentView[]
}

/** How the service does. */
export interface StatisticsView {
  /** Alerts that came to their end since the start, and what became of them. */
  readonly alerts: number
  readonly outcomes: { readonly classified: number; readonly notClassified: number; readonly deadLetters: number }
  /** Messages that this process has still to read. */
  readonly lag: number
  /** Objects in the store. */
  readonly objects: number
  /** The first model's answers in the last minute. */
  readonly minute: MinuteView
}

/** All that the HTTP service asks of the rest of Hierax. */
export interface ServicePorts {
  readiness(): Readonly<Record<Part, PartState>>
  /** Whether the process works, or waits for something outside. */
  liveness(): { readonly ok: boolean; readonly reason: string }
  /** Metrics in Prometheus's text format. */
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  /** What is known of an object, with the answer of the model of that SHA-256 (the first one's unless given); null where no alert of it was seen. */
  object(objectId: string, model?: string): Promise<ObjectView | null>
  /** How the answers of a model, named by its SHA-256, came about; null where no alert of the object was seen. */
  history(objectId: string, query: { readonly model?: string; readonly limit: number }): Promise<HistoryView | null>
  statistics(): Promise<StatisticsView>
  /** The models in use, at least one. */
  models(): readonly ModelView[]
  /** The latest classifications that are accepted, newest first. */
  recent(limit: number, accept?: (classification: ClassificationJson) => boolean): readonly ClassificationJson[]
  /** Calls the listener with every classification that is published from now on, until the function returned is called. */
  subscribe(listener: (classification: ClassificationJson) => void): () => void
}
