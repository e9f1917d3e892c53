import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { build } from '../support/build.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/service.ts'
import { requireAll, root } from '../support/shared.ts'
import { until } from '../support/until.ts'
import { read } from './container/files.ts'
import { cannotEnter, createBase, ended, start } from './container/namespace.ts'
import { unpackPackage } from './container/packed.ts'

const unit = read('ops/systemd/hierax.service')
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Values of a setting, in order. */
const valuesOf = (name: string) =>
  [...unit.matchAll(new RegExp(`^#?${name}=(.*)$`, 'gm'))].map(match => match[1] as string)

/** Variables that the unit sets, and on request those that it only prepares. */
function environment(prepared = false): Record<string, string> {
  const pairs = [...unit.matchAll(/^(#?)Environment=(\w+)=(.*)$/gm)].filter(([, comment]) => prepared || !comment)
  return Object.fromEntries(pairs.map(([, , name = '', value = '']) => [name, value]))
}

const skip = (() => {
  if (spawnSync('systemd-analyze', ['--version']).status === 0) return false
  const reason = 'needs systemd-analyze (Debian: apt-get install systemd)'
  if (requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${reason}`)
  return reason
})()

/** The unit with a command that is here. */
function unitFile(): string {
  const file = path.join(folder, 'hierax.service')
  fs.writeFileSync(file, unit.replaceAll('/usr/local/bin/hierax', process.execPath))
  return file
}

test('systemd finds nothing wrong with the unit', { skip }, () => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unitFile()], { encoding: 'utf8' })
  const own = `${stdout}${stderr}`.split('\n').filter(line => line.includes('hierax.service'))
  assert.deepEqual(own, [])
  assert.equal(status, 0)
})

test('the unit has few rights: systemd calls its exposure low', { skip }, () => {
  const args = ['security', '--offline=true', '--threshold=25', unitFile()]
  const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

test('its settings are accepted, and those that are prepared too', () => {
  const secret = path.join(folder, 'secret')
  fs.writeFileSync(secret, 'hidden')
  const config = path.join(folder, 'hierax.yaml')
  fs.writeFileSync(config, 'input: { sasl: { mechanism: plain, username: someone } }')
  const env = environment(true)
  for (const [name, value] of Object.entries(env)) if (value.startsWith('%d/')) env[name] = secret
  const { store, http, input } = loadConfig({ env: { ...env, HIERAX_CONFIG: config } })
  assert.equal(store.url, `lmdb:/var/lib/${valuesOf('StateDirectory')[0]}`)
  assert.equal(http.token, 'hidden')
  assert.equal(input.sasl?.password, 'hidden')
  assert.deepEqual(valuesOf('ExecStart'), ['/usr/local/bin/hierax serve'])
  assert.equal(valuesOf('TimeoutStopSec')[0], '60')
})

const cannotRun = cannotEnter()
if (cannotRun && requireAll) throw new Error(`HIERAX_REQUIRE_ALL=1, but this test ${cannotRun}`)

test('the packed package serves as the unit starts it: not as root, without homes, only its state is writable', {
  skip: cannotRun
}, async () => {
  assert.ok(build(), 'dist/ can be built')
  const place = path.join(folder, 'machine')
  const [lib, state] = ['lib', 'state'].map(name => path.join(place, name)) as [string, string]
  const installed = path.join(lib, 'node_modules/hierax')
  for (const needed of [state, path.dirname(installed)]) fs.mkdirSync(needed, { recursive: true })
  // As `npm install --global --prefix /usr/local` lays it out.
  unpackPackage(place)
  fs.renameSync(path.join(place, 'package'), installed)
  fs.mkdirSync(path.join(installed, 'node_modules'))
  const base = createBase(path.join(place, 'root'))
  fs.symlinkSync('../lib/node_modules/hierax/dist/cli/main.js', path.join(base.bin, 'hierax'))

  const port = await freePort()
  fs.mkdirSync(path.join(base.folder, 'var/lib/hierax'), { recursive: true })
  fs.writeFileSync(
    path.join(base.folder, 'opt/hierax.yaml'),
    `{ input: { brokers: 127.0.0.1:1 }, http: { port: ${port} } }`
  )
  const user = 12345
  fs.chownSync(state, user, user)
  const service = start(base, String(valuesOf('ExecStart')[0]).split(' '), {
    env: { ...environment(), HIERAX_CONFIG: '/opt/hierax.yaml' },
    cwd: '/',
    user: `${user}:${user}`,
    readOnly: true,
    volumes: {
      '/usr/local/lib': lib,
      '/usr/local/lib/node_modules/hierax/node_modules': path.dirname(
        fs.realpathSync(path.join(root, 'node_modules/fastify'))
      ),
      '/var/lib/hierax': state
    }
  })
  const end = ended(service)
  const isLive = async () => (await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => null))?.status === 200
  await until(async () => service.exitCode !== null || (await isLive()))
  service.kill('SIGTERM')
  const { code, stdout, stderr } = await end
  assert.equal(code, 0, stdout + stderr)
  assert.ok(fs.existsSync(path.join(state, 'data.mdb')))
})
