import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { isRepeatable } from '../../src/cli/options.ts'
import { createProgram } from '../../src/cli/program.ts'
import { describeError, HieraxError } from '../../src/errors.ts'
import { runRefused } from '../support/refused.ts'
import { runHierax, startHierax } from '../support/service.ts'
import { root } from '../support/shared.ts'

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  assert.deepEqual(await runHierax(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})

test('every command has help with an example', async () => {
  const program = await createProgram()
  // A group such as `store` only lists its own commands, which have the examples.
  const leaves = program.commands.flatMap(command => (command.commands.length > 0 ? command.commands : [command]))
  const all = [program, ...leaves]
  assert.ok(all.length > 3)
  for (const command of all) {
    let help = ''
    command.configureOutput({ writeOut: text => (help += text) }).outputHelp()
    assert.match(help, /Examples?:\n\s+\$ .*hierax /, command.name())
    assert.ok(
      command.description() !== '' && command.options.every(option => option.hidden || option.description !== ''),
      command.name()
    )
  }
})

test('a command loads no package but its own', async () => {
  const names = async (...args: string[]) => (await createProgram(args)).commands.map(command => command.name())
  const own = ['serve', 'classify', 'replay', 'tail', 'reclassify', 'disagreements', 'store']
  assert.deepEqual(await names('serve'), own)
  assert.deepEqual(await names('simulate'), [...own, 'simulate', 'demo'])
  for (const name of ['train', 'evaluate', 'convert', 'simulate', 'demo'])
    assert.ok((await names('help', 'serve')).includes(name))
})

test('help that is asked for goes to standard output; none that is needed is an error', async () => {
  for (const args of [['--help'], ['help'], ['help', 'replay'], ['replay', '--help']]) {
    const { code, stdout, stderr } = await runHierax(args)
    assert.equal(code, 0)
    assert.match(stdout, /^Usage: hierax/)
    assert.equal(stderr, '')
  }
  const { code, stdout, stderr } = await runHierax([])
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /hierax: USAGE: no command was named/)
})

test('wrong usage ends with 2 and one line that names the nearest', async () => {
  const cases: [string[], RegExp][] = [
    [['replai', 'x'], /^hierax: USAGE: unknown command 'replai'\. Did you mean replay\? See --help\.\n$/],
    [['--vresion'], /^hierax: USAGE: unknown option '--vresion'\. Did you mean --version\? See --help\.\n$/],
    [
      ['replay', 'x', '--tpoic', 'y'],
      /^hierax: USAGE: unknown option '--tpoic'\. Did you mean --topic\? See --help\.\n$/
    ],
    [['replay', '--topic', 'x'], /^hierax: USAGE: missing required argument 'path'\. See --help\.\n$/],
    [['replay', 'x'], /^hierax: USAGE: name the --topic to publish to\. See --help\.\n$/],
    [['replay', 'x', '--topic', 'a b'], /^hierax: INPUT_NOT_FOUND: x does not exist\. .*\n$/],
    [['simulate', 'x', '--out', 'y'], /^hierax: USAGE: too many arguments.*\n$/],
    [
      ['simulate', '--out', 'x', '--seed', '1.5'],
      /^hierax: USAGE: .*--seed.*'1\.5'.*whole number, 0 or more\. See --help\.\n$/
    ],
    [['simulate', '--out'], /^hierax: USAGE: option '--out <folder>' argument missing\. See --help\.\n$/]
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runHierax(args)
    assert.match(stderr, message)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
  }
})

test('an option that takes one value is refused where it is given twice, with both values', async () => {
  const cases: [string[], RegExp][] = [
    [
      ['serve', '--config', 'a.yaml', '--config', 'b.yaml'],
      /--config was given twice, as "a\.yaml" and as "b\.yaml": give it once/
    ],
    [['classify', 'x', '--order=time', '--order=time'], /--order was given twice, as "time" and as "time"/],
    [
      ['classify', 'x', '--model', 'a', '--model', 'b'],
      /--model was .*"a" and as "b": give one list, separated by commas/
    ],
    [['tail', '--limit', '1', '--limit', '2'], /--limit was given twice, as "1" and as "2"/],
    [
      ['store', 'verify', '--store', 'valkey://me:one@host/0', '--store', 'valkey://me:two@host/0'],
      /--store was given twice, as "valkey:\/\/me:\*+@host\/0" and as "valkey:\/\/me:\*+@host\/0"/
    ],
    [
      ['train', '--data', 'a', '--taxonomy', 't', '--out', 'o', '--data', 'b'],
      /--data was given twice, as "a" and as "b"/
    ],
    [['train', '--population', 's:A=0.5,B=0.5', '--population', 's:A=0.4,B=0.6'], /Class mix s was given already/],
    [['train', '--population', 's:A=0.5,A=0.5'], /Node A has two shares/],
    [['evaluate', '--population', 'stream', '--population', 'labelled'], /--population was given twice/],
    [['convert', 'x', '--rename', 'mag=a', '--rename', 'MAG=b'], /Column MAG is renamed twice, to a and to b/],
    [['simulate', '--out', 'x', '--out', 'y'], /--out was given twice, as "x" and as "y"/],
    [['demo', '--rate', '1', '--rate', '2'], /--rate was given twice/],
    [['train', '--data', 'a', '--taxonomy', 't', '--out', ''], /--out is empty: give it a value, or leave it out/],
    [['evaluate', '--data', 'a', '--json='], /--json is empty/]
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await runRefused(args)
    assert.match(stderr, /^hierax: USAGE: /, args.join(' '))
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /:one@|:two@/)
    assert.equal(code, 2)
  }
  const program = await createProgram()
  const several = program.commands.flatMap(command =>
    command.options.filter(option => isRepeatable(option.parseArg)).map(({ long }) => `${command.name()} ${long}`)
  )
  assert.deepEqual(several.sort(), [
    'convert --ignore',
    'convert --rename',
    'evaluate --among',
    'train --leave-out',
    'train --population'
  ])
  assert.ok(
    program.commands.every(({ options }) =>
      options.every(o => isRepeatable(o.parseArg) === /repeatable/.test(o.description))
    )
  )
})

test('stacks are shown only on request', async () => {
  const { stderr } = await runHierax(['replay', 'missing', '--topic', 'x'], { settings: { NODE_DEBUG: 'hierax' } })
  assert.match(stderr, /at async/)
})

test('an error is one line, or the lines of its message and one for the remedy', () => {
  assert.equal(describeError(new HieraxError('USAGE', 'odd')), 'hierax: USAGE: odd. See --help.')
  assert.equal(describeError(new HieraxError('USAGE', 'is it?')), 'hierax: USAGE: is it? See --help.')
  assert.equal(
    describeError(new HieraxError('USAGE', '2 problems:\n  a\n  b')),
    'hierax: USAGE: 2 problems:\n  a\n  b.\nSee --help.'
  )
})

test('a reader that stops reading ends the command quietly', async () => {
  const child = startHierax(['--help'])
  child.stdout.destroy()
  let errors = ''
  child.stderr.on('data', data => {
    errors += data
  })
  const code = await new Promise(resolve => child.once('close', resolve))
  assert.deepEqual([code, errors], [0, ''])
})
