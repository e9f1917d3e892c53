import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { mean } from '../../src/collections.ts'
import type { Table } from '../../src/evaluation/tables.ts'
import { runStudy } from '../../src/study/run-study.ts'
import { lineOf, madeObjects, silent, smallTaxonomyText } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-study-'))
after(() => rmSync(folder, { recursive: true }))

const recipe = {
  epochs: 2,
  network: { embedding: 8, hidden: 8, dense: 8 },
  schedule: { batch: 32 },
  sampling: { persistent: [] },
  augmentation: { copies: 1 },
  judged: { days: [7, 'full'], bootstrap: 0 }
}
const study = {
  name: 'Small',
  taxonomy: 'tree.json',
  recipe: path.join(folder, 'recipe.json'),
  folds: 2,
  targets: { top: 'A,B,C', leaves: { leaves: 5 } },
  networks: {
    whole: { alpha: 0.5, beta: 1 },
    flat: { target: 'top' },
    'flat leaves': { target: 'leaves', beta: 1 }
  },
  parts: [
    {
      name: 'claim',
      title: 'Claim',
      networks: ['whole', 'flat', 'flat leaves'],
      judged: ['top', 'leaves'],
      folds: [0, 1]
    },
    {
      name: 'coarse',
      title: 'Coarse',
      networks: ['whole', 'flat leaves'],
      judged: ['leaves'],
      folds: [0],
      coarse: [0, 0.5]
    }
  ]
}
const file = path.join(folder, 'study.json')
const data = path.join(folder, 'data.jsonl')
const out = path.join(folder, 'out')
const plan = { study: file, data: [data], out, runtime: 'wasm', command: 'made' } as const
let tables: Table[]

/** Folders of the runs, and how often a network was trained in this call. */
async function run(signal: AbortSignal = new AbortController().signal) {
  const trained: string[] = []
  const listener = { ...silent, begin: async (title: string) => void trained.push(title) }
  return { tables: await runStudy(plan, listener, signal), trained }
}

before(async () => {
  writeFileSync(path.join(folder, 'tree.json'), smallTaxonomyText)
  writeFileSync(path.join(folder, 'recipe.json'), JSON.stringify(recipe))
  writeFileSync(file, JSON.stringify(study))
  writeFileSync(data, madeObjects(120).map(lineOf).join('\n'))
  // Interrupted in its second network, and resumed.
  const controller = new AbortController()
  let batches = 0
  const listener = { ...silent, batch: () => void (++batches === 6 && controller.abort()) }
  assert.equal(await runStudy(plan, listener, controller.signal), null)
  const { tables: found, trained } = await run()
  assert.ok(found !== null)
  tables = found
  assert.equal(trained.length, 8 - 1)
})

test('a second run trains nothing and finds the same figures', async () => {
  const { tables: again, trained } = await run()
  assert.deepEqual(again, tables)
  assert.deepEqual(trained, [])
})

test('the tables follow from the predictions that are kept', () => {
  const table = tables.find(({ title }) => title.startsWith('Claim: top, whole curves'))
  const row = table?.rows.find(([network]) => network === 'flat')
  const runs = path.join(out, 'runs')
  const flat = readdirSync(runs).find(name => /^flat-[0-9a-f]+$/.test(name)) as string
  const parents: Record<string, string> = {
    'type A1': 'A',
    'type A2': 'A',
    'some A': 'A',
    'type B': 'B',
    'type C1': 'C'
  }
  const accuracies = [0, 1].map(fold => {
    const lines = gunzipSync(readFileSync(path.join(runs, flat, `fold-${fold}`, 'predictions.jsonl.gz'))).toString()
    const predictions = lines.split('\n').map(line => JSON.parse(line))
    const whole = predictions.filter(({ days }) => days === 'full')
    const right = whole.filter(({ label, nodes }) => {
      const [[best]] = Object.entries<number>(nodes).sort((a, b) => b[1] - a[1]) as [[string, number]]
      return best === parents[label as string]
    })
    return right.length / whole.length
  })
  const at = table?.columns.indexOf('accuracy') as number
  assert.equal(row?.[at]?.split(' ')[0], mean(accuracies).toFixed(3))
})

test('a network with weights is judged with and without them, a flat one among its own classes only', () => {
  const names = (beginning: string): (string | undefined)[] =>
    tables.find(({ title }) => title.startsWith(beginning))?.rows.map(([name]) => name) ?? []
  assert.deepEqual(names('Claim: top, 7 days'), ['whole', 'whole, weights divided out', 'flat'])
  const ofLeaves = ['whole', 'whole, weights divided out', 'flat leaves', 'flat leaves, weights divided out']
  assert.deepEqual(names('Claim: leaves, 7 days'), ofLeaves)
})

test('labels above its classes are lost to a flat network only', () => {
  const table = tables.find(({ title }) => title.startsWith('Coarse: leaves, whole curves')) as Table
  const trained = (network: string): number[] =>
    table.rows.filter(([name]) => name === network).map(row => Number(row[table.columns.indexOf('trained on')]))
  const [all, same] = trained('whole') as [number, number]
  assert.equal(all, same)
  const [before, less] = trained('flat leaves') as [number, number]
  assert.ok(less < before, `${less} of ${before}`)
})

test('every part and set of classes has its page', () => {
  const [claimLeaves, claimTop, coarse, markdown] = readdirSync(path.join(out, 'report')).sort()
  assert.deepEqual(
    [claimLeaves, claimTop, coarse, markdown],
    ['claim-leaves', 'claim-top', 'coarse-leaves', 'tables.md']
  )
  for (const page of [claimLeaves, claimTop, coarse] as string[])
    assert.ok(statSync(path.join(out, 'report', page, 'index.html')).size > 10_000)
})

test('other data are not answered from the results of these', async () => {
  writeFileSync(data, madeObjects(124).map(lineOf).join('\n'))
  await assert.rejects(run(), { code: 'USAGE', message: /objects/ })
})

for (const [what, change, message] of [
  ['an unknown target', { networks: { ...study.networks, flat: { target: 'none' } } }, /network "flat".*"none"/],
  ['an unknown network', { parts: [{ ...study.parts[0], networks: ['none'] }] }, /part claim.*"none"/],
  ['a fold too many', { parts: [{ ...study.parts[0], folds: [2] }] }, /fold 2 of 2/],
  ['an unknown key', { weights: 1 }, /field weights: it is unknown$/],
  ['folds in words', { folds: 'two' }, /field folds: expected (int|number), received string$/],
  ['an unknown node', { targets: { ...study.targets, top: 'A,Z' } }, /"Z" is not a node/]
] as const) {
  test(`a study with ${what} is refused`, async () => {
    writeFileSync(file, JSON.stringify({ ...study, ...change }))
    await assert.rejects(runStudy({ ...plan, out: path.join(folder, 'none') }, silent, AbortSignal.abort()), {
      code: 'USAGE',
      message
    })
  })
}
