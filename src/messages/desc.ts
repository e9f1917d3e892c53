import fs from 'node:fs'
import avro from 'avsc'
import { bigLong } from '../avro/long.ts'
import { timeOfJd } from '../julian-date.ts'
import type { InputMessage } from '../streams/types.ts'
import { version } from '../version.ts'
import type { Classification } from './classification.ts'

/*
 * Classifications in the form that the Dark Energy Science Collaboration (DESC) reads: its `brokerClassification` of ELAsTiCC, as a bare
 * Avro record.
 */

/** The topic of classifications in DESC's form. */
export interface DescTopic {
  readonly topic: string
  /** For each model (SHA-256), the class id of every leaf of its taxonomy, by name. */
  readonly classes: ReadonlyMap<string, ReadonlyMap<string, number>>
}

/** Name of the schema, in the `schema` header. */
export const descSchemaName = 'elasticc.v0_9_1.brokerClassfication'

/** The class of alerts without probabilities, which no node may have. */
export const notClassified = 300

const schema = JSON.parse(
  fs.readFileSync(new URL('../../schemas/desc/broker-classification.avsc', import.meta.url), 'utf8')
)
/** Times are numbers: avsc finds no branch of a union for a BigInt. */
const milliseconds = avro.Type.forSchema('long')
const type = avro.Type.forSchema(schema, {
  registry: { long: bigLong },
  typeHook: part => ((part as { logicalType?: string }).logicalType === 'timestamp-millis' ? milliseconds : undefined)
})

/**
 * The bytes of a classification. Equal for equal bodies, releases and Kafka timestamps of the alert. Without that timestamp, the time of the exposure
 * is used, so that the bytes do not depend on when and why the message is written.
 */
export function encodeForDesc(
  body: Classification,
  { ingested, timestamped }: Pick<InputMessage, 'ingested' | 'timestamped'>,
  { classes }: Pick<DescTopic, 'classes'>
): Buffer {
  const { candid, jd, classifier, population } = body
  return type.toBuffer({
    alertId: candid,
    diaSourceId: candid,
    elasticcPublishTimestamp: timestamped ? ingested : Math.round(timeOfJd(jd)),
    brokerIngestTimestamp: timestamped ? ingested : null,
    brokerName: 'Hierax',
    brokerVersion: version,
    classifierName: `${classifier.name} ${classifier.version}`,
    classifierParams: JSON.stringify({
      sha256: classifier.sha256,
      taxonomy: `${classifier.taxonomy} ${classifier.taxonomyVersion}`,
      population: population?.name ?? null
    }),
    classifications: classificationsOf(body, classes.get(classifier.sha256) ?? new Map())
  })
}

/** The probability of every class that the leaves have, by class id. Every leaf counts once, so the sum is that of the leaves: 1. */
function classificationsOf(
  { status, nodes }: Classification,
  classOf: ReadonlyMap<string, number>
): { classId: number; probability: number }[] {
  if (status === 'NOT_CLASSIFIED') return [{ classId: notClassified, probability: 1 }]
  const sums = new Map([...classOf.values()].sort((a, b) => a - b).map(classId => [classId, 0]))
  for (const { name, probability } of nodes) {
    const classId = classOf.get(name)
    if (classId !== undefined) sums.set(classId, (sums.get(classId) as number) + probability)
  }
  return [...sums].map(([classId, probability]) => ({ classId, probability }))
}
