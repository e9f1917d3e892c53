import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { bigLong } from '../../src/avro/long.ts'
import type { Answer } from '../../src/classifier/types.ts'
import { LightCurve } from '../../src/lightcurves/light-curve.ts'
import { mergeObservations } from '../../src/lightcurves/merge.ts'
import { type AlertContext, type ContextField, contextFields } from '../../src/lightcurves/observation.ts'
import { type Classification, reasons } from '../../src/messages/classification.ts'
import { decodeClassification, encodeClassification, schemaText } from '../../src/messages/encoding.ts'
import { checkRoutes } from '../../src/messages/outgoing.ts'
import { type ClassificationInput, ClassificationWriter } from '../../src/messages/writer.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf } from '../support/pipeline.ts'

const number = fc.double({ noNaN: true, noDefaultInfinity: true })
const text = fc.string({ unit: 'binary', maxLength: 40 })
const plain = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>

/** Bodies of every shape, with whatever names and numbers. */
const body = plain<Record<keyof Classification, unknown>>({
  id: text,
  objectId: text,
  candid: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  jd: number,
  ra: number,
  dec: number,
  programId: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  status: fc.constantFrom('CLASSIFIED', 'NOT_CLASSIFIED'),
  reason: fc.option(fc.constantFrom(...reasons)),
  alert: fc.option(
    plain({
      band: fc.constantFrom('g', 'r', 'i'),
      magnitude: number,
      error: number,
      positive: fc.boolean(),
      realBogus: fc.option(number),
      starScore: fc.option(number),
      starDistance: fc.option(number),
      solarSystemDistance: fc.option(number)
    })
  ),
  nodes: fc.array(plain({ name: text, parent: fc.option(text), conditional: number, probability: number }), {
    maxLength: 200
  }),
  prediction: fc.option(plain({ node: text, probability: number, path: fc.array(text) })),
  novelty: fc.option(number),
  classifier: plain({ name: text, version: text, sha256: text, taxonomy: text, taxonomyVersion: text }),
  lightCurve: plain({
    detections: fc.nat(),
    upperLimits: fc.nat(),
    firstJd: fc.option(number),
    lastJd: fc.option(number),
    latest: fc.constantFrom({}, { g: 18.5 }, { g: 18.5, r: 17.25 }, { i: 20 }),
    fingerprint: text,
    revision: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    firstDetectionJd: fc.option(number),
    lastDetectionJd: fc.option(number),
    ndethist: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    jdstarthist: fc.option(number)
  }),
  evidence: fc.array(plain({ node: text, lightCurve: number, context: number, prior: number }), { maxLength: 5 }),
  context: fc.option(
    plain(
      Object.fromEntries(
        contextFields.map(name => [name, fc.option(/^n.*hist$/.test(name) ? fc.nat({ max: 2 ** 31 - 1 }) : number)])
      ) as Record<ContextField, fc.Arbitrary<number | null>>
    )
  ),
  population: fc.option(
    plain({ name: text, shares: fc.constantFrom({}, { A: 1 }, { Transient: 0.04, Persistent: 0.96 }) })
  )
}) as unknown as fc.Arbitrary<Classification>

describe('encodings', () => {
  test('a body survives both', () => {
    fc.assert(
      fc.property(body, fc.constantFrom<'avro' | 'json'>('avro', 'json'), (original, encoding) => {
        const decoded = decodeClassification(encodeClassification(original, encoding), encoding)
        // JSON knows no negative zero.
        const known =
          encoding === 'avro'
            ? original
            : { ...JSON.parse(JSON.stringify({ ...original, candid: null })), candid: original.candid }
        assert.deepEqual(
          JSON.parse(JSON.stringify({ ...decoded, candid: 0 })),
          JSON.parse(JSON.stringify({ ...known, candid: 0 }))
        )
        assert.equal(decoded.candid, original.candid)
      })
    )
  })

  test('the bytes are a function of the body', () => {
    fc.assert(
      fc.property(body, original => {
        assert.ok(
          encodeClassification(original, 'avro').equals(encodeClassification(structuredClone(original), 'avro'))
        )
      })
    )
  })

  test('another reader of Avro containers finds the schema and one record', async () => {
    const original = fc.sample(body, { numRuns: 1, seed: 1 })[0] as Classification
    const decoder = new avro.streams.BlockDecoder({
      parseHook: schema =>
        avro.Type.forSchema(schema, {
          registry: {
            long: bigLong
          }
        })
    })
    const records: Classification[] = []
    decoder.on('data', (record: Classification) => records.push(record))
    decoder.end(encodeClassification(original, 'avro'))
    await new Promise(resolve => decoder.once('end', resolve))
    assert.equal(records.length, 1)
    assert.equal(records[0]?.candid, original.candid)
    assert.equal(records[0]?.nodes.length, original.nodes.length)
    assert.equal(JSON.parse(schemaText).name, 'Classification')
  })

  test('a candid above 2^53 is a string in JSON, digit for digit', () => {
    const original = {
      ...(fc.sample(body, { numRuns: 1, seed: 2 })[0] as Classification),
      candid: 2695378462115010012n
    }
    assert.match(encodeClassification(original, 'json').toString(), /"candid":"2695378462115010012"/)
  })
})

