import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { formatCard, modelReadme, writeModelFolder } from '@hierax/training/model-writer.ts'
import { loadClassifier, RecurrentClassifier } from '../../src/classifier/classifier.ts'
import { latestInputs } from '../../src/classifier/inputs/input-sets.ts'
import { type Card, type CardDraft, parseCard, sha256Hex } from '../../src/classifier/model/card.ts'
import { bundledModel, readModelFolder } from '../../src/classifier/model-folder.ts'
import type { Weight, Weights } from '../../src/classifier/network/network.ts'
import { createRuntime } from '../../src/classifier/network/runtime.ts'
import { runProbe } from '../../src/classifier/probe.ts'
import { HieraxError } from '../../src/errors.ts'
import { firstModel, referenceModel } from '../support/models.ts'

function refusal(code: string, message: RegExp): (error: unknown) => true {
  return error => {
    assert.ok(error instanceof HieraxError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  }
}

/** Weights of any size, made without chance. */
function madeWeights(outputs: number, hidden = 6, embedding = 5, dense = 4): Weights {
  const made = (...shape: number[]): Weight => {
    const size = shape.reduce((product, axis) => product * axis, 1)
    return { shape, values: Float32Array.from({ length: size }, (_, at) => Math.sin(at * 12.9898 + size)) }
  }
  return {
    'embedding/kernel': made(27, embedding),
    'embedding/bias': made(embedding),
    'gru/kernel': made(embedding, 3 * hidden),
    'gru/recurrent_kernel': made(hidden, 3 * hidden),
    'gru/bias': made(3 * hidden),
    'gru/recurrent_bias': made(3 * hidden),
    'hidden/kernel': made(3 * hidden + embedding, dense),
    'hidden/bias': made(dense),
    'output/kernel': made(dense, outputs),
    'output/bias': made(outputs)
  }
}

/** What a card was made from; what it states of its inputs stays, so that a test can change it. */
function draftOf(card: Card): CardDraft {
  const { files: _files, sha256: _sha256, ...draft } = card
  return draft
}

describe('a model folder', () => {
  let folder: string
  let copy: string

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'hierax-model-'))
  })
  after(() => rm(folder, { recursive: true }))

  /** A fresh copy of the bundled model. */
  const copied = async (): Promise<string> => {
    copy = path.join(folder, 'copy')
    await rm(copy, { recursive: true, force: true })
    await cp(referenceModel, copy, { recursive: true })
    return copy
  }

  /** Changes the card of a copy and gives it a right checksum again. */
  const withCard = async (change: (card: Card) => void): Promise<string> => {
    const dir = await copied()
    const card = JSON.parse(await readFile(path.join(dir, 'card.json'), 'utf8')) as Card
    change(card)
    await writeFile(path.join(dir, 'card.json'), formatCard(draftOf(card), card.files))
    return dir
  }

  for (const [which, name] of [
    [bundledModel, 'ztf-hawk'],
    [firstModel, 'ztf-hawk'],
    [referenceModel, 'ztf-reference']
  ] as const) {
    test(`${path.basename(which)} loads, and its checksum is what sha256sum says`, async () => {
      const model = await readModelFolder(which)
      assert.equal(model.card.name, name)
      const sums = execFileSync('sh', ['-c', 'LC_ALL=C sha256sum * | sha256sum'], { cwd: which, encoding: 'utf8' })
      assert.equal(model.sha256, sums.slice(0, 64))
    })

    test(`the README of ${path.basename(which)} is what its card says`, async () => {
      const { card } = await readModelFolder(which)
      assert.equal(await readFile(path.join(which, 'README.md'), 'utf8'), modelReadme(card))
    })
  }

  test('the bundled one is small, offers novelty, and names the command that trains it', async () => {
    const { card, novelty } = await readModelFolder(bundledModel)
    assert.ok((await readFile(path.join(bundledModel, 'weights.bin'))).length < 2e6)
    assert.notEqual(novelty, null)
    const [, script = ''] = /^npm run (\S+) -- \.\.\/shared$/.exec(card.training.command) ?? []
    const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
    assert.match(scripts[script], /scripts\/train-ztf-hawk\.ts$/)
    assert.equal(card.inputs, latestInputs.version)
  })

  test('the bundled one has populations, a context term and expected purities', async () => {
    const { card, context } = await readModelFolder(bundledModel)
    assert.notEqual(context, null)
    assert.deepEqual(Object.keys(card.populations ?? {}), ['stream', 'labelled'])
    assert.ok(card.purity?.some(({ node, population }) => node === 'SN Ia' && population === 'stream'))
    assert.ok(card.probe.withContext !== undefined)
  })

  test('the model of the first release has none of these, and answers at the mix of its training', async () => {
    const { card, context } = await readModelFolder(firstModel)
    assert.deepEqual([context, card.populations, card.purity], [null, undefined, undefined])
  })

  test('one changed byte in any file is noticed, and the file named', async () => {
    for (const name of await readdir(referenceModel)) {
      const file = path.join(await copied(), name)
      const bytes = await readFile(file)
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ 1
        await writeFile(file, changed)
        await assert.rejects(loadClassifier(copy), refusal('MODEL_INVALID', new RegExp(name.replace('.', '\\.'))))
      }
    }
  })

  test('a changed digit in the card is noticed with both checksums', async () => {
    const file = path.join(await copied(), 'card.json')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace('"0.604 ± 0.014"', '"0.704 ± 0.014"'))
    await assert.rejects(loadClassifier(copy), refusal('MODEL_INVALID', /got [0-9a-f]{64}, expected [0-9a-f]{64}/))
    await writeFile(file, text.replace(/[0-9a-f]{64}(?=",?\n}\s*$)/, 'f'.repeat(64)))
    await assert.rejects(loadClassifier(copy), refusal('MODEL_INVALID', /expected f{64}/))
  })

  test('a key that is given twice, and bytes that are not UTF-8, are refused by line', async () => {
    const file = path.join(await copied(), 'card.json')
    const twice = (await readFile(file, 'utf8')).replace('{', '{\n"name": "another",')
    await writeFile(file, twice)
    await assert.rejects(loadClassifier(copy), refusal('MODEL_INVALID', /card\.json, line \d+: "name" occurs twice/))
    await writeFile(file, Buffer.from(twice.replace('"another"', '"é"'), 'latin1'))
    await assert.rejects(
      loadClassifier(copy),
      refusal('MODEL_INVALID', /card\.json, line 2: byte 10 of the line, 0xe9, is not UTF-8/)
    )
  })

  test('a missing file is named', async () => {
    for (const name of await readdir(referenceModel)) {
      await rm(path.join(await copied(), name))
      await assert.rejects(loadClassifier(copy), refusal('MODEL_INVALID', new RegExp(`${name}.* can't be read`)))
    }
    await assert.rejects(loadClassifier(path.join(folder, 'nowhere')), refusal('MODEL_INVALID', /nowhere.*card\.json/))
  })

  test('unknown inputs, foreign taxonomies and missing priors are refused', async () => {
    const change = async (part: object, message: RegExp): Promise<void> => {
      const dir = await withCard(card => Object.assign(card, part))
      await assert.rejects(loadClassifier(dir), refusal('MODEL_INVALID', message))
    }
    await change({ inputs: 'ztf-31.v9' }, /inputs "ztf-31\.v9" are unknown; this version has ztf-27\.v1, ztf-70\.v2/)
    await change({ taxonomy: { name: 'other', version: '1' } }, /ztf-tree 1, the card has other 1/)
    await change({ decision: { priorPower: 0.4 } }, /`priors` is null/)
    await change({ decision: { priorPower: 0.4 }, priors: { 'SN Ia': 0.6 } }, /no prior is given for "Transient"/)
    await change({ temperature: [{ untilDays: 3, value: 1.1 }] }, /`untilDays` null/)
    await change({ files: {} }, /does not name "model\.json"/)
    await change({ files: { '../model.json': 'a'.repeat(64) } }, /files\["\.\.\/model\.json"\]/)
    await change({ licence: 'x' }, /licence/)
  })

  test('a probe that comes out otherwise is refused', async () => {
    const dir = await withCard(card => {
      const { probabilities } = card.probe
      probabilities.TDE = (probabilities.TDE as number) + 2e-4
    })
    await assert.rejects(loadClassifier(dir), refusal('MODEL_INVALID', /the probe has P\(TDE\) = 0\.\d+, the card has/))
  })

  test('network and taxonomy must fit each other', async () => {
    const { card } = await readModelFolder(referenceModel)
    const nodes = ['X', 'Y', 'Z'].map(name => ({ name, parent: 'Object' }))
    const text = JSON.stringify({ name: 'three', version: '1', root: 'Object', nodes })
    const refuse = async (weights: Weights, outputs: string[], message: RegExp): Promise<void> => {
      const draft = { ...draftOf(card), taxonomy: { name: 'three', version: '1' } }
      await writeModelFolder(path.join(folder, 'misfit'), { card: draft, taxonomy: text, weights, outputs })
      await assert.rejects(loadClassifier(path.join(folder, 'misfit')), refusal('MODEL_INVALID', message))
    }
    await refuse(madeWeights(3), ['X', 'Y'], /names 2 outputs, the weights have 3/)
    await refuse(madeWeights(3), ['X', 'Y', 'Q'], /"Q" is not a node/)
    await refuse(madeWeights(3), ['X', 'Y', 'Y'], /two outputs are named "Y"|no output is named after the node "Z"/)
    await refuse(madeWeights(2), ['X', 'Y'], /no output is named after the node "Z"/)
    const { 'gru/bias': bias, ...lacking } = madeWeights(3)
    await refuse(lacking, ['X', 'Y', 'Z'], /lack gru\/bias/)
    const short = { ...lacking, 'gru/bias': { shape: [17], values: (bias as Weight).values.slice(1) } }
    await refuse(short, ['X', 'Y', 'Z'], /gru\/bias: got \[17\], expected finite values of shape \[18\]/)
    const odd = { ...madeWeights(3), 'output/bias': { shape: [3], values: Float32Array.of(0, Number.NaN, 0) } }
    await refuse(odd, ['X', 'Y', 'Z'], /output\/bias: got \[3\] with values that are not finite/)
  })

  test('models of any taxonomy and size work, outputs in any order', async () => {
    const { card } = await readModelFolder(referenceModel)
    const draft = draftOf(card)
    for (const [count, hidden] of [
      [3, 6],
      [100, 33]
    ] as const) {
      const names = Array.from({ length: count }, (_, at) => `N${at}`)
      const nodes = names.map((name, at) => ({ name, parent: at < 3 ? 'Root' : `N${Math.floor(at / 3) - 1}` }))
      const taxonomy = JSON.stringify({ name: 'any', version: '7', root: 'Root', nodes })
      const dir = path.join(folder, `any-${count}`)
      const parts = { taxonomy, weights: madeWeights(count, hidden), outputs: names.toReversed() }
      const first = { ...draft, taxonomy: { name: 'any', version: '7' } }
      await writeModelFolder(dir, { ...parts, card: first })
      const trial = new RecurrentClassifier(await readModelFolder(dir), await createRuntime())
      const probe = await runProbe(trial, draft.probe.points)
      trial.dispose()
      await writeModelFolder(dir, { ...parts, card: { ...first, probe } })
      const classifier = await loadClassifier(dir)
      assert.equal(classifier.nodes.length, count)
      assert.equal(classifier.root, 'Root')
      const top = ['N0', 'N1', 'N2'].reduce((sum, name) => sum + (probe.probabilities[name] ?? 0), 0)
      assert.ok(Math.abs(top - 1) < 1e-9)
      classifier.dispose()
    }
  })
})

test('a card is exact to the byte', () => {
  const draft = { name: 'x' } as CardDraft
  const bytes = formatCard(draft, {})
  assert.throws(
    () => parseCard(bytes, 'card'),
    refusal('MODEL_INVALID', /^card: field version: it is missing; field description: it is missing; .* and 9 more$/)
  )
  const spaced = Buffer.from(bytes.toString().replace('"name": ', '"name":  '))
  assert.notEqual(sha256Hex(spaced), sha256Hex(bytes))
  assert.throws(() => parseCard(spaced, 'card'), refusal('MODEL_INVALID', /SHA-256 of the card/))
  assert.throws(() => parseCard(Buffer.from('null'), 'card'), refusal('MODEL_INVALID', /no checksum/))
})
