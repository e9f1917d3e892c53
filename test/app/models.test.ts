import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadModels, readModels } from '../../src/app/models.ts'
import { bundledModel } from '../../src/classifier/model-folder.ts'
import { referenceModel } from '../support/models.ts'

test('the bundled model is loaded where none is named', async () => {
  const models = await loadModels({ model: [], runtime: 'wasm' })
  assert.equal(models.length, 1)
  for (const model of models) model.dispose()
})

test('a model that is named twice is refused, and nothing stays loaded', async () => {
  const before = (await loadModels({ model: [], runtime: 'wasm' }))[0]
  const tensors = before?.tensors()
  await assert.rejects(loadModels({ model: [bundledModel, `${bundledModel}/.`], runtime: 'wasm' }), {
    code: 'CONFIG_INVALID',
    message: /are the same model/
  })
  assert.equal(before?.tensors(), tensors)
  before?.dispose()
})

test('a population that the card lacks is refused before a network is loaded', async () => {
  const settings = { model: [referenceModel], population: 'labelled' }
  const error = {
    code: 'CONFIG_INVALID',
    message: /"labelled", but the card of ztf-reference 1\.0\.0 has no populations/
  }
  await assert.rejects(readModels(settings), error)
  await assert.rejects(loadModels({ ...settings, runtime: 'wasm' }), error)
  const [known] = await readModels({ ...settings, population: 'stream' })
  assert.equal(known?.population, null)
})