describe('the id of a message', () => {
  const curve = mergeObservations(LightCurve.empty, [detectionAt(2459000.5), detectionAt(2459001.5)])
  const { record } = alertOf('A', detectionAt(2459001.5))
  const input: ClassificationInput = {
    objectId: 'A',
    record,
    versions: [],
    curve,
    prefix: curve.upTo(record.jd),
    reason: 'BOGUS',
    answer: null
  }
  const settings = { admit: admission.admit, programs: [1] }
  const idOf = (changes: Partial<ClassificationInput> = {}, changed = settings, model = 'fake'): string =>
    new ClassificationWriter(fakeClassifier(model), changed).write({ ...input, ...changes }).id

  test('names object, candid, settings and light curve', () => {
    assert.match(idOf(), new RegExp(`^A:${record.candid}:[0-9a-f]{12}:[0-9a-f]{16}$`))
    assert.equal(idOf(), idOf())
  })

  test('changes with whatever the answer rests on', () => {
    const ids = [
      idOf(),
      idOf({}, settings, 'another model'),
      idOf({}, { ...settings, programs: [1, 2] }),
      idOf({}, { ...settings, admit: { ...settings.admit, minDetections: 2 } }),
      idOf({ prefix: curve.upTo(2459000.5) }),
      idOf({ record: { ...record, ra: 11 } }),
      idOf({ record: { ...record, photometry: null } })
    ]
    assert.equal(new Set(ids).size, ids.length)
    assert.equal(idOf({}, { ...settings, programs: [1, 1] }), ids[0], 'a programme named twice is the same setting')
  })

  const withPopulation = (name: string, shares: Record<string, number>) =>
    new ClassificationWriter({ ...fakeClassifier(), population: { name, shares } }, settings).write(input)

  test('changes with the population, and not with the order in which its shares are named', () => {
    const [one, turned] = [
      { A: 0.04, B: 0.96 },
      { B: 0.96, A: 0.04 }
    ].map(shares => withPopulation('stream', shares))
    assert.deepEqual(one, turned)
    assert.ok(encodeClassification(one!, 'avro').equals(encodeClassification(turned!, 'avro')))
    const ids = [
      one!.id,
      idOf(),
      withPopulation('custom', { A: 0.04, B: 0.96 }).id,
      withPopulation('stream', { A: 0.05, B: 0.95 }).id
    ]
    assert.equal(new Set(ids).size, ids.length)
  })

  test('of a model without a population is made as in the first release', () => {
    const canonical = [fakeClassifier().sha256, ...Object.values(settings.admit), [1], 'hierax.classification.v1']
    const digits = createHash('sha256').update(JSON.stringify(canonical)).digest('hex').slice(0, 12)
    assert.equal(idOf().split(':')[2], digits)
  })
})

describe('evidence and context in a message', () => {
  const context = Object.fromEntries([...contextFields].reverse().map((name, index) => [name, index])) as AlertContext
  const { record } = alertOf('A', detectionAt(2459001.5))
  const given = { ...record, photometry: { ...record.photometry!, context } }
  const curve = mergeObservations(LightCurve.empty, [detectionAt(2459001.5)])
  const evidence = [{ prior: -3.5, node: 'Any', context: -5, lightCurve: 3.1 }]
  const answer: Answer = {
    conditional: Float64Array.of(1, 0.5, 0.5),
    probability: Float64Array.of(1, 0.5, 0.5),
    prediction: null,
    novelty: null,
    evidence
  }
  const write = (changes: Partial<ClassificationInput>) =>
    new ClassificationWriter(fakeClassifier(), { admit: admission.admit, programs: [1] }).write({
      objectId: 'A',
      record: given,
      versions: [],
      curve,
      prefix: curve.upTo(record.jd),
      reason: null,
      answer,
      ...changes
    })

  test('have the order of the schema, whatever order they come in', () => {
    const body = write({})
    assert.equal(JSON.stringify(body.evidence), '[{"node":"Any","lightCurve":3.1,"context":-5,"prior":-3.5}]')
    assert.deepEqual(Object.keys(body.context ?? {}), contextFields)
    assert.equal(body.context?.jdstarthist, context.jdstarthist)
    assert.ok(!('context' in (body.alert ?? {})), 'the context has a field of its own')
    assert.deepEqual([body.lightCurve.ndethist, body.lightCurve.jdstarthist], [context.ndethist, context.jdstarthist])
    assert.deepEqual(
      Object.keys(body),
      JSON.parse(schemaText).fields.map((field: { name: string }) => field.name)
    )
  })

  test('are none where the alert is not classified, or not admitted to the programme', () => {
    const bogus = write({ answer: null, reason: 'BOGUS' })
    assert.deepEqual([bogus.evidence, bogus.context], [[], write({}).context])
    const closed = write({ answer: null, reason: 'PROGRAM', record: { ...record, photometry: null } })
    assert.deepEqual([closed.alert, closed.context, closed.lightCurve.ndethist], [null, null, null])
  })

  test('a count that is none is null, and the message can be written', () => {
    const odd = { ...context, ndethist: 3.5, ncovhist: 2 ** 40 }
    const body = write({ record: { ...given, photometry: { ...given.photometry, context: odd } } })
    assert.deepEqual([body.context?.ndethist, body.context?.ncovhist, body.lightCurve.ndethist], [null, null, null])
    assert.ok(encodeClassification(body, 'avro').length > 0)
  })
})

test('a route that names an unknown node is refused with the nodes there are', () => {
  const nodes = fakeClassifier().nodes.map(node => node.name)
  checkRoutes([{ topic: 't', node: 'A' }], nodes)
  assert.throws(() => checkRoutes([{ topic: 't', node: 'SN Ia' }], nodes), {
    code: 'CONFIG_INVALID',
    message: /"SN Ia".*Any, A, B/
  })
})
