import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { Simulation } from '@hierax/tools/simulator/simulate.ts'
import type { HieraxError } from 'hierax/errors.ts'
import { temporaryFolder } from '../../test/support/service.ts'
import type { TrainPlan } from '../src/session.ts'
import { train } from '../src/train.ts'
import { lineOf, madeObject, madeObjects, silent, smallPlan, smallTaxonomyText } from './support.ts'

const folder = temporaryFolder()
after(() => rmSync(folder, { recursive: true, force: true }))
const at = (...names: string[]): string => path.join(folder, ...names)

const objects = madeObjects(40)
const data = at('data.jsonl')
const taxonomy = at('tree.json')
writeFileSync(data, objects.map(lineOf).join('\n'))
writeFileSync(taxonomy, smallTaxonomyText)

const planFor = (out: string, more: Partial<TrainPlan> = {}): TrainPlan => ({
  ...smallPlan(at(out), taxonomy, data),
  ...more
})
const never = new AbortController().signal
/** Trains; resolves with the notes. */
async function trained(plan: TrainPlan, signal = never): Promise<string[]> {
  const notes: string[] = []
  await train(plan, { ...silent, note: text => notes.push(text) }, signal)
  return notes
}
const refused = (plan: TrainPlan, message: RegExp, code: HieraxError['code'] = 'USAGE') =>
  assert.rejects(trained(plan), { code, message })
const cardOf = (out: string): string => readFileSync(at(out, 'card.json'), 'utf8')

test('a model is not replaced unasked; it is resumed with the same settings, or replaced with --overwrite', async () => {
  await trained(planFor('kept'))
  const before = cardOf('kept')
  await refused(planFor('kept'), /--out: .*kept has a model that is trained; name another folder, or give --overwrite/)
  const { recipe } = planFor('kept')
  const other = { ...recipe, seed: 2 }
  await refused(planFor('kept', { recipe: other }), /has a model that is trained/)
  await refused(planFor('kept', { recipe: other, resume: true }), /seed 1, this one has 2: .*--overwrite/)
  assert.equal(cardOf('kept'), before)
  await trained(planFor('kept', { resume: true }))
  assert.equal(cardOf('kept'), before)
  await trained(planFor('kept', { recipe: other, overwrite: true }))
  assert.notEqual(cardOf('kept'), before)
  rmSync(at('kept', 'training'), { recursive: true })
  await refused(planFor('kept', { resume: true }), /has a model, without a checkpoint to resume from/)
})

