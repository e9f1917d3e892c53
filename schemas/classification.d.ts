// Made by scripts/generate-docs.ts from src/messages/classification.ts: change that, not this file.

/* Types of a message in its JSON encoding (Kafka with output.encoding json, the API, `hierax tail --json`). */

/** The classification of one alert: the probability of every node of a taxonomy, or the reason why there is none (hierax.classification.v1). The body is a pure function of the alert, the light curve up to the alert's time, the model and the admission settings. */
export interface Classification {
  /** objectId:candid:settings:fingerprint. Two messages with the same id have the same bytes: deduplicate by it. If admission leaves points out, the last part is not the fingerprint itself, but still a hash of everything that the message is computed from. */
  readonly id: string
  /** ZTF object */
  readonly objectId: string
  /** Candidate of the alert; exceeds 2^53, so JSON encodings write it as a string */
  readonly candid: string
  /** Julian date of the alert's exposure, days */
  readonly jd: number
  /** Right ascension, degrees, J2000 */
  readonly ra: number
  /** Declination, degrees, J2000 */
  readonly dec: number
  /** Survey programme: 1 public, 2 and 3 restricted, 0 unknown */
  readonly programId: number
  /** Whether there are probabilities */
  readonly status: 'CLASSIFIED' | 'NOT_CLASSIFIED'
  /** For NOT_CLASSIFIED: PROGRAM, BOGUS, SOLAR_SYSTEM or TOO_FEW_DETECTIONS */
  readonly reason: string | null
  /** Photometry of the alert; null for reason PROGRAM */
  readonly alert: AlertPhotometry | null
  /** Every node but the root, parents before children; empty if NOT_CLASSIFIED */
  readonly nodes: readonly Node[]
  /** The deepest node that the probabilities support, by the model's decision rule */
  readonly prediction: Prediction | null
  /** 0 like the training set, 1 unlike anything in it; null if the model does not compute it */
  readonly novelty: number | null
  /** The model that computed the message */
  readonly classifier: Provenance
  /** The points that the classification is computed from: the object's points up to the alert's time */
  readonly lightCurve: LightCurveSummary
  /** The reasons: one entry for each child of the root, in the taxonomy's order. The softmax of the sums lightCurve + context + prior gives their conditional probabilities. Empty if NOT_CLASSIFIED */
  readonly evidence: readonly Evidence[]
  /** The packet's fields about the position and its history, with ZTF's names; null for missing values (-999, a negative distance, a score outside 0 to 1). The whole record is null for reason PROGRAM */
  readonly context: Context | null
  /** The class mix to which the probabilities apply; null for a model without one, whose probabilities apply to the mix of its training set */
  readonly population: Population | null
}

export interface AlertPhotometry {
  /** g, r or i */
  readonly band: string
  /** Difference magnitude (magpsf) */
  readonly magnitude: number
  /** Its 1-sigma error (sigmapsf), mag */
  readonly error: number
  /** The source is brighter than the reference image */
  readonly positive: boolean
  /** drb, or rb if there is no drb: 0 bogus, 1 real */
  readonly realBogus: number | null
  /** Nearest catalogue source: 0 galaxy, 1 star (sgscore1) */
  readonly starScore: number | null
  /** Its distance, arcsec (distpsnr1) */
  readonly starDistance: number | null
  /** Nearest known solar-system object, arcsec (ssdistnr) */
  readonly solarSystemDistance: number | null
  /** Its name (ssnamenr) */
  readonly solarSystemName: string | null
}

export interface Node {
  /** Name of the taxonomy node */
  readonly name: string
  /** Null for children of the root */
  readonly parent: string | null
  /** P(node | parent); siblings sum to 1 */
  readonly conditional: number
  /** P(node): the product of the conditionals along the path from the root */
  readonly probability: number
}

export interface Prediction {
  /** Name of that node */
  readonly node: string
  /** P(node) */
  readonly probability: number
  /** Names of the nodes from the child of the root to this one */
  readonly path: readonly string[]
}

