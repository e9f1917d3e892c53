import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { avroSchema } from '../../scripts/docs/message.ts'
import { contextFields } from '../../src/lightcurves/points/observation.ts'
import { classificationSchema } from '../../src/messages/classification.ts'
import { toJson } from '../../src/messages/encoding.ts'
import { sampleClassification } from '../support/sample-classification.ts'
import { root } from '../support/shared.ts'

describe('the schema of the message', () => {
  it('is what schemas/classification.avsc says: names, order, types, defaults and meanings', () => {
    const file = fs.readFileSync(path.join(root, 'schemas/classification.avsc'), 'utf8')
    assert.deepEqual(JSON.parse(file), avroSchema())
  })

  it('has the fields of the context in the order of the stored bytes', () => {
    assert.deepEqual(Object.keys(classificationSchema.shape.context.unwrap().shape), contextFields)
  })

  it('takes a classification as it is, and refuses one with a wrong or a missing field', () => {
    const body = toJson(sampleClassification)
    assert.deepEqual(classificationSchema.strict().parse(body), body)
    for (const wrong of [{ candid: 5n }, { jd: 'x' }, { reason: 'RAIN' }, { lightCurve: undefined }])
      assert.equal(classificationSchema.safeParse({ ...body, ...wrong }).success, false)
  })
})
