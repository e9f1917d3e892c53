import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import { root } from '../../test/support/shared.ts'
import { evaluate } from '../src/evaluation/evaluate.ts'
import { train } from '../src/train.ts'
import { lineOf, madeObject, silent, smallPlan } from './support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-trees-'))
after(() => rmSync(folder, { recursive: true }))

const planFor = (name: string, taxonomy: string, data: string) => smallPlan(path.join(folder, name), taxonomy, data)

/** A tree of so many nodes, the root included, each with up to `children` children. */
function tree(nodes: number, children: number): string {
  const file = path.join(folder, `tree${nodes}.json`)
  const listed = Array.from({ length: nodes - 1 }, (_, at) => ({
    name: `N${at + 1}`,
    parent: `N${Math.floor(at / children)}`
  }))
  writeFileSync(file, JSON.stringify({ name: `tree${nodes}`, version: '1', root: 'N0', nodes: listed }))
  return file
}

function dataOf(labels: readonly string[], name: string): string {
  const file = path.join(folder, `${name}.jsonl`)
  const lines = Array.from({ length: 60 }, (_, id) => {
    return lineOf({ ...madeObject(id, id % 6, 5), label: labels[id % labels.length] as string })
  })
  writeFileSync(file, lines.join('\n'))
  return file
}

const trees: readonly [name: string, file: string, labels: readonly string[], nodes: number][] = [
  ['three nodes', tree(3, 2), ['N1', 'N2', 'elsewhere'], 2],
  ['a hundred nodes', tree(100, 3), ['N1', 'N7', 'N40', 'N99', 'N50'], 99],
  ["the paper's", path.join(root, 'models/taxonomies/whxe-2023.json'), ['SN Ia', 'SN', 'QSO', 'TDE', 'SN IIb'], 36]
]
for (const [name, file, labels, nodes] of trees) {
  test(`a tree of any shape is trained, written and judged: ${name}`, async () => {
    const plan = planFor(name.replaceAll(/\W/g, '-'), file, dataOf(labels, `data${nodes}`))
    assert.equal(await train(plan, silent, new AbortController().signal), true)
    const { taxonomy, card } = await readModelFolder(plan.out)
    assert.equal(taxonomy.nodes.length, nodes)
    assert.ok(card.limitations.some(text => text.includes('hardly learned')))
    const outcome = await evaluate({
      model: plan.out,
      data: plan.data,
      days: [7, 'full'],
      among: [],
      minDetections: 1,
      bootstrap: 0,
      runtime: 'wasm'
    })
    assert.equal(outcome.evaluations.length, 2)
    assert.equal(outcome.evaluations[1]?.nodes.length, nodes)
    for (const { mistakeDistance, scores } of outcome.evaluations[1]?.sets ?? []) {
      assert.ok(scores === null || (scores.logLoss > 0 && Number.isFinite(scores.logLoss)))
      assert.ok(mistakeDistance === null || mistakeDistance >= 1)
    }
  })
}

test('nodes may have the names of properties of every object, and names in any Unicode normalisation', async () => {
  const names = ['constructor', 'toString', 'Nóva'.normalize('NFD')]
  const nodes = [
    { name: 'valueOf', parent: 'R' },
    { name: 'B', parent: 'R' },
    ...names.map(name => ({ name, parent: 'valueOf' }))
  ]
  const file = path.join(folder, 'odd.json')
  writeFileSync(file, JSON.stringify({ name: 'odd', version: '1', root: 'R', nodes }))
  const plan = planFor('odd', file, dataOf(['constructor', 'toString', 'Nóva', 'B'], 'odd'))
  const populations = { mix: { description: 'x', shares: { constructor: 0.5, toString: 0.25, Nóva: 0.25 } } }
  assert.equal(await train({ ...plan, populations }, silent, new AbortController().signal), true)
  const { card, taxonomy } = await readModelFolder(plan.out)
  assert.deepEqual(Object.keys(card.priors ?? {}), ['valueOf', 'constructor', 'toString', 'Nóva', 'B'])
  const judged = await evaluate({
    ...{ model: plan.out, data: plan.data, days: ['full'], among: [], minDetections: 1, bootstrap: 0, runtime: 'wasm' },
    population: { valueOf: 0.5, B: 0.5 }
  })
  assert.deepEqual(
    judged.evaluations[0]?.nodes.map(({ node }) => node),
    taxonomy.nodes.map(({ name }) => name)
  )
  const reserved = { ['__proto__']: { description: 'x', shares: { valueOf: 0.5, B: 0.5 } } }
  await assert.rejects(
    train({ ...plan, overwrite: true, populations: reserved }, silent, new AbortController().signal),
    {
      code: 'USAGE',
      message: /population "__proto__": a population cannot have this name/
    }
  )
})

test('data without any label of the tree is refused', async () => {
  const plan = planFor('none', tree(3, 2), dataOf(['elsewhere', 'N0'], 'none'))
  await assert.rejects(train(plan, silent, new AbortController().signal), {
    code: 'DATA_INVALID',
    message: /0 objects have a label/
  })
})
