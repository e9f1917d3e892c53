import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { version } from '../../src/version.ts'
import { build } from '../support/build.ts'
import { cleanEnvironment, temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { holds, trackedFiles } from './container/files.ts'

describe('the npm package', () => {
  const folder = temporaryFolder()
  const installed = path.join(folder, 'package')
  let files: string[] = []

  before(() => {
    assert.ok(build(), 'dist/ can be built')
    // The package as it lies here: its `prepare` would build dist/ anew while other tests run it.
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const [packed] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }))
    files = packed.files.map((file: { path: string }) => file.path)
    execFileSync('tar', ['-xzf', path.join(folder, packed.filename), '-C', folder])
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  })
  after(() => fs.rmSync(folder, { recursive: true, force: true }))

  const hierax = (...args: string[]): string => {
    const { bin } = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'))
    const main = path.join(installed, bin.hierax)
    return execFileSync(process.execPath, [main, ...args], { env: cleanEnvironment(), cwd: folder, encoding: 'utf8' })
  }

  test('holds what runs and nothing else', () => {
    for (const needed of ['package.json', 'LICENSE', 'schemas/classification.avsc', 'dist/cli/main.js'])
      assert.ok(files.includes(needed), needed)
    const foreign = files.filter(file => /^(src|test|bench|scripts|ops|data|node_modules|\.)/.test(file))
    assert.deepEqual(foreign, [])
    const tracked = trackedFiles()
    if (!tracked) return
    const untracked = files.filter(file => !file.startsWith('dist/') && !holds(tracked, file))
    assert.deepEqual(untracked, [], 'what git does not track is in no fresh clone')
  })

  test('runs from where it is unpacked: simulates alerts and classifies them', () => {
    assert.ok(fs.readFileSync(path.join(installed, 'dist/cli/main.js'), 'utf8').startsWith('#!/usr/bin/env node\n'))
    assert.equal(hierax('--version').trim(), version)
    hierax('simulate', '--out', path.join(folder, 'packets'), '--objects', '2')
    const packets = fs.readdirSync(path.join(folder, 'packets')).length
    const lines = hierax('classify', path.join(folder, 'packets')).trim().split('\n')
    assert.ok(packets > 2)
    assert.equal(lines.length, packets)
    for (const line of lines) assert.equal(JSON.parse(line).status, 'CLASSIFIED')
  })
})
