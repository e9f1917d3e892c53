import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { checkFolderOf, checkOutputs, type InputPath, type NamedPath } from '../../src/cli/outputs.ts'
import { HieraxError } from '../../src/errors.ts'
import { runRefused } from '../support/refused.ts'
import { temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'

const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const at = (...names: string[]): string => path.join(folder, ...names)

fs.mkdirSync(at('packets', 'deep'), { recursive: true })
for (const name of ['a.jsonl', 'packets/x.avro', 'packets/deep/y.avro', 'packets/refused.jsonl'])
  fs.writeFileSync(at(name), name)
fs.symlinkSync(at('a.jsonl'), at('link.jsonl'))
fs.linkSync(at('a.jsonl'), at('hard.jsonl'))
fs.symlinkSync(folder, at('self'))

const input = (file: string): InputPath => ({ name: '--data', path: file })
const output = (file: string, name = '--json'): NamedPath => ({ name, path: file })

test('an output that is an input is refused, however its path is written', () => {
  for (const file of ['a.jsonl', 'packets/../a.jsonl', 'link.jsonl', 'hard.jsonl', 'self/a.jsonl'].map(
    name => `${folder}/${name}`
  )) {
    assert.throws(
      () => checkOutputs([output(file)], [input(at('packets')), input(at('a.jsonl'))]),
      new HieraxError('USAGE', `--json ${file} would overwrite --data ${at('a.jsonl')}: name another file`)
    )
  }
  checkOutputs(
    [output(at('new.jsonl')), output(at('packets/x.avro'))],
    [input(at('a.jsonl')), input(at('missing')), input('-')]
  )
})

test('of a folder, the files that are read may not be an output', () => {
  const packets = { ...input(at('packets')), reads: (name: string) => name.endsWith('.avro') }
  for (const [name, inputs] of [
    ['packets/x.avro', [packets]],
    ['packets/deep/y.avro', [packets]],
    ['packets/refused.jsonl', [input(at('packets'))]]
  ] as const)
    assert.throws(
      () => checkOutputs([output(at(name))], inputs),
      /would overwrite a file in --data .*packets: name another file/
    )
  checkOutputs([output(at('packets/refused.jsonl'), '--a'), output(at('packets/new.avro'), '--b')], [packets])
  checkOutputs([output(at('packets/deep/y.avro'))], [input(at('packets'))])
})

test('two outputs in one file are refused, but not on a device', () => {
  assert.throws(
    () => checkOutputs([output(at('new'), '--json'), output(at('self', 'new'), '--predictions')], []),
    /--predictions .*self.new would overwrite --json .*new: name another file/
  )
  checkOutputs([output('/dev/null', '--json'), output('/dev/null', '--predictions')], [input('/dev/null')])
})

test('the folder of an output must exist', () => {
  checkFolderOf(output(at('new')))
  for (const [name, wanted] of [
    ['none/new', /--json .*none.new can't be written: the folder .*none does not exist/],
    ['a.jsonl/new', /a\.jsonl is not a folder/],
    ['packets', /it is a folder/]
  ] as const)
    assert.throws(() => checkFolderOf(output(at(name))), wanted)
})

test('no command overwrites what it reads', async () => {
  const example = path.join(root, 'examples/lightcurves.jsonl')
  fs.copyFileSync(example, at('curves.jsonl'))
  fs.copyFileSync(path.join(root, 'examples/tables/ZTF99aaaaaaa_fink.json'), at('table.json'))
  fs.copyFileSync(path.join(root, 'examples/labels.csv'), at('labels.csv'))
  fs.cpSync(path.join(root, 'models/ztf-reference'), at('model'), { recursive: true })
  const evaluate = ['evaluate', '--model', at('model'), '--data', at('curves.jsonl'), '--runtime', 'wasm']
  const before = contents()
  for (const [args, wanted] of [
    [['convert', at('table.json'), '--overwrite', '--out', at('table.json')], /--out .* would overwrite the table /],
    [
      ['convert', at('table.json'), '--labels', at('labels.csv'), '--overwrite', '--out', at('labels.csv')],
      /--out .* would overwrite --labels /
    ],
    [['classify', at('packets'), '--dead-letters', at('packets', 'x.avro')], /would overwrite a file in the input /],
    [[...evaluate, '--json', at('curves.jsonl')], /--json .* would overwrite --data /],
    [[...evaluate, '--predictions', at('curves.jsonl')], /--predictions .* would overwrite --data /],
    [[...evaluate, '--json', at('model', 'card.json')], /--json .* would overwrite a file in the model /],
    [[...evaluate, '--json', at('x'), '--predictions', at('x')], /--predictions .* would overwrite --json /],
    [[...evaluate, '--json', at('none', 'x')], /--json .* can't be written: the folder .* does not exist/]
  ] as const) {
    const { code, stderr } = await runRefused(args)
    assert.match(stderr, wanted)
    assert.equal(code, 2)
  }
  assert.deepEqual(contents(), before)
})

/** All files with their contents. */
function contents(): (readonly [string, string])[] {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter(each => each.isFile())
  return files.map(({ parentPath, name }) => {
    const file = path.join(parentPath, name)
    return [file, fs.readFileSync(file, 'latin1')] as const
  })
}
