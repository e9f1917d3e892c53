import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { acceptOf, type ClassificationFilter, modelNamed, modelsNamed } from '../../src/service/filter.ts'
import { classification } from '../../src/service/schema/examples.ts'
import type { ModelView } from '../../src/service/schema/schemas.ts'
import { model } from './support.ts'

const { sha256 } = classification.classifier
const example: ModelView = { ...model, name: 'example', sha256, nodes: classification.nodes }
const refused = { ...classification, status: 'NOT_CLASSIFIED', nodes: [], prediction: null, alert: null }
const novel = { ...classification, novelty: 0.7 }

const passes = (filter: ClassificationFilter, one: object = classification) =>
  acceptOf(filter, [example])?.(one as typeof classification) ?? true

describe('filter', () => {
  it('that asks for nothing is none', () => assert.equal(acceptOf({}, [example]), null))

  for (const [filter, accepted, one] of [
    [{ node: 'CC' }, true],
    [{ node: 'CC', minProbability: 0.7425 }, true],
    [{ node: 'CC', minProbability: 0.7426 }, false],
    [{ node: 'SN Ia' }, false],
    [{ node: 'SN Ia', minProbability: 0.2 }, true],
    [{ node: 'CC', minProbability: 0 }, false, refused],
    [{ minProbability: 0.7 }, true],
    [{ minProbability: 0.8 }, false],
    [{ minProbability: 0 }, false, refused],
    [{ minNovelty: 0 }, false],
    [{ minNovelty: 0.7 }, true, novel],
    [{ minNovelty: 0.71 }, false, novel],
    [{ band: 'r' }, true],
    [{ band: 'g' }, false],
    [{ band: 'r' }, false, refused],
    [{ object: 'aaELU' }, true],
    [{ object: 'ZTF21' }, false],
    [{ status: 'NOT_CLASSIFIED' }, false],
    [{ status: 'NOT_CLASSIFIED' }, true, refused],
    [{ model: 'example', band: 'r', node: 'CC' }, true],
    [{ model: 'example', band: 'i', node: 'CC' }, false]
  ] as [ClassificationFilter, boolean, object?][]) {
    it(`${JSON.stringify(filter)} ${accepted ? 'lets pass' : 'keeps back'}${one ? ' another' : ''}`, () => {
      assert.equal(passes(filter, one), accepted)
    })
  }

  it('names what is nearest to a node or model that is not there', () => {
    assert.throws(() => acceptOf({ node: 'SN 1a' }, [example]), { code: 'NODE_NOT_FOUND', message: /"SN 1a".*SN Ia/ })
    assert.throws(() => acceptOf({ model: 'exampel' }, [example]), { code: 'MODEL_NOT_FOUND', message: /example/ })
  })

  it('tells the answers of two models apart', () => {
    const other = { ...example, name: 'other', sha256: 'cd'.repeat(32) }
    assert.equal(acceptOf({ model: 'other' }, [example, other])?.(classification), false)
    const twins = [example, { ...other, name: 'example' }]
    assert.equal(acceptOf({ model: 'example' }, twins)?.(classification), true)
    assert.equal(acceptOf({ model: sha256.slice(0, 12) }, twins)?.(classification), true)
    assert.equal(acceptOf({ model: 'cdcdcdcd' }, twins)?.(classification), false)
  })
})

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

  it('of one name are distinguished by their SHA-256', () => {
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
