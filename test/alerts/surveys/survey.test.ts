import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Alert, History } from '../../../src/alerts/alert.ts'
import { createDecoder, surveys } from '../../../src/alerts/decoder.ts'
import { columnsOf, needed, optional, type Survey } from '../../../src/alerts/surveys/survey.ts'
import { contextFields } from '../../../src/lightcurves/points/observation.ts'
import { contextWith } from '../../lightcurves/observations.ts'
import {
  avroType,
  block,
  candidate,
  candidateFields,
  container,
  detection,
  encoded,
  type FieldJson,
  head,
  historyFields,
  packet,
  packetFields,
  packetSchema,
  point,
  retyped,
  type SchemaJson,
  schemaWith
} from '../packets.ts'
import { refused } from '../support.ts'

const { decode } = createDecoder()
const without = (fields: FieldJson[], name: string) => fields.filter(field => field.name !== name)
/** A container whose record need not fit: the schema is refused before. */
const ofSchema = (schema: SchemaJson) => Buffer.concat([head(schema), block(1, encoded())])

test('a needed field that the writer lacks is named', () => {
  for (const name of ['objectId', 'candidate']) {
    refused(() => decode(ofSchema(packetSchema(without(packetFields, name)))), 'MISSING_FIELD', new RegExp(`^${name} `))
  }
  for (const name of ['jd', 'fid', 'magpsf', 'sigmapsf', 'isdiffpos', 'ra', 'dec']) {
    const schema = schemaWith({ candidate: without(candidateFields, name) })
    refused(() => decode(ofSchema(schema)), 'MISSING_FIELD', new RegExp(`^candidate\\.${name} `))
  }
  for (const name of ['jd', 'fid']) {
    const schema = schemaWith({ history: without(historyFields, name) })
    refused(() => decode(ofSchema(schema)), 'MISSING_FIELD', new RegExp(`^prv_candidates\\[\\]\\.${name} `))
  }
  const nowhere = without(packetFields, 'candid').map(field => {
    const type = { type: 'record', name: 'candidate', fields: without(candidateFields, 'candid') }
    return field.name === 'candidate' ? { ...field, type } : field
  })
  refused(() => decode(container({}, packetSchema(nowhere))), 'MISSING_FIELD', /^candid /)
})

test('early schemas lack catalogue fields, scores, programmes and candids of the history', () => {
  let candidates = candidateFields
  for (const name of ['drb', 'rb', 'ssdistnr', 'programid', 'diffmaglim', ...contextFields]) {
    candidates = without(candidates, name)
  }
  const schema = schemaWith({
    candidate: candidates,
    history: ['candid', 'programid', 'rb', 'ssdistnr'].reduce(without, historyFields)
  })
  const alert = decode(container({ prv_candidates: [detection()] }, schema))[0]!
  assert.equal(alert.record.programId, 0)
  assert.deepEqual(alert.record.photometry, {
    band: 'g',
    magnitude: 18.25,
    error: 0.125,
    positive: true,
    realBogus: null,
    starScore: null,
    starDistance: null,
    solarSystemDistance: null,
    context: contextWith()
  })
  assert.equal([...alert.history][0]?.programId, null)
  assert.equal([...alert.history][0]?.observation.candid, null)
  assert.equal([...alert.history][0]?.observation.realBogus, null)
})

test('nothing is refused for the type of what is only welcome: it is not read', () => {
  const candidates = retyped(retyped(candidateFields, 'ndethist', 'string'), 'neargaia', ['null', 'float', 'string'])
  const schema = schemaWith({ candidate: candidates, history: retyped(historyFields, 'rb', 'string') })
  const values = {
    candidate: candidate({ ndethist: 'three', neargaia: 'far' }),
    prv_candidates: [detection({ rb: 'a' })]
  }
  const alert = decode(container(values, schema))[0]!
  assert.equal(alert.record.photometry?.context.ndethist, null)
  assert.equal(alert.record.photometry?.context.neargaia, null)
  assert.equal(alert.record.photometry?.context.maggaia, 17.25)
  assert.equal([...alert.history][0]?.observation.realBogus, null)
})

test('a field of the wrong type is named, whether or not values would fit', () => {
  const wrong: [string, SchemaJson][] = [
    ['jd', 'string'],
    ['jd', ['null', 'boolean']],
    ['fid', { type: 'enum', name: 'e', symbols: ['a'] }],
    ['isdiffpos', 'double'],
    ['candid', 'double'],
    ['ra', { type: 'array', items: 'double' }]
  ]
  for (const [name, type] of wrong) {
    const schema = schemaWith({ candidate: retyped(candidateFields, name, type) })
    refused(() => decode(ofSchema(schema)), 'WRONG_TYPE', new RegExp(`^candidate\\.${name} `))
  }
  const tops: [string, SchemaJson][] = [
    ['objectId', 'bytes'],
    ['candidate', ['null', 'int']],
    ['candidate', 'int'],
    ['prv_candidates', 'string'],
    ['prv_candidates', ['null', { type: 'map', values: 'int' }]],
    ['prv_candidates', { type: 'array', items: 'int' }],
    ['fp_hists', 'int']
  ]
  for (const [name, type] of tops) {
    const schema = packetSchema(retyped(packetFields, name, type))
    refused(() => decode(ofSchema(schema)), 'WRONG_TYPE', new RegExp(`^${name}`))
  }
  refused(() => decode(ofSchema('string')), 'WRONG_TYPE', /record/)
})

