import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from './shared.ts'

/** What some tests need and `npm install` does not bring: each script does nothing where it is there already. */
const needs = [
  { mentions: /testPython/, script: 'scripts/setup-python.mjs', what: 'Python packages' },
  { mentions: /tfjs-node/, script: 'scripts/setup-tensorflow.mjs', what: 'TensorFlow for Node' }
]

/** Installs what the test files need. Where that is impossible it says why, and the tests that need it are skipped. */
export function prepare(files: readonly string[]): void {
  const texts = files.map(file => fs.readFileSync(path.join(root, file), 'utf8'))
  for (const { mentions, script, what } of needs) {
    if (!texts.some(text => mentions.test(text))) continue
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: root, encoding: 'utf8' })
    console.log(
      status === 0 ? `${stdout.trim().split('\n').at(-1)}` : `${what}: not available. ${stderr || stdout}`.trim()
    )
  }
}
