import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from './shared.ts'

/** Prerequisites of some tests that `npm install` does not install. Each script does nothing if they are present. */
const needs = [
  { mentions: /testPython/, script: 'scripts/setup-python.mjs', what: 'Python packages' },
  { mentions: /tomPython/, script: 'scripts/setup-python.mjs', args: ['tom-requirements.txt'], what: 'TOM Toolkit' },
  { mentions: /tfjs-node/, script: 'scripts/setup-tensorflow.mjs', what: 'TensorFlow for Node' }
]

/** Installs the prerequisites of the test files. If one is unavailable, it prints the reason, and the tests that need it are skipped. */
export function prepare(files: readonly string[]): void {
  const texts = files.map(file => fs.readFileSync(path.join(root, file), 'utf8'))
  for (const { mentions, script, what, args = [] } of needs) {
    if (!texts.some(text => mentions.test(text))) continue
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' })
    console.log(
      status === 0 ? `${stdout.trim().split('\n').at(-1)}` : `${what}: not available. ${stderr || stdout}`.trim()
    )
  }
}
