import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import type { Card } from 'hierax/classifier/card.ts'
import { fencesOf, fileIn } from '../../../test/support/fences.ts'
import { cleanEnvironment, hierax, temporaryFolder } from '../../../test/support/service.ts'
import { root } from '../../../test/support/shared.ts'

const page = 'docs/training.md'
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

test('every command of the tutorial on training works, in its order', async () => {
  const bin = path.join(folder, 'bin')
  fs.mkdirSync(bin)
  fs.writeFileSync(path.join(bin, 'hierax'), `#!/bin/sh\nexec "${process.execPath}" "${hierax}" "$@"\n`, {
    mode: 0o755
  })
  fs.cpSync(path.join(root, 'examples'), path.join(folder, 'examples'), { recursive: true })
  for (const name of ['tree.json', 'judged.json', 'stream.json']) {
    fs.writeFileSync(path.join(folder, name), fileIn(page, name))
  }
  const env = cleanEnvironment({ PATH: `${bin}:${process.env.PATH}` })
  const outputs: string[] = []
  for (const { info, text } of fencesOf(page)) {
    if (info !== 'sh') continue
    const { stdout } = await promisify(execFile)('bash', ['-euc', text], { cwd: folder, env, maxBuffer: 1 << 26 })
    outputs.push(stdout)
  }
  assert.equal(outputs.length, 5)
  assert.match(outputs[1] ?? '', /Among SN Ia,CC/)
  assert.match(outputs[3] ?? '', /Calibration of every node/)
  for (const file of ['report/index.html', 'evaluation.json', 'models/mine/novelty.json', 'models/mine-2/card.json']) {
    assert.ok(fs.existsSync(path.join(folder, file)), file)
  }
  const [line = ''] = fs.readFileSync(path.join(folder, 'predictions.jsonl'), 'utf8').split('\n')
  assert.deepEqual(Object.keys(JSON.parse(line)), ['id', 'label', 'days', 'nodes', 'novelty', 'among'])
  const { populations, context } = JSON.parse(
    fs.readFileSync(path.join(folder, 'models/mine-3/card.json'), 'utf8')
  ) as Card
  assert.deepEqual([Object.keys(populations ?? {}), context], [['stream', 'labelled'], undefined])
  const answers = (outputs[4] ?? '')
    .trim()
    .split('\n')
    .filter(text => text.startsWith('{'))
    .map(text => JSON.parse(text))
  assert.deepEqual([...new Set(answers.map(({ classifier }) => classifier.name))].sort(), ['mine', 'mine-2'])
})
