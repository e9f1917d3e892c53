import { z } from 'zod'
import type { Immutable } from '../../immutable.ts'
import { cutoutKinds } from '../../lightcurves/cutouts.ts'
import { bands } from '../../lightcurves/points/observation.ts'
import {
  classificationSchema,
  evidence,
  novelty,
  population,
  prediction,
  provenance
} from '../../messages/classification.ts'
import { agreements } from '../../pipeline/agreement.ts'
import { type Part, parts } from '../../telemetry/definitions.ts'

/*
 * Schemas of the API's responses. The TypeScript types, the OpenAPI document and the page's types are derived from them. Responses are
 * written by JSON.stringify, not by the schemas, so that a message has the same fields and order as on Kafka.
 */

const text = (description: string) => z.string().describe(description)
const number = (description: string) => z.number().describe(description)
const integer = (description: string) => z.int().describe(description)
const flag = (description: string) => z.boolean().describe(description)
const orNull = <T extends z.ZodType>(schema: T, description: string) => schema.nullable().describe(description)
const listOf = <T extends z.ZodType>(schema: T, description: string) => z.array(schema).describe(description)

const candidate = orNull(z.string(), 'candidate, if known')
const nodeParent = orNull(z.string(), 'name of its parent; null for a child of the root')

/** A point of a light curve; the columns of its table are these fields. */
export const point = z.object({
  jd: number('Julian date of mid-exposure, days'),
  mjd: number('modified Julian date, days'),
  band: z.enum(bands),
  type: z.enum(['detection', 'upperLimit']),
  magnitude: number('difference magnitude, or 5-sigma limiting magnitude of an upper limit'),
  error: orNull(z.number(), 'mag; null for an upper limit'),
  positive: orNull(z.boolean(), 'sign of the difference; null for an upper limit'),
  candid: candidate,
  realBogus: orNull(z.number(), 'drb, else rb: 0 bogus to 1 real; null if unknown'),
  solarSystemDistance: orNull(z.number(), 'distance to the nearest known solar-system object, arcsec'),
  admitted: flag(
    'whether the point passes the admission settings; other points are stored but not used for classification'
  )
})

const newestAlert = z.object({
  candid: text('candidate of the alert'),
  jd: number('Julian date, days'),
  ra: number('right ascension, degrees, J2000'),
  dec: number('declination, degrees, J2000'),
  programId: integer('survey programme')
})

/** `/api/v1/objects/{objectId}`. */
export const object = z.object({
  objectId: text('ZTF object'),
  lightCurve: listOf(point, 'sorted by time'),
  newest: orNull(newestAlert, 'the newest alert; null if only points are known'),
  classification: orNull(classificationSchema, 'the object’s current classification; null if there is none'),
  cutouts: listOf(
    z.enum(cutoutKinds),
    'images of the newest alert that can be requested; absent unless `http.cutouts` is set'
  ).optional()
})

const moment = z.object({
  jd: number('Julian date of the detection, days'),
  mjd: number('modified Julian date, days'),
  band: z.enum(bands).describe('its band'),
  candid: candidate,
  detections: integer('number of detections up to this time, inclusive'),
  probabilities: listOf(z.number(), 'P(node), in the order of `nodes`'),
  prediction,
  novelty,
  evidence
})

/** `/api/v1/objects/{objectId}/history`. */
export const history = z
  .object({
    objectId: text('ZTF object'),
    classifier: provenance,
    nodes: listOf(z.object({ name: text('name of the node'), parent: nodeParent }), 'parents before children'),
    moments: listOf(moment, 'sorted by time')
  })
  .describe('How the probabilities of an object changed with its detections')

/** `/api/v1/taxonomy`. */
export const taxonomy = z.object({
  name: text('name of the taxonomy'),
  version: text('its version'),
  model: text('the model that uses it'),
  root: text('name of the root; messages do not contain it'),
  nodes: listOf(
    z.object({
      name: text('name of the node'),
      parent: nodeParent,
      description: text('description of the node').optional()
    }),
    'parents before children'
  )
})

const oneModel = z.object({
  ...provenance.shape,
  runtime: text('what computes its network: `wasm` or `node` (tfjs-node)'),
  nodes: integer('number of nodes'),
  population
})

/** `/api/v1/model`. */
export const model = oneModel
  .extend({ models: listOf(oneModel, 'all models in use') })
  .describe('The first model in use, and all of them')

const counts = (description: string) => z.record(z.string(), z.int()).describe(description)

const minute = z.object({
  perSecond: listOf(z.int(), 'messages, classified or not, in each of the last 60 whole seconds, oldest first'),
  classified: integer('classified alerts in that minute'),
  notClassified: integer('alerts without probabilities'),
  reasons: counts('alerts without probabilities, by reason'),
  nodes: counts('classified alerts by predicted node; the empty name counts alerts without a prediction')
})

