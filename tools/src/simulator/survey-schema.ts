import { readFileSync } from 'node:fs'

/** Values of an Avro record by field name. */
export type Fields = Readonly<Record<string, unknown>>

/** A field in the JSON of a schema. */
export interface FieldJson {
  readonly name: string
  readonly type: unknown
}

/** A record in the JSON of a schema. */
interface RecordJson {
  readonly fields: readonly FieldJson[]
}

/** JSON of the survey's schema 4.02. */
export const surveySchema: RecordJson = JSON.parse(
  readFileSync(new URL('../../../schemas/ztf/alert-4.02.avsc', import.meta.url), 'utf8')
)

/** The schema of a packet's candidate. */
export const candidateSchema = typeOfField('candidate') as RecordJson

/** A record with every field of a packet's candidate, all null. */
export const emptyCandidate = empty(candidateSchema)

/** A record with every field of an entry of `prv_candidates`, all null. */
export const emptyHistory = empty((typeOfField('prv_candidates') as [unknown, { items: RecordJson }])[1].items)

function typeOfField(field: string): unknown {
  return surveySchema.fields.find(({ name }) => name === field)?.type
}

function empty({ fields }: RecordJson): Fields {
  return Object.fromEntries(fields.map(({ name }) => [name, null]))
}