test('a union with types that can’t be read is refused only for values of those', () => {
  const schema = schemaWith({ candidate: retyped(candidateFields, 'ra', ['string', 'null', 'double']) })
  assert.equal(decode(container({ candidate: candidate({ ra: 1.5 }) }, schema))[0]?.record.ra, 1.5)
  refused(() => decode(container({ candidate: candidate({ ra: '1.5' }) }, schema)), 'WRONG_TYPE', /candidate\.ra/)
  refused(() => decode(container({ candidate: candidate({ ra: null }) }, schema)), 'INVALID_VALUE', /candidate\.ra/)
})

test('null where a value is needed', () => {
  const nullable = (name: string, fields: FieldJson[]) =>
    retyped(fields, name, ['null', fields.find(field => field.name === name)!.type])
  refused(
    () => decode(container({ objectId: null }, packetSchema(nullable('objectId', packetFields)))),
    'INVALID_VALUE'
  )
  refused(
    () => decode(container({ candidate: null }, packetSchema(nullable('candidate', packetFields)))),
    'INVALID_VALUE'
  )
  for (const name of ['jd', 'fid', 'magpsf', 'sigmapsf', 'isdiffpos', 'ra', 'dec']) {
    const schema = schemaWith({ candidate: nullable(name, candidateFields) })
    const bytes = container({ candidate: candidate({ [name]: null }) }, schema)
    refused(() => decode(bytes), 'INVALID_VALUE', new RegExp(`candidate\\.${name} .* null`))
  }
  const schema = schemaWith({ candidate: nullable('programid', candidateFields) })
  assert.equal(decode(container({ candidate: candidate({ programid: null }) }, schema))[0]?.record.programId, 0)
})

test('null in place of a history point is an impossible point', () => {
  const items = ['null', { type: 'record', name: 'p', fields: historyFields }]
  const schema = packetSchema(retyped(packetFields, 'prv_candidates', [{ type: 'array', items }, 'null']))
  const alert = decode(container({ prv_candidates: [point(), null, detection()] }, schema))[0]!
  assert.equal(alert.history.length, 2)
  assert.equal(alert.dropped.invalid, 1)
})

test('forced photometry in place of the history (schema 3.5) is counted, not taken for upper limits', () => {
  const schema = schemaWith({
    history: [...without(historyFields, 'magpsf'), { name: 'forcediffimflux', type: 'float' }]
  })
  const points = [point(), point()].map(values => ({ ...values, forcediffimflux: 3 }))
  const alert = decode(container({ prv_candidates: points }, schema))[0]!
  assert.deepEqual([...alert.history], [])
  assert.equal(alert.forcedPhotometry, 5)
})

test('Rubin’s packets are refused as such before anything else is complained of', () => {
  const named = (name: string, field: string) => ({ type: 'record', name, fields: [{ name: field, type: 'long' }] })
  refused(() => decode(ofSchema(named('lsst.v9_0.alert', 'alertId'))), 'WRONG_SURVEY')
  refused(() => decode(ofSchema(named('topLevelRecord', 'diaSourceId'))), 'WRONG_SURVEY')
  refused(() => decode(ofSchema(named('alert', 'diaSource'))), 'WRONG_SURVEY')
})

test('any order of fields and of unions, nullable or plain, with fields nobody knows, gives the same alert', () => {
  const expected = decode(container())[0]
  const plain = new Set(['candid', 'isdiffpos', 'magpsf', 'sigmapsf', 'diffmaglim', 'rb', 'ssdistnr'])
  /** Rearranges fields by a list of random numbers. */
  const rearranged = (fields: FieldJson[], dice: number[], inHistory: boolean): FieldJson[] => {
    const known = fields.map(({ name, type }, i): FieldJson => {
      const bare = Array.isArray(type) ? type.find(branch => branch !== 'null')! : type
      const mayBePlain = !inHistory || !plain.has(name)
      const choice = dice[i % dice.length]! % 3
      if (choice === 0 && mayBePlain) return { name, type: bare }
      return { name, type: choice === 1 ? ['null', bare] : [bare, 'null'] }
    })
    const more = dice.map((die, i): FieldJson => ({ name: `unknown${i}`, type: die % 2 ? ['null', 'string'] : 'null' }))
    const weight = (i: number) => (dice[i % dice.length]! * (i + 7)) % 101
    return [...known, ...more]
      .map((field, i) => ({ field, weight: weight(i) }))
      .sort((a, b) => a.weight - b.weight)
      .map(({ field }) => field)
  }
  const pick = (values: Record<string, unknown>, fields: FieldJson[]) =>
    Object.fromEntries(fields.map(({ name }) => [name, values[name] ?? null]))
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 1, maxLength: 20 }), dice => {
      const candidates = rearranged(candidateFields, dice, false)
      const history = rearranged(historyFields, dice, true)
      const inner: Record<string, SchemaJson> = {
        candidate: { type: 'record', name: 'candidate', fields: candidates },
        prv_candidates: { type: 'array', items: { type: 'record', name: 'prv_candidate', fields: history } }
      }
      const fields = packetFields.map(({ name, type }) => ({ name, type: inner[name] ?? type }))
      const top = rearranged(fields, dice, false)
      const record = packet({
        candidate: pick(candidate(), candidates),
        prv_candidates: (packet().prv_candidates as Record<string, unknown>[]).map(values => pick(values, history))
      })
      assert.deepEqual(decode(container(pick(record, top), packetSchema(top)))[0], expected)
    }),
    { numRuns: 60 }
  )
})

