import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Answer } from '../../src/classifier/types.ts'
import { LightCurve } from '../../src/lightcurves/curve/light-curve.ts'
import { mergeObservations } from '../../src/lightcurves/curve/merge.ts'
import { type AlertContext, contextFields } from '../../src/lightcurves/points/observation.ts'
import { encodeClassification, schemaText } from '../../src/messages/encoding.ts'
import { type ClassificationInput, ClassificationWriter } from '../../src/messages/writer.ts'
import { detectionAt } from '../lightcurves/observations.ts'
import { fakeClassifier } from '../support/fake-classifier.ts'
import { admission, alertOf } from '../support/pipeline.ts'

describe('the id of a message', () => {
  const curve = mergeObservations(LightCurve.empty, [detectionAt(2459000.5), detectionAt(2459001.5)])
  const { record } = alertOf('A', detectionAt(2459001.5))
  const input: ClassificationInput = {
    objectId: 'A',
    record,
    versions: [],
    curve,
    prefix: curve.upTo(record.jd),
    reason: 'BOGUS'
  }
  const settings = { admit: admission.admit, programs: [1] }
  const idOf = (changes: Partial<ClassificationInput> = {}, changed = settings, model = 'fake'): string =>
    new ClassificationWriter(fakeClassifier(model), changed).write({ ...input, ...changes }, null).id

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
      idOf({ record: { ...record, photometry: null } }),
      idOf({ record: { ...record, photometry: { ...record.photometry!, droppedPoints: 2 } } })
    ]
    assert.equal(new Set(ids).size, ids.length)
    assert.equal(idOf({}, { ...settings, programs: [1, 1] }), ids[0], 'a programme named twice is the same setting')
  })

  const withPopulation = (name: string, shares: Record<string, number>) =>
    new ClassificationWriter({ ...fakeClassifier(), population: { name, shares } }, settings).write(input, null)

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
  const input = { objectId: 'A', record: given, versions: [], curve, prefix: curve.upTo(record.jd), reason: null }
  const write = (changes: Partial<ClassificationInput>, answered: Answer | null = answer) =>
    new ClassificationWriter(fakeClassifier(), { admit: admission.admit, programs: [1] }).write(
      { ...input, ...changes },
      answered
    )

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
    const bogus = write({ reason: 'BOGUS' }, null)
    assert.deepEqual([bogus.evidence, bogus.context], [[], write({}).context])
    const closed = write({ reason: 'PROGRAM', record: { ...record, photometry: null } }, null)
    assert.deepEqual([closed.alert, closed.context, closed.lightCurve.ndethist], [null, null, null])
  })

  test('a count that is none is null, and the message can be written', () => {
    const odd = { ...context, ndethist: 3.5, ncovhist: 2 ** 40 }
    const body = write({ record: { ...given, photometry: { ...given.photometry, context: odd } } })
    assert.deepEqual([body.context?.ndethist, body.context?.ncovhist, body.lightCurve.ndethist], [null, null, null])
    assert.ok(encodeClassification(body, 'avro').length > 0)
  })
})
