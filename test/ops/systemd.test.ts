import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { temporaryFolder } from '../support/service.ts'
import { requireAll } from '../support/shared.ts'
import { read } from './container/files.ts'

const unit = read('ops/systemd/hierax.service')
const folder = temporaryFolder()
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Values of a setting, in order. */
const valuesOf = (name: string) =>
  [...unit.matchAll(new RegExp(`^#?${name}=(.*)$`, 'gm'))].map(match => match[1] as string)

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
  const given = valuesOf('Environment').map(text => [
    text.slice(0, text.indexOf('=')),
    text.slice(text.indexOf('=') + 1)
  ])
  const secret = path.join(folder, 'secret')
  fs.writeFileSync(secret, 'hidden')
  const config = path.join(folder, 'hierax.yaml')
  fs.writeFileSync(config, 'input: { sasl: { mechanism: plain, username: someone } }')
  const env = Object.fromEntries(
    given.map(([name = '', value = '']) => [name, value.startsWith('%d/') ? secret : value])
  )
  const { store, http, input } = loadConfig({ env: { ...env, HIERAX_CONFIG: config } })
  assert.equal(store.url, `lmdb:/var/lib/${valuesOf('StateDirectory')[0]}`)
  assert.equal(http.token, 'hidden')
  assert.equal(input.sasl?.password, 'hidden')
  assert.deepEqual(valuesOf('ExecStart'), ['/usr/local/bin/hierax serve'])
  assert.equal(valuesOf('TimeoutStopSec')[0], '60')
})