describe('another survey, by the recipe of CONTRIBUTING', () => {
  const source = { time: needed('number'), flux: needed('number'), quality: optional('number') }
  const column = columnsOf(source)
  const idColumn = columnsOf({ id: needed('long') })

  /** Flux in nJy, time as a modified Julian day, one band. */
  const toAlert: Survey<'source', 'earlier' | 'forced'>['toAlert'] = ({ head, records, lists }) => {
    const observation = (values: readonly unknown[], base: number, own: boolean): Alert['observation'] => ({
      ...{ jd: (values[base + column.time] as number) + 2400000.5, fid: 2, detection: true, own, positive: true },
      ...{ magnitude: Math.fround(31.4 - 2.5 * Math.log10(values[base + column.flux] as number)), error: 0.125 },
      ...{ candid: null, realBogus: values[base + column.quality] as number | null, solarSystemDistance: null }
    })
    const id = head.values[idColumn.id] as bigint
    const own = observation(records.source.values, 0, true)
    const { values, width, count } = lists.earlier
    const record = { candid: id, jd: own.jd, ra: 1, dec: 2, programId: 1, photometry: null }
    return {
      objectId: `M${id}`,
      ...{ schemaVersion: '', record, observation: own, dropped: { future: 0, invalid: 0 } },
      history: History.of(
        Array.from({ length: count }, (_, i) => ({ programId: 1, observation: observation(values, i * width, false) }))
      ),
      forcedPhotometry: lists.forced.unread
    }
  }
  const madeUp: Survey<'source', 'earlier' | 'forced'> = {
    name: 'Made-up',
    recognises: ({ name }) => name === 'made.up.alert',
    reads: {
      head: { id: needed('long') },
      records: { source },
      lists: { earlier: { fields: source }, forced: { fields: null } }
    },
    toAlert
  }
  const { decode } = createDecoder({}, [madeUp, ...surveys])

  const record = (name: string, fields: FieldJson[]) => ({ type: 'record', name, fields })
  const sourceSchema = record('source', [
    { name: 'time', type: 'double' },
    { name: 'comment', type: 'string' },
    { name: 'flux', type: 'float' },
    { name: 'quality', type: ['null', 'float'] }
  ])
  const schema = record('made.up.alert', [
    { name: 'source', type: sourceSchema },
    { name: 'id', type: 'long' },
    { name: 'earlier', type: ['null', { type: 'array', items: 'source' }] },
    { name: 'forced', type: { type: 'array', items: 'double' } }
  ])
  const row = (time: number, flux: number, quality: number | null = null) => ({ time, comment: 'x', flux, quality })
  const bytes = avroType(schema).toBuffer({
    source: row(60000.25, 1000, 0.75),
    id: 7n,
    earlier: [row(59999.25, 100), row(59998.25, 10, 0.5)],
    forced: [1, 2, 3]
  })

  test('its packets become alerts', () => {
    const alert = decode(Buffer.concat([head(schema), block(1, bytes)]))[0]!
    assert.equal(alert.objectId, 'M7')
    assert.equal(alert.observation.jd, 2460000.75)
    assert.equal(alert.observation.magnitude, Math.fround(23.9))
    assert.equal(alert.observation.realBogus, 0.75)
    assert.deepEqual(
      [...alert.history].map(({ observation: { jd, realBogus } }) => [jd, realBogus]),
      [
        [2459999.75, null],
        [2459998.75, 0.5]
      ]
    )
    assert.equal(alert.forcedPhotometry, 3)
  })

  test('ZTF’s packets are read as before, and its own are checked by the limits and the schema', () => {
    assert.deepEqual(decode(container()), createDecoder().decode(container()))
    const { decode: strict } = createDecoder({ maxHistory: 1 }, [madeUp])
    refused(
      () => strict(Buffer.concat([head(schema), block(1, bytes)])),
      'RECORD_TOO_LARGE',
      /^earlier claims 2 points/
    )
    refused(() => decode(Buffer.concat([head(record('made.up.alert', [])), block(1, bytes)])), 'MISSING_FIELD', /^id /)
    refused(() => createDecoder({}, [madeUp]).decode(container()), 'WRONG_SURVEY', /no survey that this version reads/)
  })
})
