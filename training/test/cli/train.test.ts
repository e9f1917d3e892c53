import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { readModelFolder } from 'hierax/classifier/model-folder.ts'
import { runRefused } from '../../../test/support/refused.ts'
import { type CommandResult, runHierax, startHierax } from '../../../test/support/service.ts'
import { lineOf, madeObject, madeObjects, smallTaxonomyText } from '../support.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'hierax-train-'))
after(() => rmSync(folder, { recursive: true }))

const objects = madeObjects(90)
const data = path.join(folder, 'data.jsonl')
const taxonomy = path.join(folder, 'taxonomy.json')
const mystery = { ...madeObject(1000, 1), label: 'mystery' }
writeFileSync(data, [...objects, mystery].map(lineOf).join('\n'))
writeFileSync(taxonomy, smallTaxonomyText)
writeFileSync(
  data.replace('data', 'few'),
  objects
    .filter(({ node }) => node < 5)
    .map(lineOf)
    .join('\n')
)

const small = {
  network: { hidden: 8 },
  schedule: { batch: 16 },
  judged: { bootstrap: 5, days: [7, 'full'] }
}

/** File of a recipe: the small one, but for some groups. */
function recipe(name: string, but: Readonly<Record<string, object>> = {}): string {
  const file = path.join(folder, `${name}.json`)
  const groups = Object.entries(but).map(([key, values]) => [key, { ...small[key as keyof typeof small], ...values }])
  writeFileSync(file, JSON.stringify({ ...small, ...Object.fromEntries(groups) }))
  return file
}
const smallRecipe = recipe('small')

/** A small training into a folder, with options that are added or take the place of the usual ones. */
function argumentsFor(out: string, ...options: string[]): string[] {
  const usual = {
    '--data': data,
    '--taxonomy': taxonomy,
    '--out': path.join(folder, out),
    '--recipe': smallRecipe,
    '--epochs': '4',
    '--runtime': 'wasm'
  }
  const others = Object.entries(usual).filter(([name]) => !options.includes(name))
  return ['train', ...others.flat(), ...options]
}

/** Bytes of what a training decides. */
function weights(out: string): Buffer {
  return Buffer.concat(['weights.bin', 'novelty.json'].map(name => readFileSync(path.join(folder, out, name))))
}

/** Runs the command and sends it a signal once it has printed a line that matches. */
async function interrupted(
  args: readonly string[],
  line: RegExp,
  signal: NodeJS.Signals
): Promise<Omit<CommandResult, 'stdout'>> {
  const child = startHierax(args)
  const code = new Promise<number | null>(resolve => child.once('close', resolve))
  let stderr = ''
  for await (const text of createInterface({ input: child.stderr })) {
    stderr += `${text}\n`
    if (line.test(text)) child.kill(signal)
  }
  return { code: await code, stderr }
}

test('a training writes a model that loads, with its card; the same seed gives the same weights', async () => {
  const { code, stderr } = await runHierax(argumentsFor('plain', '--seed', '5'))
  assert.equal(code, 0, stderr)
  assert.match(stderr, /90 objects have labels of the taxonomy small 1/)
  assert.match(stderr, /does not know their labels: 1 objects: mystery \(1\)/)
  assert.match(stderr, /Epoch 4 of 4: loss /)
  const { card } = await readModelFolder(path.join(folder, 'plain'))
  assert.equal(card.name, 'plain')
  assert.equal(card.training.seed, 5)
  assert.match(card.training.command, /^hierax train --data .*--seed 5$/)
  assert.deepEqual(card.training.sources, [{ source: 'made', objects: 90 }])
  assert.equal(card.decision.priorPower, 0.4)
  assert.ok(card.training.notes.some(note => note.includes('mystery (1)')))
  const again = await runHierax(argumentsFor('again', '--seed', '5'))
  assert.equal(again.code, 0, again.stderr)
  assert.deepEqual(weights('again'), weights('plain'))
})

test('killed and resumed, it ends with the same weights; unasked, it does not start again', async () => {
  // Epochs enough for the signal to arrive before the last one ends.
  const options = ['--epochs', '12', '--seed', '5']
  const killed = await interrupted(argumentsFor('killed', ...options), /^Epoch 1 of/, 'SIGKILL')
  assert.equal(killed.code, null)
  assert.ok(!existsSync(path.join(folder, 'killed', 'card.json')))
  const unasked = await runHierax(argumentsFor('killed', ...options))
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /interrupted in epoch \d+; resume it with --resume/)
  const other = await runHierax(argumentsFor('killed', '--epochs', '12', '--seed', '6', '--resume'))
  assert.equal(other.code, 2)
  assert.match(other.stderr, /seed 5, this one has 6/)
  const resumed = await runHierax(argumentsFor('killed', ...options, '--resume'))
  assert.equal(resumed.code, 0, resumed.stderr)
  const plain = await runHierax(argumentsFor('unbroken', ...options))
  assert.equal(plain.code, 0)
  assert.deepEqual(weights('killed'), weights('unbroken'))
})

