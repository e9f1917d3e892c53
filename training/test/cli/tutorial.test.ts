import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import type { Card } from 'hierax/classifier/model/card.ts'
import { kafka } from '../../../test/support/brokers.ts'
import { fencesOf, fileIn } from '../../../test/support/fences.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { cleanEnvironment, hierax, temporaryFolder } from '../../../test/support/service.ts'
import { root } from '../../../test/support/shared.ts'
import { until } from '../../../test/support/until.ts'

const page = 'docs/training.md'
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const file = (...names: string[]) => path.join(folder, ...names)

const { skip, brokers, tools } = await kafka()

/** One shell for all commands of the page, as its reader has, so that a job that one block starts can be ended by another. */
class Shell {
  readonly child: ChildProcessWithoutNullStreams
  #output = ''
  #errors = ''
  #blocks = 0

  constructor(env: NodeJS.ProcessEnv) {
    this.child = spawn('bash', ['-e'], { cwd: folder, env, stdio: 'pipe' })
    this.child.stdout.setEncoding('utf8').on('data', text => {
      this.#output += text
    })
    this.child.stderr.setEncoding('utf8').on('data', text => {
      this.#errors += text
    })
  }

  /** Resolves with what the commands printed, once they have ended. A command that fails rejects. */
  async run(commands: string): Promise<string> {
    const from = this.#output.length
    const mark = `block ${++this.#blocks} has ended\n`
    this.child.stdin.write(`${commands}\nprintf ${JSON.stringify(mark)}\n`)
    await until(() => this.#output.endsWith(mark) || this.child.exitCode !== null)
    assert.equal(this.child.exitCode, null, `${commands}\n${this.#errors}`)
    return this.#output.slice(from, -mark.length)
  }

  async end(): Promise<void> {
    const exit = this.child.exitCode === null ? once(this.child, 'exit') : null
    this.child.stdin.end('kill $!\nwait\n')
    await exit
  }
}

test('every command of the tutorial on training works, in its order', { skip }, async t => {
  fs.mkdirSync(file('bin'))
  fs.writeFileSync(file('bin/hierax'), `#!/bin/sh\nexec "${process.execPath}" "${hierax}" "$@"\n`, { mode: 0o755 })
  fs.cpSync(path.join(root, 'examples'), file('examples'), { recursive: true })
  const topics = tools.name('hunters')
  const here = (text: string) =>
    text.replaceAll('localhost:9092', brokers.join(',')).replaceAll(/hunters_(?=\w)/g, `${topics}_`)
  for (const name of ['tree.json', 'judged.json', 'stream.json', 'shadow.yaml', 'hunters.yaml']) {
    fs.writeFileSync(file(name), here(fileIn(page, name)))
  }
  for (const name of ['shadow.yaml', 'hunters.yaml'])
    fs.appendFileSync(file(name), `http: { port: ${await freePort()} }\n`)
  const shell = new Shell(cleanEnvironment({ PATH: `${file('bin')}:${process.env.PATH}` }))
  t.after(() => shell.end())
  const blocks = fencesOf(page).filter(({ info }) => info === 'sh')
  const run = async (): Promise<string> => shell.run(here(blocks.shift()?.text ?? ''))

  await run()
  await run()
  const linesIn = (name: string) => fs.readFileSync(file(name), 'utf8').trim().split('\n').length
  assert.deepEqual([linesIn('mine.jsonl'), linesIn('others.jsonl')], [30, 14])
  await run()
  assert.match(await run(), /Among TDE,SLSN,SN Ia,CC/)
  await run()
  const weightsIn = (name: string) => fs.readFileSync(file('models', name, 'weights.bin'))
  assert.ok(!weightsIn('mine-3').equals(weightsIn('mine-2')), 'the balance of the samples changes the network')
  const { populations, context } = JSON.parse(fs.readFileSync(file('models/mine-3/card.json'), 'utf8')) as Card
  assert.deepEqual([Object.keys(populations ?? {}), context], [['stream', 'labelled'], undefined])
  assert.match(await run(), /Calibration of every node/)
  for (const name of ['report/index.html', 'evaluation.json', 'models/mine/novelty.json', 'models/mine-2/card.json']) {
    assert.ok(fs.existsSync(file(name)), name)
  }
  const [line = ''] = fs.readFileSync(file('predictions.jsonl'), 'utf8').split('\n')
  assert.deepEqual(Object.keys(JSON.parse(line)), ['id', 'label', 'days', 'nodes', 'novelty', 'among'])
  const lines = (await run()).split('\n').filter(text => text.startsWith('{'))
  const names = lines.map(text => JSON.parse(text).classifier.name)
  assert.deepEqual([...new Set(names)].sort(), ['mine', 'mine-2'])

  await run()
  const alerts = (await tools.read(`${topics}_alerts`)).length
  await tools.read(`${topics}_classifications`, alerts)
  const compared = await run()
  assert.match(compared, /^mine 1\.0\.0 .*agreement/)
  assert.match(await run(), /20 of 20 objects reclassified\n {2}by mine 1\.0\.0:/)
  assert.equal(blocks.length, 0)
})
