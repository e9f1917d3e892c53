import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { bigLong } from '../../src/avro/long.ts'
import { type ContextField, contextFields } from '../../src/lightcurves/points/observation.ts'
import { type Classification, reasons } from '../../src/messages/classification.ts'
import { decodeClassification, encodeClassification, schemaText } from '../../src/messages/encoding.ts'

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
      solarSystemDistance: fc.option(number),
      solarSystemName: fc.option(text)
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
    jdstarthist: fc.option(number),
    peak: fc.constantFrom({}, { g: { jd: 2459000.5, magnitude: 18.25 } }, { r: { jd: 2459001.5, magnitude: -1 } }),
    droppedPoints: fc.nat()
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

  test('a record has the bytes that avsc writes', () => {
    const type = avro.Type.forSchema(JSON.parse(schemaText), { registry: { long: bigLong } })
    fc.assert(
      fc.property(body, original => {
        const { lightCurve } = original
        const record = type.toBuffer({
          ...original,
          lightCurve: { ...lightCurve, revision: BigInt(lightCurve.revision) }
        })
        assert.ok(encodeClassification(original, 'confluent').subarray(5).equals(record))
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
