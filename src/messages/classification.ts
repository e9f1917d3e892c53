import { z } from 'zod'
import type { Immutable } from '../immutable.ts'
import { bands, type ContextField } from '../lightcurves/points/observation.ts'

/*
 * The schema of the message in its JSON encoding. The TypeScript types, the OpenAPI document, docs/message.md and
 * schemas/classification.d.ts are derived from it; a test compares schemas/classification.avsc with it. Titles are the names of Avro
 * records and enums. An enum without a title is a string in Avro, so that readers accept values that are added later. `z.int32` is
 * Avro's int, `z.int` its long.
 */

/** Name of the schema, in the `schema` header and in the hash of settings in the id. */
export const schemaName = 'hierax.classification.v1'

/** Why an alert was not classified. The reasons are checked in this order. */
export const reasons = ['PROGRAM', 'BOGUS', 'SOLAR_SYSTEM', 'TOO_FEW_DETECTIONS'] as const
export type Reason = (typeof reasons)[number]

const text = (description: string) => z.string().describe(description)
const number = (description: string) => z.number().describe(description)
const orNull = <T extends z.ZodType>(schema: T, description: string) => schema.nullable().describe(description)

const node = z
  .object({
    name: text('Name of the taxonomy node'),
    parent: orNull(z.string(), 'Null for children of the root'),
    conditional: number('P(node | parent); siblings sum to 1'),
    probability: number('P(node): the product of the conditionals along the path from the root')
  })
  .meta({ title: 'Node' })

const photometry = z
  .object({
    band: z.enum(bands).describe('g, r or i'),
    magnitude: number('Difference magnitude (magpsf)'),
    error: number('Its 1-sigma error (sigmapsf), mag'),
    positive: z.boolean().describe('The source is brighter than the reference image'),
    realBogus: orNull(z.number(), 'drb, or rb if there is no drb: 0 bogus, 1 real'),
    starScore: orNull(z.number(), 'Nearest catalogue source: 0 galaxy, 1 star (sgscore1)'),
    starDistance: orNull(z.number(), 'Its distance, arcsec (distpsnr1)'),
    solarSystemDistance: orNull(z.number(), 'Nearest known solar-system object, arcsec (ssdistnr)'),
    solarSystemName: orNull(z.string(), 'Its name (ssnamenr)')
  })
  .meta({ title: 'AlertPhotometry' })

export const prediction = z
  .object({
    node: text('Name of that node'),
    probability: number('P(node)'),
    path: z.array(z.string()).describe('Names of the nodes from the child of the root to this one')
  })
  .meta({ title: 'Prediction' })
  .nullable()
  .describe("The deepest node that the probabilities support, by the model's decision rule")

export const novelty = orNull(
  z.number(),
  '0 like the training set, 1 unlike anything in it; null if the model does not compute it'
)

export const provenance = z
  .object({
    name: text('Name of the model'),
    version: text('Version of the model'),
    sha256: text("SHA-256 over the model's files"),
    taxonomy: text('Name of its taxonomy'),
    taxonomyVersion: text('Version of the taxonomy')
  })
  .meta({ title: 'Provenance' })

const peak = z
  .object({
    jd: number('Julian date of its exposure, days'),
    magnitude: number('Its difference magnitude')
  })
  .meta({ title: 'Peak' })

const lightCurve = z
  .object({
    detections: z.int32().describe("Detections up to the alert's time"),
    upperLimits: z.int32().describe("Upper limits up to the alert's time"),
    firstJd: orNull(z.number(), 'Julian date of the first point, detection or upper limit'),
    lastJd: orNull(z.number(), 'Julian date of the last point'),
    latest: z.partialRecord(z.enum(bands), z.number()).describe('Magnitude of the latest detection by band'),
    fingerprint: text("Hash of these points and of the alert's own fields"),
    revision: z
      .int()
      .describe(
        'Grows with what is known about these points: of two messages of the same jd and candid, the one with the greater revision is current'
      ),
    firstDetectionJd: orNull(z.number(), 'Julian date of the first detection, days; null if there is none'),
    lastDetectionJd: orNull(z.number(), 'Julian date of the last detection, days'),
    ndethist: orNull(
      z.int32(),
      'Number of detections at this position since the survey began, from the packet (ndethist)'
    ),
    jdstarthist: orNull(z.number(), 'Julian date of the first of these, from the packet (jdstarthist)'),
    peak: z
      .partialRecord(z.enum(bands), peak)
      .default({})
      .describe(
        'The brightest detection by band, of those with a positive difference; the earliest if several are equally bright'
      ),
    droppedPoints: z
      .int32()
      .default(0)
      .describe("Points of the packet's history that are not used, because their values are not photometry")
  })
  .meta({ title: 'LightCurveSummary' })

export const evidence = z
  .array(
    z
      .object({
        node: text('Name of the child of the root'),
        lightCurve: number('Contribution of the light curve, at the class mix of the training set; natural logarithm'),
        context: number(
          'Contribution of the other fields of the packet; 0 without them, and for a model that does not use them'
        ),
        prior: number('ln(share in the population / share in the training set); 0 without a population')
      })
      .meta({ title: 'Evidence' })
  )
  .describe(
    "The reasons: one entry for each child of the root, in the taxonomy's order. The softmax of the sums lightCurve + context + prior gives their conditional probabilities. Empty if NOT_CLASSIFIED"
  )

