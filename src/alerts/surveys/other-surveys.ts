import { shown } from '../../errors.ts'
import { isObject, type RecordSchema, type Schema } from '../avro/schema.ts'

/** A survey whose alerts are not ZTF's, although they may resemble them. */
interface OtherSurvey {
  readonly title: string
  /** Matches the full names of its alerts' records. */
  readonly names: RegExp
  /** Fields, of the alert or its `candidate`, that only its alerts have. */
  readonly fields?: readonly string[]
}

/** The first that matches counts: Roman's alerts have field names of Rubin's. */
const otherSurveys: readonly OtherSurvey[] = [
  { title: 'the Roman Space Telescope (RAPID)', names: /roman|\brapid\b/i },
  { title: 'Rubin/LSST', names: /lsst/i, fields: ['diaSource', 'diaSourceId'] },
  { title: 'Palomar Gattini-IR (PGIR)', names: /pgir|gattini/i, fields: ['stackquadid'] },
  { title: 'TURBO', names: /turbo/i },
  { title: 'WINTER', names: /winter|wntr/i },
  { title: 'DECam (DESIRT)', names: /desirt|decam/i },
  { title: 'LS4', names: /\bls4/i },
  { title: 'ATLAS', names: /\batlas/i },
  { title: 'BlackGEM', names: /blackgem/i }
]

/** The names in a writer schema by which its survey is recognised. */
export interface SchemaNames {
  /** Full name of the alert's record. */
  readonly name: string
  /** Names of the fields of the alert and of its `candidate`. */
  readonly fields: readonly string[]
}

/** What the alert is, for an error message, if it is known to be of another survey than ZTF; else null. */
export function otherSurvey({ name, fields }: SchemaNames): string | null {
  for (const { title, names, fields: own = [] } of otherSurveys) {
    if (names.test(name)) return `the packet is ${shown(name)}, an alert of ${title}`
    const field = own.find(each => fields.includes(each))
    if (field !== undefined) return `the packet is ${shown(name)}, an alert of ${title} (it has ${field})`
  }
  return null
}

/** The names in a parsed schema. */
export function namesOf({ name, fields }: RecordSchema): SchemaNames {
  const candidate = fields.get('candidate')
  const types: readonly Schema[] = candidate?.type === 'union' ? candidate.branches : candidate ? [candidate] : []
  const inner = types.flatMap(type => (type.type === 'record' ? [...type.fields.keys()] : []))
  return { name, fields: [...fields.keys(), ...inner] }
}

/** The names in the JSON of a schema that breaks Avro's rules, as those of some surveys do; the candidate's fields are left out. */
export function namesOfJson(json: unknown): SchemaNames {
  if (!isObject(json)) return { name: '', fields: [] }
  const { name, namespace, fields } = json
  const inner = Array.isArray(fields) ? fields.filter(isObject).map(field => String(field.name)) : []
  return { name: [namespace, name].filter(part => typeof part === 'string').join('.'), fields: inner }
}

/**
 * The survey that has a schema id in Confluent's framing, with its version; null if there is none. Rubin and Roman number their schemas
 * by 100 times the major version plus the minor one.
 */
export function surveyOfSchemaId(id: number): string | null {
  const [major, minor] = [Math.floor(id / 100), id % 100]
  if (minor > 9 || major < 1 || major > 19) return null
  const version = `schema version ${major}.${minor}`
  if (major === 1) return `the Roman Space Telescope (RAPID), ${version}`
  return major > 2 ? `Rubin/LSST, ${version}` : null
}
