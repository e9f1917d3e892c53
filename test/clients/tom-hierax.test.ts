import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { separation } from '../../src/lightcurves/sky.ts'
import { classification } from '../../src/service/schema/examples.ts'
import { World } from '../service/support.ts'
import { tomPython } from '../support/python.ts'
import { temporaryFolder } from '../support/service.ts'
import { root } from '../support/shared.ts'

const python = tomPython()

test('TOM Toolkit finds objects, makes targets and stores their data with the data service', {
  skip: python.skip
}, async t => {
  const world = new World()
  world.query = async function* ({ since, cone }) {
    const { jd, ra, dec } = classification
    if (since !== null && jd < since) return
    if (cone === null || separation(cone, { ra, dec }) <= cone.radius) yield world.stored
  }
  const service = await world.service({ token: 'secret' })
  t.after(() => service.close())
  const { url } = await service.listen()
  const folder = path.join(root, 'clients/tom_hierax')
  const installed = temporaryFolder()
  t.after(() => fs.rmSync(installed, { recursive: true, force: true }))
  const program = path.join(python.folder, 'python')
  const run = promisify(execFile)
  // As `pip install clients/tom_hierax`, but from what is installed already.
  const options = ['--quiet', '--no-deps', '--no-build-isolation', '--no-index', '--target', installed]
  await run(program, ['-m', 'pip', 'install', ...options, folder])
  const tests = run(program, ['-B', '-m', 'django', 'test', 'tests', '--settings', 'tests.settings'], {
    cwd: folder,
    env: { ...process.env, PYTHONPATH: installed, HIERAX_URL: url }
  })
  const { stderr } = await tests.catch((failure: { stderr: string }) => assert.fail(failure.stderr))
  assert.match(stderr, /^Ran 14 tests/m)
})
