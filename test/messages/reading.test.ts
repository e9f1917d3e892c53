import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { bigLong } from '../../src/avro/long.ts'
import { HieraxError } from '../../src/errors.ts'
import { encodeClassification, schemaText, toJson } from '../../src/messages/encoding.ts'
import { CurrentClassifications, readClassification } from '../../src/messages/reading.ts'
import { compareAnswers } from '../support/answers.ts'
import { sampleClassification as sample } from '../support/sample-classification.ts'

/** A container of one record with any schema. */
function container(schema: object, record: unknown, codec = 'null'): Buffer {
  const type = avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigLong } })
  const block = type.toBuffer(record)
  const metadata = { 'avro.schema': Buffer.from(JSON.stringify(schema)), 'avro.codec': Buffer.from(codec) }
  const sync = Buffer.alloc(16, 7)
  const long = avro.Type.forSchema('long')
  const head = avro.Type.forSchema({ type: 'map', values: 'bytes' }).toBuffer(metadata)
  return Buffer.concat([Buffer.from('Obj\x01'), head, sync, long.toBuffer(1), long.toBuffer(block.length), block, sync])
}

const isUnreadable = (error: unknown) => error instanceof HieraxError && error.code === 'MESSAGE_UNREADABLE'

describe('reading a classification', () => {
  for (const encoding of ['avro', 'json'] as const) {
    it(`gives what the JSON encoding says, from ${encoding}`, () => {
      assert.equal(
        JSON.stringify(readClassification(encodeClassification(sample, encoding))),
        JSON.stringify(toJson(sample))
      )
    })
  }

  it('keeps fields of a later version, and reads an earlier one', () => {
    const later = JSON.parse(schemaText)
    later.fields.push({ name: 'redshift', type: 'double' })
    const value = { ...sample, redshift: 0.1, lightCurve: { ...sample.lightCurve, revision: 3n } }
    assert.equal(readClassification(container(later, value)).redshift, 0.1)
    const earlier = JSON.parse(schemaText)
    earlier.fields = earlier.fields.filter((field: { name: string }) => field.name !== 'novelty')
    assert.equal(readClassification(container(earlier, value)).novelty, undefined)
  })

  it('refuses what is none, with the reason', () => {
    const schema = { type: 'record', name: 'Other', fields: [{ name: 'x', type: 'int' }] }
    const misnamed = { ...schema, fields: [{ name: 'xxproto__', type: 'int' }] }
    const refused: [Buffer | null, RegExp][] = [
      [null, /no value/],
      [Buffer.from('hello'), /none of avro, json/],
      [Buffer.from('{"objectId":"ZTF1"}'), /not a classification: id/],
      [container(schema, { x: 1 }), /not a classification/],
      [container(JSON.parse(schemaText), sampleWithLong(), 'deflate'), /codec deflate/],
      [encodeClassification(sample, 'avro').subarray(0, -40), /can't be decoded as avro/],
      [
        Buffer.from(
          container(misnamed, { xxproto__: 1 }).toString('latin1').replace('xxproto__', '__proto__'),
          'latin1'
        ),
        /ill-named/
      ]
    ]
    for (const [bytes, reason] of refused) {
      assert.throws(
        () => readClassification(bytes),
        error => isUnreadable(error) && reason.test(String(error))
      )
    }
  })

  it('fails in no other way, whatever the bytes', () => {
    const whole = encodeClassification(sample, 'avro')
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 3 })
    fc.assert(
      fc.property(edits, fc.nat(whole.length), (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length))
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte
        try {
          readClassification(bytes)
        } catch (error) {
          if (!isUnreadable(error)) throw error
        }
      }),
      { numRuns: 300 }
    )
  })
})

function sampleWithLong() {
  return { ...sample, lightCurve: { ...sample.lightCurve, revision: 3n } }
}

describe('the current classifications of a subscriber', () => {
  const message = (jd: number, candid: number, revision: number) => ({
    id: `${jd}:${candid}:${revision}`,
    objectId: 'ZTF1',
    candid: `2695378462115010${String(candid).padStart(3, '0')}`,
    jd,
    classifier: { sha256: 'a' },
    lightCurve: { revision }
  })

  it('a late alert is older, a repeated message a duplicate, another model has its own', () => {
    const answers = new CurrentClassifications(100)
    assert.equal(answers.add(message(2, 1, 5)), 'current')
    assert.equal(answers.add(message(1, 9, 9)), 'older')
    assert.equal(answers.add(message(2, 1, 5)), 'duplicate')
    assert.equal(answers.add(message(2, 1, 8)), 'current')
    assert.equal(answers.add({ ...message(1, 9, 9), id: 'other', classifier: { sha256: 'b' } }), 'current')
  })

  it('the last current one is the greatest of all, whatever the order', () => {
    const one = fc.record({ jd: fc.nat(3), candid: fc.nat(3), revision: fc.nat(3) })
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), many => {
        const answers = new CurrentClassifications(100)
        const messages = many.map(({ jd, candid, revision }) => message(jd, candid, revision))
        const last = messages.filter(given => answers.add(given) === 'current').at(-1)
        const [greatest] = [...messages].sort((a, b) => compareAnswers(b, a))
        assert.equal(last?.id, greatest?.id)
      })
    )
  })
})
