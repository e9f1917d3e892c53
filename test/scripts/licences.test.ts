import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { root } from '../support/shared.ts'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'hierax-licences-'))
after(() => fs.rmSync(folder, { recursive: true }))

const run = (script: string, args: string[], env = process.env) =>
  spawnSync(process.execPath, [path.join(root, 'scripts', script), ...args], { encoding: 'utf8', env })

/** A project with one dependency. */
function project(licence: unknown, kind: 'dependencies' | 'devDependencies' = 'dependencies'): string {
  const place = fs.mkdtempSync(path.join(folder, 'project-'))
  fs.mkdirSync(path.join(place, 'node_modules/one'), { recursive: true })
  fs.mkdirSync(path.join(place, 'docs'))
  fs.writeFileSync(path.join(place, 'node_modules/one/package.json'), JSON.stringify({ license: licence }))
  const packages = { '': { name: 'x', [kind]: { one: '1.0.0' } }, 'node_modules/one': { version: '1.0.0' } }
  fs.writeFileSync(path.join(place, 'package-lock.json'), JSON.stringify({ packages }))
  return place
}

test('everything that is shipped has a licence on the list, and docs/licences.md says which', () => {
  const { status, stdout } = run('licences.mjs', ['--check'])
  assert.equal(status, 0, stdout)
})

for (const licence of [
  'GPL-3.0-only',
  'MIT AND AGPL-3.0-only',
  'SEE LICENSE IN LICENSE',
  undefined,
  '(GPL-2.0 OR SSPL-1.0)'
]) {
  test(`a dependency under ${licence} is refused`, () => {
    const { status, stdout } = run('licences.mjs', [`--root=${project(licence)}`])
    assert.equal(status, 1)
    assert.match(stdout, /^one 1\.0\.0: .* is not on the list/)
  })
}

for (const licence of ['MIT', '(GPL-2.0 OR MIT)', 'MIT AND ISC', { type: 'BSD-3-Clause' }]) {
  test(`a dependency under ${JSON.stringify(licence)} is taken`, () => {
    assert.equal(run('licences.mjs', [`--root=${project(licence)}`]).status, 0)
  })
}

test('what is not shipped may have any licence', () => {
  assert.equal(run('licences.mjs', [`--root=${project('GPL-3.0-only', 'devDependencies')}`]).status, 0)
})

test('the audit fails for a severe vulnerability, and not for a registry that has no advisories', () => {
  const answer = (text: string): NodeJS.ProcessEnv => {
    const bin = fs.mkdtempSync(path.join(folder, 'bin-'))
    fs.writeFileSync(path.join(bin, 'npm'), `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`, { mode: 0o755 })
    return { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  }
  const vulnerabilities = { info: 0, low: 3, moderate: 1, high: 1, critical: 0 }
  assert.equal(run('audit.mjs', [], answer(JSON.stringify({ metadata: { vulnerabilities } }))).status, 1)
  const mild = { metadata: { vulnerabilities: { ...vulnerabilities, high: 0 } } }
  assert.equal(run('audit.mjs', [], answer(JSON.stringify(mild))).status, 0)
  const silent = run('audit.mjs', [], answer('{"error":{"code":"ENOAUDIT"}}'))
  assert.equal(silent.status, 0)
  assert.match(silent.stdout, /NOT audited/)
})
