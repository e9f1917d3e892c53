import avro from 'avsc'
import { bigLong } from '../../src/avro/long.ts'

export { bigLong }

/** JSON of an Avro schema. */
export type SchemaJson = string | SchemaJson[] | { [key: string]: unknown }

/** An avsc type with BigInt longs. */
export function avroType(schema: SchemaJson): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigLong }, wrapUnions: false })
}

/** A field of a record. */
export interface FieldJson {
  name: string
  type: SchemaJson
}

const nullable = (type: SchemaJson): SchemaJson => ['null', type]

export const candidateFields: FieldJson[] = [
  { name: 'jd', type: 'double' },
  { name: 'fid', type: 'int' },
  { name: 'pid', type: 'long' },
  { name: 'diffmaglim', type: nullable('float') },
  { name: 'programid', type: 'int' },
  { name: 'candid', type: 'long' },
  { name: 'isdiffpos', type: 'string' },
  { name: 'ra', type: 'double' },
  { name: 'dec', type: 'double' },
  { name: 'magpsf', type: 'float' },
  { name: 'sigmapsf', type: 'float' },
  { name: 'rb', type: nullable('float') },
  { name: 'drb', type: nullable('float') },
  { name: 'ssdistnr', type: nullable('float') },
  { name: 'sgscore1', type: nullable('float') },
  { name: 'distpsnr1', type: nullable('float') },
  { name: 'sgmag1', type: nullable('float') },
  { name: 'srmag1', type: nullable('float') },
  { name: 'simag1', type: nullable('float') },
  { name: 'szmag1', type: nullable('float') },
  { name: 'sgscore2', type: nullable('float') },
  { name: 'distpsnr2', type: nullable('float') },
  { name: 'distnr', type: nullable('float') },
  { name: 'magnr', type: nullable('float') },
  { name: 'chinr', type: nullable('float') },
  { name: 'sharpnr', type: nullable('float') },
  { name: 'neargaia', type: nullable('float') },
  { name: 'maggaia', type: nullable('float') },
  { name: 'classtar', type: nullable('float') },
  { name: 'ndethist', type: 'int' },
  { name: 'ncovhist', type: 'int' },
  { name: 'jdstarthist', type: nullable('double') }
]

export const historyFields: FieldJson[] = [
  { name: 'jd', type: 'double' },
  { name: 'fid', type: 'int' },
  { name: 'diffmaglim', type: nullable('float') },
  { name: 'programid', type: 'int' },
  { name: 'candid', type: nullable('long') },
  { name: 'isdiffpos', type: nullable('string') },
  { name: 'magpsf', type: nullable('float') },
  { name: 'sigmapsf', type: nullable('float') },
  { name: 'rb', type: nullable('float') },
  { name: 'ssdistnr', type: nullable('float') }
]

export const packetFields: FieldJson[] = [
  { name: 'schemavsn', type: 'string' },
  { name: 'objectId', type: 'string' },
  { name: 'candid', type: 'long' },
  { name: 'candidate', type: { type: 'record', name: 'candidate', fields: candidateFields } },
  {
    name: 'prv_candidates',
    type: nullable({ type: 'array', items: { type: 'record', name: 'prv_candidate', fields: historyFields } })
  },
  {
    name: 'fp_hists',
    type: nullable({
      type: 'array',
      items: { type: 'record', name: 'fp_hist', fields: [{ name: 'flux', type: nullable('float') }] }
    })
  },
  { name: 'cutoutScience', type: nullable('bytes') }
]

/** A small schema in the shape of ZTF's 4.02. */
export function packetSchema(fields: FieldJson[] = packetFields): SchemaJson {
  return { type: 'record', name: 'alert', namespace: 'ztf', fields }
}

/** The packet's schema with the fields of `candidate` or the history exchanged. */
export function schemaWith({ candidate = candidateFields, history = historyFields }): SchemaJson {
  return packetSchema(
    packetFields.map(field => {
      if (field.name === 'candidate')
        return { ...field, type: { type: 'record', name: 'candidate', fields: candidate } }
      if (field.name !== 'prv_candidates') return field
      const items = { type: 'record', name: 'prv_candidate', fields: history }
      return { ...field, type: ['null', { type: 'array', items }] }
    })
  )
}