const context = z
  .object({
    sgscore1: orNull(z.number(), 'Nearest Pan-STARRS1 source: 0 galaxy, 1 star'),
    distpsnr1: orNull(z.number(), 'Its distance, arcsec; null if there is none within 30 arcsec'),
    sgmag1: orNull(z.number(), 'Its g magnitude'),
    srmag1: orNull(z.number(), 'Its r magnitude'),
    simag1: orNull(z.number(), 'Its i magnitude'),
    szmag1: orNull(z.number(), 'Its z magnitude'),
    sgscore2: orNull(z.number(), 'Second nearest Pan-STARRS1 source: 0 galaxy, 1 star'),
    distpsnr2: orNull(z.number(), 'Its distance, arcsec'),
    distnr: orNull(z.number(), 'Distance to the nearest source in the reference image, pixels of 1.012 arcsec'),
    magnr: orNull(z.number(), 'Its magnitude'),
    chinr: orNull(z.number(), 'Its chi, how well a point source fits it'),
    sharpnr: orNull(z.number(), 'Its sharpness: 0 for a point source, above 0 for an extended one'),
    neargaia: orNull(z.number(), 'Distance to the nearest Gaia source, arcsec; null if there is none within 90 arcsec'),
    maggaia: orNull(z.number(), 'Its G magnitude'),
    classtar: orNull(
      z.number(),
      "SExtractor's score of the detection in the difference image: 0 extended, 1 point source"
    ),
    ndethist: orNull(z.int32(), 'Number of detections within 1.5 arcsec since the survey began, down to 3 sigma'),
    ncovhist: orNull(z.int32(), 'Number of exposures that have covered this position'),
    jdstarthist: orNull(z.number(), 'Julian date of the earliest of these detections')
  } satisfies Record<ContextField, z.ZodType>)
  .meta({ title: 'Context' })

export const population = z
  .object({
    name: text("Its name in the model's card, or custom if the operator configured the shares"),
    shares: z
      .record(z.string(), z.number())
      .describe(
        'Share of each node among its siblings. Groups of siblings that are not listed keep the mix of the training set'
      )
  })
  .meta({ title: 'Population' })
  .nullable()
  .describe(
    'The class mix to which the probabilities apply; null for a model without one, whose probabilities apply to the mix of its training set'
  )

/** A classification: the result of one model for one alert. */
export const classificationSchema = z
  .object({
    id: text(
      'objectId:candid:settings:fingerprint. Two messages with the same id have the same bytes: deduplicate by it. If admission leaves points out, the last part is not the fingerprint itself, but still a hash of everything that the message is computed from.'
    ),
    objectId: text('ZTF object'),
    candid: z
      .string()
      .regex(/^-?\d{1,19}$/)
      .describe('Candidate of the alert; exceeds 2^53, so JSON encodings write it as a string'),
    jd: number("Julian date of the alert's exposure, days"),
    ra: number('Right ascension, degrees, J2000'),
    dec: number('Declination, degrees, J2000'),
    programId: z.int32().describe('Survey programme: 1 public, 2 and 3 restricted, 0 unknown'),
    status: z
      .enum(['CLASSIFIED', 'NOT_CLASSIFIED'])
      .meta({ title: 'Status', description: 'Whether there are probabilities' }),
    reason: orNull(z.enum(reasons), 'For NOT_CLASSIFIED: PROGRAM, BOGUS, SOLAR_SYSTEM or TOO_FEW_DETECTIONS'),
    alert: orNull(photometry, 'Photometry of the alert; null for reason PROGRAM'),
    nodes: z.array(node).describe('Every node but the root, parents before children; empty if NOT_CLASSIFIED'),
    prediction,
    novelty,
    classifier: provenance.describe('The model that computed the message'),
    lightCurve: lightCurve.describe(
      "The points that the classification is computed from: the object's points up to the alert's time"
    ),
    // Fields with a default were added after the first release.
    evidence: evidence.default([]),
    context: orNull(
      context,
      "The packet's fields about the position and its history, with ZTF's names; null for missing values (-999, a negative distance, a score outside 0 to 1). The whole record is null for reason PROGRAM"
    ),
    population
  })
  .meta({
    title: 'Classification',
    description:
      "The classification of one alert: the probability of every node of a taxonomy, or the reason why there is none (hierax.classification.v1). The body is a pure function of the alert, the light curve up to the alert's time, the model and the admission settings."
  })

/** A classification in its JSON encoding, with fields in the order of the schema. */
export type ClassificationJson = Immutable<z.infer<typeof classificationSchema>>

/** A model as messages name it. */
export type Provenance = ClassificationJson['classifier']

/** How messages name a model. */
export function provenanceOf({ name, version, sha256, taxonomy, taxonomyVersion }: Provenance): Provenance {
  return { name, version, sha256, taxonomy, taxonomyVersion }
}

/** The body of a message. It differs from the JSON encoding in the candid, which is a bigint because it exceeds 2^53. */
export type Classification = Omit<ClassificationJson, 'candid'> & { readonly candid: bigint }
