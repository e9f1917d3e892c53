import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { modelNamed, modelsNamed } from '../../src/service/choose-model.ts'

const hawk = { name: 'hawk', sha256: 'ab'.repeat(32) }
const older = { name: 'hawk', sha256: 'ac'.repeat(32) }
const kite = { name: 'kite', sha256: 'de'.repeat(32) }
const all = [hawk, older, kite]

describe('models', () => {
  it('are chosen by name; the first one where none is given', () => {
    assert.equal(modelNamed(all, undefined), hawk)
    assert.equal(modelNamed(all, 'kite'), kite)
    assert.deepEqual(modelsNamed(all, undefined), all)
  })

  it('of one name are told apart by their SHA-256', () => {
    assert.deepEqual(modelsNamed(all, 'hawk'), [hawk, older])
    assert.equal(modelNamed(all, 'ACACACAC'), older)
    assert.equal(modelNamed(all, older.sha256), older)
    const message = /2 models are named "hawk"; their SHA-256: abababababab, acacacacacac/
    assert.throws(() => modelNamed(all, 'hawk'), { code: 'MODEL_AMBIGUOUS', message })
  })

  it('that are not there are named with what there is', () => {
    assert.throws(() => modelNamed(all, 'hawkk'), {
      code: 'MODEL_NOT_FOUND',
      message: /hawk, kite; the nearest is hawk/
    })
    assert.throws(() => modelNamed(all, 'acac'), { code: 'MODEL_NOT_FOUND' })
    assert.throws(() => modelNamed([kite], 'x'), { code: 'MODEL_NOT_FOUND', message: /there is kite$/ })
  })
})