/** Fields of which one has another type. */
export const retyped = (fields: FieldJson[], name: string, type: SchemaJson) =>
  fields.map(field => (field.name === name ? { name, type } : field))

type Values = Record<string, unknown>

/** A valid detection; magnitudes are exact in single precision. */
export function candidate(values: Values = {}): Values {
  return {
    jd: 2459000.5,
    fid: 1,
    pid: 1n,
    diffmaglim: 20.5,
    programid: 1,
    candid: 2695378462115010012n,
    isdiffpos: 't',
    ra: 12.5,
    dec: -30.25,
    magpsf: 18.25,
    sigmapsf: 0.125,
    rb: 0.5,
    drb: 0.75,
    ssdistnr: -999,
    sgscore1: 0.25,
    distpsnr1: 1.5,
    sgmag1: 20.5,
    srmag1: 19.75,
    simag1: -999,
    szmag1: 999,
    sgscore2: 0.5,
    distpsnr2: 7.25,
    distnr: 1.25,
    magnr: 19.5,
    chinr: 0.875,
    sharpnr: -0.125,
    neargaia: 12.5,
    maggaia: 17.25,
    classtar: 0.96875,
    ndethist: 3,
    ncovhist: 120,
    jdstarthist: 2458998.123456789,
    ...values
  }
}

/** An upper limit two days before `candidate()`, or whatever `values` make of it. */
export function point(values: Values = {}): Values {
  const nothing = { candid: null, isdiffpos: null, magpsf: null, sigmapsf: null, rb: null, ssdistnr: null }
  return { jd: 2458998.5, fid: 2, diffmaglim: 20.5, programid: 1, ...nothing, ...values }
}

/** An earlier detection. */
export function detection(values: Values = {}): Values {
  return point({ candid: 99n, isdiffpos: '1', magpsf: 19.5, sigmapsf: 0.25, ...values })
}

/** A record of `packetSchema()`. */
export function packet(values: Values = {}): Values {
  return {
    schemavsn: '4.02',
    objectId: 'ZTF20aaelulu',
    candid: 2695378462115010012n,
    candidate: candidate(),
    prv_candidates: [point(), detection({ jd: 2458999.5 })],
    fp_hists: [{ flux: 1 }, { flux: null }, { flux: 2 }],
    cutoutScience: Buffer.from('cutout'),
    ...values
  }
}

/** A record of `packetSchema()` as Avro. */
export function encoded(values: Values = {}, schema: SchemaJson = packetSchema()): Buffer {
  return avroType(schema).toBuffer(packet(values))
}

/** An Avro long. */
export function long(value: number | bigint): Buffer {
  return bigLong.toBuffer(BigInt(value))
}

/** Bytes with their length before them. */
export function sized(bytes: string | Buffer): Buffer {
  const buffer = Buffer.from(bytes as string)
  return Buffer.concat([long(buffer.length), buffer])
}

export const sync = Buffer.from('0123456789abcdef')

/** A block of a container: its claim of records, the bytes between, the marker. */
export function block(count: number, bytes: Buffer, marker: Buffer = sync): Buffer {
  return Buffer.concat([long(count), sized(bytes), marker])
}

/** The head of a container. */
export function head(schema: SchemaJson | Buffer, codec: string | null = 'null'): Buffer {
  const text = Buffer.isBuffer(schema) ? schema : Buffer.from(JSON.stringify(schema))
  const entries = [sized('avro.schema'), sized(text)]
  if (codec !== null) entries.push(sized('avro.codec'), sized(codec))
  return Buffer.concat([Buffer.from('Obj\x01'), long(entries.length / 2), ...entries, long(0), sync])
}

/** A container with one uncompressed block of one record. */
export function container(values: Values = {}, schema: SchemaJson = packetSchema()): Buffer {
  return Buffer.concat([head(schema), block(1, encoded(values, schema))])
}