test('an interrupted training and files of other origin are not replaced unasked', async () => {
  const stop = new AbortController()
  stop.abort()
  await trained(planFor('stopped'), stop.signal)
  const { recipe } = planFor('stopped')
  await refused(planFor('stopped'), /was interrupted in epoch 1; resume it with --resume/)
  await refused(planFor('stopped', { recipe: { ...recipe, seed: 2 } }), /was interrupted in epoch 1/)
  mkdirSync(at('project'))
  writeFileSync(at('project', 'README.md'), 'mine')
  await refused(planFor('project'), /project has other files of the names of a model's \(README\.md\)/)
  writeFileSync(at('project', 'taxonomy.json'), smallTaxonomyText)
  const ofItself = planFor('project', { taxonomy: at('project', 'taxonomy.json'), overwrite: true })
  await refused(ofItself, /--out .*taxonomy\.json would overwrite --taxonomy /)
  assert.match((await trained(planFor('new', { resume: true })))[0] ?? '', /^Nothing to resume in .*new: /)
  await refused(planFor('new', { start: at('new'), overwrite: true }), /would overwrite a file in --start /)
})

test('results of another tree, of other data, or of a single fold do not go into a card', async () => {
  await trained(planFor('cv', { folds: 2 }))
  const crossValidation = at('cv')
  const model = (name: string, more: Partial<TrainPlan>) => planFor(name, { crossValidation, ...more })
  await refused(planFor('cv', { folds: 2 }), /fold-0 has a model that is trained/)
  const tree = at('other.json')
  const nodes = JSON.parse(smallTaxonomyText)
  const added = { ...nodes, version: '2', nodes: [...nodes.nodes, { name: 'D', parent: nodes.root }] }
  writeFileSync(tree, JSON.stringify(added))
  await refused(
    model('a', { taxonomy: tree }),
    /--cross-validation .*cv is of another tree: of small 1, not of small 2/
  )
  const fewer = at('fewer.jsonl')
  writeFileSync(fewer, objects.slice(1).map(lineOf).join('\n'))
  await refused(model('a', { data: [fewer] }), /cv is of other data: of 40 labelled objects, not of 39/)
  const changed = at('changed.jsonl')
  writeFileSync(changed, [madeObject(0, 1), ...objects.slice(1)].map(lineOf).reverse().join('\n'))
  await refused(model('a', { data: [changed] }), /of other data: of as many objects \(40\), but not the same ones/)
  await refused(model('a', { crossValidation: at('cv', 'fold-0') }), /can't be used \(it does not exist\)/)
  await trained(planFor('one', { folds: 2, fold: 0 }))
  await refused(model('a', { crossValidation: at('one', 'fold-0') }), /is a single fold; train all of them/)
  await refused(model('a', { crossValidation: at('cv', 'cross-validation.json') }), /is a file: name its folder/)
  assert.ok(!existsSync(at('a')))
  // The order of the objects does not matter.
  const turned = at('turned.jsonl')
  writeFileSync(turned, objects.map(lineOf).reverse().join('\n'))
  await trained(model('turned', { data: [turned] }))
  const file = at('cv', 'cross-validation.json')
  const { of, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
  assert.deepEqual([of.folds, of.objects], [2, 40])
  writeFileSync(file, JSON.stringify(rest))
  const notes = await trained(model('old', {}))
  assert.match(notes.join('\n'), /cv is of an earlier version, and does not state its tree and data/)
})

test('networks of other folds are no teachers', async () => {
  await trained(planFor('three', { folds: 3 }))
  const plan = planFor('two', { folds: 2, teachers: [at('three')] })
  await refused(
    plan,
    /--teachers .*three has 3 folds \(foldSeed 0\), this run 2 \(foldSeed 0\): its networks were trained/
  )
  const file = at('three', 'cross-validation.json')
  const content = readFileSync(file, 'utf8')
  writeFileSync(file, content.slice(0, 20))
  await refused(plan, /--teachers .*three: .*cross-validation.json can't be used/)
  writeFileSync(file, content)
  await refused(planFor('many', { folds: 100 }), /--folds 100: fold \d+ has no object, of 40 in all; give fewer folds/)
  assert.ok(!existsSync(at('many')))
  await refused(planFor('three', { folds: 4, resume: true }), /is of a training with other objects \(--data, --folds/)
  await refused(planFor('two', { folds: 2, start: at('three') }), /--start .*three has 3 folds/)
  const { recipe } = plan
  const otherSeed = { ...recipe, foldSeed: 1 }
  await refused(
    planFor('two', { folds: 3, start: at('three'), recipe: otherSeed }),
    /has 3 folds \(foldSeed 0\), this run 3/
  )
})

test('a model of another tree to start from is named by its option', async () => {
  const reference = path.resolve(import.meta.dirname, '../../models/ztf-reference')
  await refused(planFor('begun', { start: reference }), /^--start .*ztf-reference has another tree than --taxonomy/)
  await refused(planFor('begun', { start: folder }), /^--start .* is not a model folder: it has no card\.json/)
  await refused(
    planFor('begun', { teachers: [at('three')] }),
    /three is a cross-validation, which is for a run with --folds/
  )
  await refused(
    planFor('begun', { folds: 2, start: reference }),
    /ztf-reference has no fold-0 with a model; with --folds,/
  )
  await refused(planFor('begun', { teachers: [reference] }), /^--teachers .*ztf-reference has another tree/)
})

test('figures of nodes that were left out are not replaced by those of others', async () => {
  const { recipe } = planFor('x')
  const schedule = { ...recipe.schedule, heldOut: 0.4 }
  const without = (node: string, more: Partial<TrainPlan> = {}) =>
    planFor('left', { leaveOut: [node], recipe: { ...recipe, schedule }, ...more })
  await trained(without('B'))
  await refused(without('A1'), /left has the leave-out\.json of an earlier run/)
  await refused(without('A1', { resume: true }), /has figures of a run with --leave-out "B", which would be lost/)
  await trained(without('A1', { overwrite: true }))
})

test('where nothing can be learned, nothing is trained; what can not be learned is named', async () => {
  const tree = (nodes: readonly object[]): string => {
    const file = at('small-tree.json')
    writeFileSync(file, JSON.stringify({ name: 'few', version: '1', root: 'Object', nodes, labels: { 'type B': 'B' } }))
    return file
  }
  const chain = [
    { name: 'B', parent: 'Object' },
    { name: 'B1', parent: 'B' }
  ]
  await refused(planFor('none', { taxonomy: tree(chain) }), /--taxonomy .*: no node has two children/)
  const two = tree([...chain, { name: 'C', parent: 'Object' }])
  await refused(
    planFor('none', { taxonomy: two }),
    /no two siblings of the tree have objects; all \d+ are at or below B/
  )
  const three = tree([...chain, { name: 'type A1', parent: 'Object' }, { name: 'Z', parent: 'Object' }])
  const notes = (await trained(planFor('some', { taxonomy: three }))).join('\n')
  assert.match(notes, /Node B1 is the only child of B, and always gets its whole probability\./)
  assert.match(notes, /Nodes without any object, which can't be learned: .*Z\./)
})

test('labelled packets are read and counted before the training', async () => {
  const curves = [1, 3].map((node, index) => {
    const { points, label, source } = madeObject(index, node, 4)
    return { id: `ZTF20aaaaaa${'ab'[index]}`, label, source, ra: 10 * (index + 1), dec: 20, points }
  })
  mkdirSync(at('packets'))
  for (const { candid, bytes } of new Simulation(curves, { cutoutBytes: 0 }))
    writeFileSync(at('packets', `${candid}.avro`), bytes)
  writeFileSync(at('packets', 'broken.avro'), 'none')
  await refused(
    planFor('labelled', { alerts: [at('packets')] }),
    /of 2 objects, none has a label that the taxonomy small knows/
  )
  assert.ok(!existsSync(at('labelled')))
  writeFileSync(at('packets', 'labels.jsonl'), JSON.stringify({ objectId: curves[0]?.id, label: 'A1' }))
  const notes = await trained(planFor('labelled', { alerts: [at('packets', 'labels.jsonl')] }))
  const few = notes.findIndex(note =>
    /two nodes with 10 labelled objects each: the model will get no context/.test(note)
  )
  const begin = notes.findIndex(note => note.startsWith('Fitting'))
  assert.ok(few > 0 && few < begin, notes.join('\n'))
  const unread = notes.findIndex(note => /cannot be read: 1 of 9 packets: NOT_A_CONTAINER 1, such as/.test(note))
  const training = notes.findIndex(note => note.startsWith('Runtime: '))
  assert.ok(unread > training, notes.join('\n'))
  assert.ok(notes.includes('Fitting the context term on 4 labelled alerts of 1 objects.'), notes.join('\n'))
  writeFileSync(at('packets', 'night.tar'), 'no archive')
  await refused(planFor('tarred', { alerts: [at('packets', 'labels.jsonl')] }), /night\.tar/, 'ARCHIVE_INVALID')
})