test('Ctrl-C saves, tells how to go on, and that works', async () => {
  const stopped = await interrupted(argumentsFor('stopped', '--epochs', '20'), /^Epoch 1 of/, 'SIGINT')
  assert.equal(stopped.code, 130)
  assert.match(stopped.stderr, /Resume with:\n {2}hierax train .* --resume\n/)
  const resumed = await runHierax(argumentsFor('stopped', '--epochs', '20', '--resume'))
  assert.equal(resumed.code, 0, resumed.stderr)
  assert.match(resumed.stderr, /batches, of which \d+ were done before/)
})

test('cross-validation fold by fold, then together, then its figures on the card', async () => {
  const judged = { judged: { among: ['A1,A2+B,-C'] }, decision: { bestF1: [{ untilDays: 1000, value: 0.5 }] } }
  const among = ['--recipe', recipe('among', judged), '--folds', '2']
  const one = await runHierax(argumentsFor('cv', ...among, '--fold', '1'))
  assert.equal(one.code, 0, one.stderr)
  assert.match(one.stdout, /^Among depth 1\ndays +objects +accuracy/)
  assert.match(one.stdout, /\nAmong A1,A2\+B,-C\n/)
  const all = await runHierax(argumentsFor('cv', ...among, '--resume'))
  assert.equal(all.code, 0, all.stderr)
  assert.match(all.stderr, /fold 1 \(of 2, counted from 0\): 12 batches, of which 12 were done before/)
  assert.match(all.stdout, /Mean and standard deviation over 2 folds/)
  assert.match(all.stdout, /by the power of the prior\npower +7 days +full\n0\.0 +\d\.\d{3} \/ \d/)
  const found = JSON.parse(readFileSync(path.join(folder, 'cv', 'cross-validation.json'), 'utf8'))
  assert.equal(found.evaluations[1].objects, 90)
  const model = await runHierax(argumentsFor('model', '--cross-validation', path.join(folder, 'cv')))
  assert.equal(model.code, 0, model.stderr)
  const { card } = await readModelFolder(path.join(folder, 'model'))
  assert.deepEqual(card.temperature, found.temperature)
  assert.deepEqual(card.decision.naming, found.naming)
  assert.deepEqual(Object.keys(found.naming[0].f1).length, 6)
  assert.ok(card.metrics.some(({ title }) => title === 'By cross-validation. Among depth 1'))
  const cv = path.join(folder, 'cv')
  const taught = await runHierax(argumentsFor('taught', '--folds', '2', '--fold', '0', '--teachers', `${cv},${cv}`))
  assert.equal(taught.code, 0, taught.stderr)
  const ofFold = await readModelFolder(path.join(folder, 'taught', 'fold-0'))
  assert.match(ofFold.card.training.notes[0] ?? '', /from teachers 0\.5/)
  const other = recipe('described', { ...judged, card: { description: 'another card' } })
  const described = await runHierax(argumentsFor('cv', '--folds', '2', '--resume', '--recipe', other))
  assert.equal(described.code, 0, described.stderr)
  const again = ['--folds', '2', '--fold', '0', '--teachers', `${cv},${cv}`, '--resume']
  const resumed = await runHierax(argumentsFor('taught', ...again))
  assert.equal(resumed.code, 0, `a teacher is its weights, whatever its card says: ${resumed.stderr}`)
})

test('nodes are left out one by one, and the figures go on the card', async () => {
  const held = recipe('held', { schedule: { heldOut: 0.4 } })
  const run = await runHierax(argumentsFor('left-out', '--leave-out', 'B', '--leave-out', 'A1', '--recipe', held))
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stdout, /^Novelty of classes that a network was trained without/)
  assert.match(run.stdout, /\nB +full +\d+ +\d+ +[01]\.\d{3}/)
  const { leftOut } = JSON.parse(readFileSync(path.join(folder, 'left-out', 'leave-out.json'), 'utf8'))
  assert.deepEqual(
    leftOut.map(({ node, days, objects }: { node: string; days: unknown; objects: number }) => [node, days, objects]),
    [
      ['B', 7, 22],
      ['B', 'full', 22],
      ['A1', 7, 23],
      ['A1', 'full', 23]
    ]
  )
  const without = await readModelFolder(path.join(folder, 'left-out', 'without-B'))
  assert.ok(without.novelty !== null)
  assert.equal(without.card.priors?.B, 0.5 / without.card.training.sources.reduce((sum, each) => sum + each.objects, 0))
  const model = await runHierax(argumentsFor('carded', '--left-out', path.join(folder, 'left-out')))
  assert.equal(model.code, 0, model.stderr)
  const { card } = await readModelFolder(path.join(folder, 'carded'))
  assert.ok(card.metrics.some(({ title }) => title.startsWith('Novelty of classes')))
  assert.ok(card.training.notes.some(note => note.includes('Novelty: scale from the training objects themselves')))
  assert.equal(typeof card.probe.novelty, 'number')
})

