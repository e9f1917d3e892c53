import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { root } from '../support/shared.ts'

const script = path.join(root, 'scripts/complete-lock.mjs')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-lock-'))
after(() => fs.rmSync(folder, { recursive: true }))

const run = (cwd: string, ...args: string[]) =>
  spawnSync(process.execPath, [script, ...args], { cwd, encoding: 'utf8' })

const names = ['one-darwin-arm64', 'one-linux-x64-gnu', 'one-linux-arm-musleabihf']

function writeLock(): void {
  const one = { version: '1.2.3', dev: true, optionalDependencies: Object.fromEntries(names.map(n => [n, '1.2.3'])) }
  const held = { version: '1.2.3', dev: true, optional: true, cpu: ['x64'], os: ['linux'] }
  const packages = { '': { name: 'x' }, 'node_modules/one': one, 'node_modules/one-linux-x64-gnu': held }
  fs.writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }))
}

test("the project's own lock is complete", () => {
  const { status, stdout } = run(root, '--check')
  assert.equal(status, 0, stdout)
})

test('what a lock lacks is named, then added with its platform', () => {
  writeLock()
  const check = run(folder, '--check')
  assert.equal(check.status, 1)
  assert.match(check.stdout, /one-darwin-arm64/)
  assert.doesNotMatch(check.stdout, /one-linux-x64-gnu/)

  assert.equal(run(folder).status, 0)
  assert.equal(run(folder, '--check').status, 0)
  const { packages } = JSON.parse(fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8'))
  assert.deepEqual(packages['node_modules/one-darwin-arm64'], {
    version: '1.2.3',
    cpu: ['arm64'],
    dev: true,
    optional: true,
    os: ['darwin']
  })
  assert.deepEqual(packages['node_modules/one-linux-arm-musleabihf'].cpu, ['arm'])
})
