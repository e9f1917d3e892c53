import type avro from 'avsc'
import { bands, type FilterId } from 'hierax/lightcurves/points/observation.ts'
import {
  type Container,
  containerOf,
  type PacketForm,
  type PacketParts,
  type SimulatedMessage,
  typeOf
} from './container.ts'
import { candidateSchema, type FieldJson, type Fields, surveySchema } from './survey-schema.ts'

/** A schema as JSON. */
type Json = { readonly [key: string]: unknown }

/** Columns that Fink adds, of which the simulator knows nothing. */
const finkColumns = {
  cdsxmatch: 'string',
  roid: 'int',
  rf_snia_vs_nonia: 'double',
  snn_snia_vs_nonia: 'double',
  timestamp: 'string'
}

/**
 * Fink's live stream: the value is a bare record, and the key its schema, as Spark writes it (every type may be null). Forced photometry is left
 * out; Fink's own columns are null.
 */
export class FinkForm implements PacketForm {
  readonly #key: Buffer
  readonly #type: avro.Type

  constructor() {
    const own = Object.entries(finkColumns).map(([name, type]) => ({ name, type: [type, 'null'] }))
    const survey = surveySchema.fields
      .filter(({ name }) => name !== 'fp_hists')
      .map(({ name, type }) => ({ name, type: nullable(type, name) }))
    const schema = { type: 'record', name: 'topLevelRecord', fields: [...survey, ...own] }
    this.#key = Buffer.from(JSON.stringify(schema))
    this.#type = typeOf(schema)
  }

  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Fields {
    return history === 'fp_hists' ? {} : fields
  }

  write(parts: PacketParts): SimulatedMessage {
    const columns = Object.fromEntries(Object.keys(finkColumns).map(name => [name, null]))
    const record = { ...columns, ...parts, publisher: 'Fink (simulated)' }
    return { key: this.#key, bytes: this.#type.toBuffer(record) }
  }
}

/** A type as Spark writes it: null is the second type of a union, and records are named after where they are. */
function nullable(type: unknown, path: string): unknown {
  const branch = Array.isArray(type) ? type.find(each => each !== 'null') : type
  if (typeof branch === 'string') return [branch.includes('.') ? cutout(path) : branch, 'null']
  const { type: kind, fields = [], items } = branch as { type: string; fields?: readonly FieldJson[]; items?: unknown }
  if (kind === 'array') return [{ type: 'array', items: nullable(items, path) }, 'null']
  if (kind !== 'record') return [kind, 'null']
  return [
    record(
      path,
      fields.map(field => ({ name: field.name, type: nullable(field.type, `${path}.${field.name}`) }))
    ),
    'null'
  ]
}

function cutout(path: string): Json {
  return record(path, [
    { name: 'fileName', type: ['string', 'null'] },
    { name: 'stampData', type: ['bytes', 'null'] }
  ])
}

function record(path: string, fields: readonly FieldJson[]): Json {
  return { type: 'record', name: `topLevelRecord.${path}`, fields }
}

/** Zero point of the fluxes in messages of Babamul, mag. (Its documentation says nJy, which would be 31.4.) */
const zeroPoint = 46.4

/** Fields of `candidate` that Babamul does not have. */
const omitted = new Set([
  'pdiffimfilename',
  'tblid',
  'xpos',
  'ypos',
  'rbversion',
  'drbversion',
  'jdendhist',
  'tooflag',
  'rfid'
])

const point: readonly FieldJson[] = [
  { name: 'jd', type: 'double' },
  { name: 'psfFlux', type: 'double' },
  { name: 'psfFluxErr', type: 'double' },
  { name: 'band', type: 'Band' }
]

/** Babamul's stream: a container whose history is in flux, without candids and real–bogus scores. */
export class BabamulForm implements PacketForm {
  readonly #container: Container

  constructor() {
    const own = candidateSchema.fields
      .filter(({ name }) => !omitted.has(name))
      .map(field => (field.name === 'isdiffpos' ? { name: 'isdiffpos', type: 'boolean' } : field))
    const band = { type: 'enum', name: 'Band', symbols: ['g', 'r', 'i', 'z', 'y', 'u'] }
    const list = (name: string, item: string, of: readonly FieldJson[]) => ({
      name,
      type: { type: 'array', items: { type: 'record', name: item, fields: of } }
    })
    const position = [
      { name: 'ra', type: 'double' },
      { name: 'dec', type: 'double' }
    ]
    this.#container = containerOf({
      type: 'record',
      name: 'BabamulZtfAlert',
      fields: [
        { name: 'candid', type: 'long' },
        { name: 'objectId', type: 'string' },
        {
          name: 'candidate',
          type: {
            type: 'record',
            name: 'ZtfCandidate',
            fields: [
              ...own,
              { name: 'psfFlux', type: 'float' },
              { name: 'psfFluxErr', type: 'float' },
              { name: 'band', type: band }
            ]
          }
        },
        list('prv_candidates', 'AlertPhotometry', [...point, ...position]),
        list(
          'prv_nondetections',
          'NonDetectionPhotometry',
          point.filter(({ name }) => name !== 'psfFlux')
        ),
        list('fp_hists', 'ForcedPhotometry', point)
      ]
    })
  }

  entry(history: 'prv_candidates' | 'fp_hists', fields: Fields): Fields {
    return history === 'fp_hists' ? forcedPoint(fields) : fields
  }

  write({ candid, objectId, candidate, prv_candidates, fp_hists }: PacketParts): SimulatedMessage {
    const own = fluxPoint(candidate)
    const history = prv_candidates as readonly Fields[]
    const detections = [...history.filter(({ magpsf }) => magpsf !== null), candidate]
    const value = {
      candid,
      objectId,
      candidate: { ...candidate, ...own, isdiffpos: isPositive(candidate) },
      prv_candidates: detections.map(fields => ({ ...fluxPoint(fields), ra: fields.ra, dec: fields.dec })),
      prv_nondetections: history.filter(({ magpsf }) => magpsf === null).map(limitPoint),
      fp_hists: fp_hists
    }
    return { key: null, bytes: this.#container.write(value) }
  }
}

function isPositive({ isdiffpos }: Fields): boolean {
  return isdiffpos === 't' || isdiffpos === '1'
}

function fluxPoint(fields: Fields): Fields {
  const size = 10 ** ((zeroPoint - (fields.magpsf as number)) / 2.5)
  const psfFluxErr = (size * (fields.sigmapsf as number) * Math.LN10) / 2.5
  return { jd: fields.jd, psfFlux: isPositive(fields) ? size : -size, psfFluxErr, band: bandOf(fields) }
}

function limitPoint(fields: Fields): Fields {
  return {
    jd: fields.jd,
    psfFluxErr: 10 ** ((zeroPoint - (fields.diffmaglim as number)) / 2.5) / 5,
    band: bandOf(fields)
  }
}

function forcedPoint(fields: Fields): Fields {
  const scale = 10 ** ((zeroPoint - (fields.magzpsci as number)) / 2.5)
  const [flux, error] = [fields.forcediffimflux, fields.forcediffimfluxunc] as [number, number]
  return { jd: fields.jd, psfFlux: flux * scale, psfFluxErr: error * scale, band: bandOf(fields) }
}

function bandOf({ fid }: Fields): string {
  return bands[(fid as FilterId) - 1] as string
}