test('early stopping holds objects out, and the card has figures and temperature from them', async () => {
  const early = recipe('early', { schedule: { earlyStopping: 2, heldOut: 0.3 } })
  const { code, stderr } = await runHierax(argumentsFor('early', '--recipe', early))
  assert.equal(code, 0, stderr)
  assert.match(stderr, /held out \d/)
  const { card } = await readModelFolder(path.join(folder, 'early'))
  assert.equal(card.temperature?.length, 2)
  assert.match(card.metrics[0]?.title ?? '', /^On \d+ objects held out from training/)
  const trained = card.training.sources.reduce((sum, { objects }) => sum + objects, 0)
  assert.ok(trained > 45 && trained < 80, `${trained} of 90 were trained on`)
})

for (const [what, args, wanted] of [
  ['a fold without folds', ['--fold', '1'], /--fold needs --folds/],
  ['a fold too many', ['--folds', '3', '--fold', '3'], /folds are 0 to 2/],
  [
    'a node to leave out that is none',
    ['--leave-out', 'Z'],
    /--leave-out "Z": it is not a node of small below its root; the nearest is "[ABC]"/
  ],
  [
    'a node to leave out without objects',
    ['--leave-out', 'C', '--data', data.replace('data', 'few')],
    /no object belongs to it/
  ],
  ['nodes left out of folds', ['--leave-out', 'B', '--folds', '2'], /without --folds/],
  ['a run without nodes left out', ['--left-out', folder], /leave-out\.json can't be used/],
  ['days that are no number', ['--recipe', recipe('soon', { judged: { days: [7, 'soon'] } })], /key "judged\.days\.1"/],
  ['a class that is no node', ['--recipe', recipe('z', { judged: { among: ['A,Z'] } })], /"Z" is not a node/],
  ['an option that is a key of a recipe now', ['--hidden', '8'], /--hidden <value>.*network\.hidden of a recipe/],
  [
    'a persistent source that is no node',
    ['--recipe', recipe('p', { sampling: { persistent: ['Q'] } })],
    /"Q" is not a node of small/
  ],
  ['a recipe that is none', ['--recipe', 'mine'], /none of that name, only default, .*ztf-hawk-2/],
  [
    'a key that is none',
    ['--recipe', recipe('hiden', { network: { hiden: 8 } })],
    /key "network\.hiden": it is unknown/
  ],
  [
    'nothing held out',
    ['--leave-out', 'B', '--recipe', recipe('none', { schedule: { heldOut: 0 } })],
    /needs schedule\.heldOut/
  ],
  ['an output folder that is a file', ['--out', data], /--out .* is not a folder/],
  ['a class mix that does not sum to 1', ['--population', 'sky:A=0.5,B=0.5,C=0.1'], /"sky".* sum to 1\.1, expected 1/],
  ['a class mix of no node', ['--population', 'sky:A=0.5,Z=0.5'], /"sky".*"Z", which is not a node/],
  ['data that is missing', ['--data', path.join(folder, 'none.jsonl')], /none\.jsonl does not exist/],
  ['a taxonomy that is missing', ['--taxonomy', path.join(folder, 'none.json')], /none\.json/],
  ['a cross-validation that is missing', ['--cross-validation', folder], /cross-validation\.json can't be used/],
  [
    'results in a run that makes some',
    ['--cross-validation', folder, '--folds', '2', '--fold', '0'],
    /--cross-validation is for the card of a model of all objects; --folds 2 makes a cross-validation/
  ],
  ['packets in a cross-validation', ['--alerts', folder, '--folds', '2'], /--alerts is for the card of a model/],
  ['teachers that would not be used', ['--leave-out', 'B', '--teachers', folder], /--leave-out .*, without --teachers/]
] as const) {
  test(`refused: ${what}`, async () => {
    const { code, stderr } = await runRefused(argumentsFor('refused', ...args))
    assert.equal(code, 2, stderr)
    assert.match(stderr, wanted)
  })
}

test('a class mix goes into the card, whether or not the draws are balanced', async () => {
  const { code, stderr } = await runHierax(
    argumentsFor('mixed', '--epochs', '1', '--population', 'sky:A=0.2,B=0.5,C=0.3')
  )
  assert.equal(code, 0, stderr)
  const { populations } = (await readModelFolder(path.join(folder, 'mixed'))).card
  assert.deepEqual(Object.keys(populations ?? {}), ['sky', 'labelled'])
  assert.deepEqual(populations?.sky?.shares, { A: 0.2, B: 0.5, C: 0.3 })
})

test('bad data is refused by line and field', async () => {
  const bad = path.join(folder, 'bad.jsonl')
  const first = lineOf(madeObject(1, 1))
  writeFileSync(bad, `${first}\n${lineOf(madeObject(2, 2)).replace('"band":["g"', '"band":["u"')}\n`)
  const { code, stderr } = await runHierax(argumentsFor('bad', '--data', bad))
  assert.equal(code, 2)
  assert.match(stderr, /hierax: DATA_INVALID: .*bad\.jsonl, line 2, field band\[0\]/)
})
