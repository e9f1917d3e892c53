import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { container } from './alerts/packets.ts'
import { cleanEnvironment, temporaryFolder } from './support/service.ts'
import { root } from './support/shared.ts'

/** What `npm pack` makes, unpacked as `npm install` would, in a folder that holds no workspaces. */
describe('the package', () => {
  const folder = temporaryFolder()
  const modules = path.join(folder, 'node_modules')
  const installed = path.join(modules, 'hierax')
  after(() => fs.rmSync(folder, { recursive: true, force: true }))

  before(() => {
    // Without scripts: what is tested is what the test command built.
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }))
    execFileSync('tar', ['-xzf', path.join(folder, filename), '-C', folder])
    fs.mkdirSync(modules)
    fs.renameSync(path.join(folder, 'package'), installed)
    for (const name of fs.readdirSync(path.join(root, 'node_modules'))) {
      if (!['hierax', '@hierax'].includes(name) && !name.startsWith('.'))
        fs.symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
    }
  })

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(installed, 'dist/cli/main.js'), ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: cleanEnvironment()
    })

  test('holds the service alone', () => {
    assert.deepEqual(
      fs.readdirSync(installed).sort(),
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'examples', 'models', 'package.json', 'schemas'].sort()
    )
    const text = (name: string) => fs.existsSync(path.join(installed, 'dist', name))
    for (const name of ['training', 'simulator', 'bench', 'app/demo']) assert.equal(text(name), false, name)
  })

  test('classifies and prints its configuration', () => {
    const packet = path.join(folder, 'packet.avro')
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