/** `/api/v1/statistics`; the minute is that of the first model. */
export const statistics = z
  .object({
    alerts: integer('alerts fully processed since the start'),
    outcomes: z.object({
      classified: integer('classified alerts'),
      notClassified: integer('alerts without probabilities'),
      deadLetters: integer('dead letters')
    }),
    lag: integer('messages that this process has not yet consumed'),
    objects: integer('objects in the store'),
    minute
  })
  .describe('Counts since the start, and of the last minute')

const predictedNode = z.object({
  node: orNull(z.string(), 'predicted node; null for none'),
  probability: orNull(z.number(), 'its probability')
})

const agreement = z
  .enum(agreements)
  .describe(
    '`same`: the same node; `ancestor`: one node is above the other; `different`: neither; `incomparable`: a prediction has no node whose name is in both taxonomies. Taxonomies that differ are compared at the nodes whose names they share'
  )

const shadowModel = provenance.pick({ name: true, version: true, sha256: true })

const disagreement = z.object({
  objectId: text('ZTF object'),
  candid: text('candidate of the alert'),
  jd: number('Julian date of the alert, days'),
  agreement,
  live: predictedNode.describe('prediction of the published model (the first one)'),
  shadow: predictedNode.describe('prediction of the shadow model'),
  model: shadowModel.describe('the shadow model')
})

const comparison = z.object({
  model: provenance,
  alerts: integer('classified alerts that were compared'),
  agreement: orNull(z.number(), 'share of `same` among the comparable ones; null without any'),
  same: integer('alerts with the same prediction'),
  ancestor: integer('alerts for which one predicted node is above the other'),
  different: integer('alerts with different predictions'),
  incomparable: integer('alerts whose predictions cannot be compared'),
  skipped: z.object({
    busy: integer('alerts that were left out because they arrived faster than the shadow models classify'),
    failed: integer('alerts for which the model failed')
  }),
  seconds: number('time spent, s'),
  pairs: listOf(
    z.object({
      live: orNull(z.string(), 'node predicted by the published model'),
      shadow: orNull(z.string(), 'node predicted by the shadow model'),
      agreement,
      alerts: integer('number of alerts')
    }),
    'alerts by both predicted nodes, the most frequent first'
  )
})

/** `/api/v1/disagreements`. */
export const disagreements = z
  .object({
    since: text('start of the service (ISO 8601), since when alerts are compared; a restart clears them'),
    models: listOf(comparison, 'one entry for each shadow model'),
    disagreements: listOf(disagreement, 'the latest that match, newest first; the last 10,000 are kept')
  })
  .describe('How the predictions of shadow models differ from the published ones')

const partState = z.object({
  ready: flag('whether it is ready'),
  reason: text('a fixed text, such as `running` or `waiting for a topic`')
})

/** `/health/ready`. */
export const readiness = z.object({
  ready: flag('whether all parts are ready'),
  parts: z.object(Object.fromEntries(parts.map(part => [part, partState])) as Record<Part, typeof partState>)
})

/** `/health/live`. */
export const liveness = z.object({
  ok: flag('whether the process is working, or waiting for an external system'),
  reason: text('a fixed text')
})

export type PointView = Immutable<z.infer<typeof point>>
export type ObjectView = Immutable<z.infer<typeof object>>
export type MomentView = Immutable<z.infer<typeof moment>>
export type HistoryView = Immutable<z.infer<typeof history>>
export type TaxonomyView = Immutable<z.infer<typeof taxonomy>>
export type ModelProvenance = Immutable<z.infer<typeof oneModel>>
export type ModelsView = Immutable<z.infer<typeof model>>
export type MinuteView = Immutable<z.infer<typeof minute>>
export type StatisticsView = Immutable<z.infer<typeof statistics>>
export type ComparisonView = Immutable<z.infer<typeof comparison>>
export type DisagreementView = Immutable<z.infer<typeof disagreement>>
export type DisagreementsView = Immutable<z.infer<typeof disagreements>>
export type PartState = Immutable<z.infer<typeof partState>>
export type Readiness = Immutable<z.infer<typeof readiness>>
export type Liveness = Immutable<z.infer<typeof liveness>>

/** A model in use. A `Classifier` is one. */
export interface ModelView extends Omit<ModelProvenance, 'nodes'> {
  /** Name of the root node. */
  readonly root: string
  /** Nodes without the root, parents before children. */
  readonly nodes: readonly { readonly name: string; readonly parent: string | null; readonly description?: string }[]
}
