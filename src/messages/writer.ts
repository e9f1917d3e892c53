import { createHash } from 'node:crypto'
import type { Answer, Classifier, Evidence, Population } from '../classifier/types.ts'
import type { Gates } from '../lightcurves/curve/gates.ts'
import type { LightCurve, Prefix } from '../lightcurves/curve/light-curve.ts'
import { fingerprintHash, fingerprintText, idText } from '../lightcurves/points/fingerprint.ts'
import {
  type AlertContext,
  type AlertPhotometry,
  type AlertRecord,
  contextFields
} from '../lightcurves/points/observation.ts'
import { otherVersions } from '../lightcurves/records/alert-versions.ts'
import { type Classification, type Provenance, provenanceOf, type Reason, schemaName } from './classification.ts'

/** Settings that affect the content of a message. */
export interface ClassificationSettings {
  readonly admit: Gates & { readonly minDetections: number }
  readonly programs: readonly number[]
}

/** Input of {@link ClassificationWriter.write}. */
export interface ClassificationInput {
  readonly objectId: string
  readonly record: AlertRecord
  /** Hashes of all received versions of the alert; empty if there is only one. */
  readonly versions: readonly bigint[]
  readonly curve: LightCurve
  readonly prefix: Prefix
  readonly reason: Reason | null
}

/** Writes the classification messages of one model. */
export class ClassificationWriter {
  private readonly classifier: Classifier
  private readonly provenance: Provenance
  private readonly population: Population | null
  private readonly settings: string

  constructor(classifier: Classifier, settings: ClassificationSettings) {
    this.classifier = classifier
    this.provenance = provenanceOf(classifier)
    this.population = inTaxonomyOrder(classifier)
    this.settings = settingsHash(classifier.sha256, settings, this.population)
  }

  /** Makes a classification; `answer` is null when there is a reason. Equal inputs give equal bytes. */
  write(input: ClassificationInput, answer: Answer | null): Classification {
    const { objectId, record, versions, curve, prefix, reason } = input
    const others = otherVersions(record, versions)
    const hash = fingerprintHash(prefix.hash, record, others)
    const fingerprint = fingerprintText(hash)
    const end = prefix.hiddenRevision === 0 ? fingerprint : idText(hash, prefix.hiddenRevision)
    const revision = prefix.revision + others.length
    const context = record.photometry && publishedContext(record.photometry.context)
    return {
      id: `${objectId}:${record.candid}:${this.settings}:${end}`,
      objectId,
      candid: record.candid,
      jd: record.jd,
      ra: record.ra,
      dec: record.dec,
      programId: record.programId,
      status: answer ? 'CLASSIFIED' : 'NOT_CLASSIFIED',
      reason,
      alert: record.photometry && inOrder(record.photometry),
      nodes: answer ? this.nodesOf(answer) : [],
      prediction: answer?.prediction ?? null,
      novelty: answer?.novelty ?? null,
      classifier: this.provenance,
      lightCurve: {
        detections: prefix.detections,
        upperLimits: prefix.upperLimits,
        firstJd: prefix.firstJd,
        lastJd: prefix.lastJd,
        latest: curve.latest(prefix.length),
        fingerprint,
        revision,
        firstDetectionJd: prefix.firstDetectionJd,
        lastDetectionJd: prefix.lastDetectionJd,
        ndethist: context?.ndethist ?? null,
        jdstarthist: context?.jdstarthist ?? null,
        peak: curve.peak(prefix.length),
        droppedPoints: record.photometry?.droppedPoints ?? 0
      },
      evidence: answer ? answer.evidence.map(evidenceInOrder) : [],
      context,
      population: this.population
    }
  }

  private nodesOf(answer: Answer): Classification['nodes'] {
    const { nodes, root } = this.classifier
    return nodes.map(({ name, parent }, index) => ({
      name,
      parent: parent === root ? null : parent,
      conditional: answer.conditional[index] as number,
      probability: answer.probability[index] as number
    }))
  }
}

/** The fields in the order of the schema, so that the JSON encoding always has the same bytes. */
function inOrder(photometry: AlertPhotometry): Classification['alert'] {
  const { band, magnitude, error, positive, realBogus, starScore, starDistance, solarSystemDistance } = photometry
  const solarSystemName = photometry.solarSystemName ?? null
  return {
    band,
    magnitude,
    error,
    positive,
    realBogus,
    starScore,
    starDistance,
    solarSystemDistance,
    solarSystemName
  }
}

function evidenceInOrder({ node, lightCurve, context, prior }: Evidence): Evidence {
  return { node, lightCurve, context, prior }
}

/** The fields in the order of the schema. A count that is not a 32-bit integer cannot be encoded and becomes null. */
function publishedContext(context: AlertContext): AlertContext {
  const fields = {} as Record<keyof AlertContext, number | null>
  for (const name of contextFields) fields[name] = context[name]
  fields.ndethist = countOf(context.ndethist)
  fields.ncovhist = countOf(context.ncovhist)
  return fields
}

function countOf(value: number | null): number | null {
  return value === null || value === (value | 0) ? value : null
}

/** Shares in the order of the taxonomy, so that their order in the configuration does not change the bytes. */
function inTaxonomyOrder({ population, nodes }: Classifier): Population | null {
  if (population === null) return null
  const { name, shares } = population
  const ordered = nodes.flatMap(({ name: node }) =>
    Object.hasOwn(shares, node) ? [[node, shares[node] as number] as const] : []
  )
  return { name, shares: Object.fromEntries(ordered) }
}

/**
 * First 12 hex digits of the SHA-256 of everything besides alert and light curve that affects a classification. Without a population the
 * hashed text is that of the first release, so that ids of models without populations do not change.
 */
function settingsHash(
  modelSha256: string,
  { admit, programs }: ClassificationSettings,
  population: Population | null
): string {
  const canonical = JSON.stringify([
    modelSha256,
    admit.minRealBogus,
    admit.maxSolarSystemDistance,
    admit.minDetections,
    [...new Set(programs)].sort((a, b) => a - b),
    schemaName,
    ...(population === null ? [] : [population.name, Object.entries(population.shares)])
  ])
  return createHash('sha256').update(canonical).digest('hex').slice(0, 12)
}
