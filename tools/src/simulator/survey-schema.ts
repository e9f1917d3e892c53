import { readFileSync } from 'node:fs'

/** Values of an Avro record by field name. */
export type Fields = Readonly<Record<string, unknown>>

/** A field in the JSON of a schema. */
export interface FieldJson {
  readonly name: string
  readonly type: unknown
}

const schemaFile = new URL('../../../schemas/ztf/alert-4.02.avsc', import.meta.url)

/** JSON of the survey's schema 4.02. */
export function surveySchema(): { readonly fields: readonly FieldJson[] } {
  return JSON.parse(readFileSync(schemaFile, 'utf8'))
}

/** A record with every field of a packet's candidate, all null. */
export const emptyCandidate: Fields = empty(typeOfField('candidate'))

/** A record with every field of an entry of `prv_candidates`, all null. */
export const emptyHistory: Fields = empty((typeOfField('prv_candidates') as [unknown, { items: unknown }])[1].items)

function typeOfField(field: string): unknown {
  return surveySchema().fields.find(({ name }) => name === field)?.type
}

function empty(record: unknown): Fields {
  return Object.fromEntries((record as { fields: readonly FieldJson[] }).fields.map(({ name }) => [name, null]))
}
