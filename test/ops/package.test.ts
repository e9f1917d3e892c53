import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { version } from '../../src/version.ts'
import { container } from '../alerts/packets.ts'
import { build } from '../support/build.ts'
import { cleanEnvironment, temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'
import { holds, trackedFiles } from './container/files.ts'
import { unpackPackage } from './container/packed.ts'

describe('the npm package', () => {
  const folder = temporaryFolder()
  const installed = path.join(folder, 'package')
  let files: string[] = []

  before(() => {
    assert.ok(build(), 'dist/ can be built')
    files = unpackPackage(folder)
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

  describe('installed without workspaces', () => {
    // Not below `folder`, whose node_modules has the workspaces.
    const place = temporaryFolder()
    const modules = path.join(place, 'node_modules')
    const alone = path.join(modules, 'hierax')

    before(() => {
      fs.mkdirSync(modules)
      fs.cpSync(installed, alone, { recursive: true })
      for (const name of fs.readdirSync(path.join(root, 'node_modules'))) {
        if (!['hierax', '@hierax'].includes(name) && !name.startsWith('.'))
          fs.symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
      }
    })
    after(() => fs.rmSync(place, { recursive: true, force: true }))

    const run = (...args: string[]) =>
      spawnSync(process.execPath, [path.join(alone, 'dist/cli/main.js'), ...args], {
        cwd: place,
        encoding: 'utf8',
        env: cleanEnvironment()
      })

    test('holds the service alone', () => {
      assert.deepEqual(
        fs.readdirSync(alone).sort(),
        ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'examples', 'models', 'package.json', 'schemas'].sort()
      )
      for (const name of ['training', 'simulator', 'bench', 'app/demo'])
        assert.equal(fs.existsSync(path.join(alone, 'dist', name)), false, name)
    })

    test('classifies and prints its configuration', () => {
      const packet = path.join(place, 'packet.avro')
      fs.writeFileSync(packet, container())
      const { status, stdout, stderr } = run('classify', packet)
      assert.equal(status, 0, stderr)
      assert.equal(stdout.trim().split('\n').length, 1)
      assert.ok(JSON.parse(stdout).nodes.length > 10)
      assert.match(run('serve', '--print-config').stdout, /^input:/m)
    })

    test('lists commands of other packages, and says how to get them', () => {
      const help = run('--help').stdout
      for (const [command, name, remedy] of [
        ['train', '@hierax/training', 'npm install @hierax/training'],
        ['evaluate', '@hierax/training', 'npm install @hierax/training'],
        ['convert', '@hierax/training', 'npm install @hierax/training'],
        ['simulate', '@hierax/tools', 'clone the repository'],
        ['demo', '@hierax/tools', 'clone the repository']
      ] as const) {
        assert.match(help, new RegExp(`^  ${command} .*not installed`, 'm'))
        const { status, stdout, stderr } = run(command, '--out', 'x')
        assert.deepEqual([status, stdout], [2, ''])
        assert.match(stderr, /^hierax: NOT_INSTALLED: /)
        assert.ok(stderr.includes(name) && stderr.includes(remedy), stderr)
      }
    })
  })
})
