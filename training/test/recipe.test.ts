import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { root } from '../../test/support/shared.ts'
import { parseRecipe, readRecipe, recipeKeys, withoutEffect } from '../src/recipe.ts'
import { smallTaxonomy } from './support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-recipe-'))
after(() => rmSync(folder, { recursive: true }))

function written(name: string, values: unknown): string {
  const file = path.join(folder, name)
  writeFileSync(file, JSON.stringify(values))
  return file
}

test('the default recipe has every default', async () => {
  assert.deepEqual(await readRecipe('default'), parseRecipe({}, 'none'))
})

test('a recipe extends another one: groups key by key, lists as a whole', async () => {
  const { network, judged, sampling, card } = await readRecipe('ztf-hawk-2-first')
  assert.deepEqual(
    [network.embedding, network.dropout, sampling.synthetic, judged.among, judged.days],
    [96, 0.2, 2400, [], ['full']]
  )
  assert.equal(card.populations.stream?.shares.Transient, 0.04)
  written('base.json', { network: { hidden: 16 }, epochs: 3 })
  const mine = await readRecipe(written('mine.json', { extends: 'base.json', network: { dense: 32 } }))
  assert.deepEqual([mine.network.hidden, mine.network.dense, mine.epochs], [16, 32, 3])
})

test('persistent sources are nodes of the tree; those that are not children of the root are named', () => {
  assert.deepEqual(withoutEffect(['A', 'A1', 'B', 'C1'], smallTaxonomy), ['A1', 'C1'])
  assert.deepEqual(withoutEffect(parseRecipe({}, 'made').sampling.persistent, smallTaxonomy), [])
  for (const persistent of [['Persistant'], ['A', 'Root'], ['Persistent', 'A']])
    assert.throws(() => withoutEffect(persistent, smallTaxonomy), {
      code: 'USAGE',
      message: /"sampling\.persistent": "(Persistant|Root|Persistent)" is not a node of small; .* are A, B, C$/
    })
})

test('a byte order mark is left out', async () => {
  writeFileSync(path.join(folder, 'marked.json'), '\ufeff{"epochs": 7}')
  assert.equal((await readRecipe(path.join(folder, 'marked.json'))).epochs, 7)
})

test('cuts are ascending, each once', () => {
  assert.deepEqual(parseRecipe({ judged: { days: ['full', 7, 3, 7] } }, 'made').judged.days, [3, 7, 'full'])
})

for (const [what, values, message] of [
  ['an unknown group', { nets: {} }, /key "nets": it is unknown/],
  ['an unknown key', { loss: { gamma: 1 } }, /key "loss\.gamma": it is unknown/],
  ['a number out of its range', { network: { dropout: 1 } }, /key "network\.dropout"/],
  ['unknown inputs', { network: { inputs: 'none' } }, /key "network\.inputs"/],
  ['ages that do not ascend', { decision: { bestF1: [10, 5].map(untilDays => ({ untilDays, value: 1 })) } }, /bestF1/],
  ['a power that ends', { decision: { priorPower: [{ untilDays: 10, value: 1 }] } }, /decision\.priorPower/],
  [
    'a share of 1',
    { card: { populations: { all: { description: 'x', shares: { A: 1 } } } } },
    /populations\.all\.shares\.A/
  ]
] as const) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseRecipe(values, 'made'), { code: 'USAGE', message })
  })
}

test('files that are missing, no JSON or circles are refused', async () => {
  const file = (name: string): string => path.join(folder, name)
  await assert.rejects(readRecipe('nowhere'), { code: 'USAGE', message: /only default, .*ztf-hawk-2/ })
  await assert.rejects(readRecipe(file('nowhere.json')), { code: 'USAGE', message: /does not exist/ })
  writeFileSync(file('broken.json'), '{')
  await assert.rejects(readRecipe(file('broken.json')), { code: 'USAGE', message: /broken\.json, line 1: not JSON/ })
  for (const [content, message] of [
    ['', /broken\.json: it is empty/],
    ['{"epochs": 3,\n"epochs": 4}', /broken\.json, line 2: "epochs" occurs twice/],
    ['{"loss": {"alpha": 1,\n\n"alpha": 2}}', /broken\.json, line 3: "alpha" occurs twice/],
    ['{"card": {"populations": {"__proto__": {}}}}', /broken\.json, line 1: "__proto__" can't be a key/],
    [Buffer.from('{"card":\n{"description": "é"}}', 'latin1'), /line 2: byte 18 of the line, 0xe9, is not UTF-8/]
  ] as const) {
    writeFileSync(file('broken.json'), content)
    await assert.rejects(readRecipe(file('broken.json')), { code: 'USAGE', message })
  }
  await assert.rejects(readRecipe(written('list.json', [])), { code: 'USAGE', message: /JSON object/ })
  await assert.rejects(readRecipe(written('a.json', { extends: 'a.json' })), { code: 'USAGE', message: /itself/ })
})

test('the documentation has every key with its default', () => {
  const page = readFileSync(path.join(root, 'docs/training.md'), 'utf8')
  for (const { key, value, meaning } of recipeKeys()) {
    const shown = value === undefined ? '' : ` \`${JSON.stringify(value)}\` `
    assert.ok(
      page.includes(`| \`${key}\` |${shown || ' '}| ${meaning} |`),
      `| \`${key}\` |${shown || ' '}| ${meaning} |`
    )
  }
})