export interface Provenance {
  /** Name of the model */
  readonly name: string
  /** Version of the model */
  readonly version: string
  /** SHA-256 over the model's files */
  readonly sha256: string
  /** Name of its taxonomy */
  readonly taxonomy: string
  /** Version of the taxonomy */
  readonly taxonomyVersion: string
}

export interface LightCurveSummary {
  /** Detections up to the alert's time */
  readonly detections: number
  /** Upper limits up to the alert's time */
  readonly upperLimits: number
  /** Julian date of the first point, detection or upper limit */
  readonly firstJd: number | null
  /** Julian date of the last point */
  readonly lastJd: number | null
  /** Magnitude of the latest detection by band */
  readonly latest: Readonly<Record<string, number>>
  /** Hash of these points and of the alert's own fields */
  readonly fingerprint: string
  /** Grows with what is known about these points: of two messages of the same jd and candid, the one with the greater revision is current */
  readonly revision: number
  /** Julian date of the first detection, days; null if there is none */
  readonly firstDetectionJd: number | null
  /** Julian date of the last detection, days */
  readonly lastDetectionJd: number | null
  /** Number of detections at this position since the survey began, from the packet (ndethist) */
  readonly ndethist: number | null
  /** Julian date of the first of these, from the packet (jdstarthist) */
  readonly jdstarthist: number | null
  /** The brightest detection by band, of those with a positive difference; the earliest if several are equally bright */
  readonly peak: Readonly<Record<string, Peak>>
  /** Points of the packet's history that are not used, because their values are not photometry */
  readonly droppedPoints: number
}

export interface Peak {
  /** Julian date of its exposure, days */
  readonly jd: number
  /** Its difference magnitude */
  readonly magnitude: number
}

export interface Evidence {
  /** Name of the child of the root */
  readonly node: string
  /** Contribution of the light curve, at the class mix of the training set; natural logarithm */
  readonly lightCurve: number
  /** Contribution of the other fields of the packet; 0 without them, and for a model that does not use them */
  readonly context: number
  /** ln(share in the population / share in the training set); 0 without a population */
  readonly prior: number
}

export interface Context {
  /** Nearest Pan-STARRS1 source: 0 galaxy, 1 star */
  readonly sgscore1: number | null
  /** Its distance, arcsec; null if there is none within 30 arcsec */
  readonly distpsnr1: number | null
  /** Its g magnitude */
  readonly sgmag1: number | null
  /** Its r magnitude */
  readonly srmag1: number | null
  /** Its i magnitude */
  readonly simag1: number | null
  /** Its z magnitude */
  readonly szmag1: number | null
  /** Second nearest Pan-STARRS1 source: 0 galaxy, 1 star */
  readonly sgscore2: number | null
  /** Its distance, arcsec */
  readonly distpsnr2: number | null
  /** Distance to the nearest source in the reference image, pixels of 1.012 arcsec */
  readonly distnr: number | null
  /** Its magnitude */
  readonly magnr: number | null
  /** Its chi, how well a point source fits it */
  readonly chinr: number | null
  /** Its sharpness: 0 for a point source, above 0 for an extended one */
  readonly sharpnr: number | null
  /** Distance to the nearest Gaia source, arcsec; null if there is none within 90 arcsec */
  readonly neargaia: number | null
  /** Its G magnitude */
  readonly maggaia: number | null
  /** SExtractor's score of the detection in the difference image: 0 extended, 1 point source */
  readonly classtar: number | null
  /** Number of detections within 1.5 arcsec since the survey began, down to 3 sigma */
  readonly ndethist: number | null
  /** Number of exposures that have covered this position */
  readonly ncovhist: number | null
  /** Julian date of the earliest of these detections */
  readonly jdstarthist: number | null
}

export interface Population {
  /** Its name in the model's card, or custom if the operator configured the shares */
  readonly name: string
  /** Share of each node among its siblings. Groups of siblings that are not listed keep the mix of the training set */
  readonly shares: Readonly<Record<string, number>>
}

/** The same from an Avro reader that reads a long as a bigint. */
export interface AvroClassification extends Omit<Classification, 'candid' | 'lightCurve'> {
  readonly candid: bigint
  readonly lightCurve: Omit<LightCurveSummary, 'revision'> & { readonly revision: bigint }
}
